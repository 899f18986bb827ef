//! A stand-in for Firestore and Pub/Sub: takes every commit at once, every message when the test says
//! so, and a query too. gRPC by hand, since nothing but three calls is needed of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(60);

/// Both services, on one port.
pub(crate) struct Google {
    /// `host:port`
    pub(crate) host: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    commits: AtomicUsize,
    publishes: watch::Sender<usize>,
    answering: watch::Sender<bool>,
    /// What queries find: nothing is known of that before the test says it.
    found: watch::Sender<Option<&'static [u8]>>,
}

/// `RunQueryResponse { read_time: 1 s }`
const NOTHING: &[u8] = b"\x1a\x02\x08\x01";
/// `RunQueryResponse { document: { name: "projects/test/..", create_time: 1 s, update_time: 1 s }, read_time: 1 s }`
const A_DOCUMENT: &[u8] = b"\x0a\x52\x0a\x48projects/test/databases/(default)/documents/processed_events/crm:evt_111\x1a\x02\x08\x01\x22\x02\x08\x01\x1a\x02\x08\x01";

impl Google {
    /// One whose queries find nothing.
    pub(crate) async fn start() -> Self {
        let google = Self::start_thinking().await;
        google.finds(false);
        google
    }

    /// One that answers no query before it is told what it finds.
    pub(crate) async fn start_thinking() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { host, state }
    }

    /// Waits until Pub/Sub has been given a message.
    pub(crate) async fn publish_arrived(&self) {
        let mut publishes = self.state.publishes.subscribe();
        let arrived = publishes.wait_for(|count| *count > 0);
        timeout(SOON, arrived).await.expect("a message").unwrap();
    }

    /// From now on messages are answered, also those given before.
    pub(crate) fn answer_publishes(&self) {
        self.state.answering.send_replace(true);
    }

    /// From now on queries are answered, also those asked before: they find a document, or nothing.
    pub(crate) fn finds(&self, a_document: bool) {
        let found = if a_document { A_DOCUMENT } else { NOTHING };
        self.state.found.send_replace(Some(found));
    }

    /// How many messages Pub/Sub was given.
    pub(crate) fn publishes(&self) -> usize {
        *self.state.publishes.borrow()
    }

    /// How many commits Firestore was given.
    pub(crate) fn commits(&self) -> usize {
        self.state.commits.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request, respond, Arc::clone(&state)));
    }
}

async fn answer(request: Request<RecvStream>, respond: SendResponse<Bytes>, state: Arc<State>) {
    let path = request.uri().path().to_owned();
    let Some(message) = read(request.into_body()).await else {
        return;
    };
    match path.as_str() {
        "/google.firestore.v1.Firestore/Commit" => {
            state.commits.fetch_add(1, Ordering::SeqCst);
            send(respond, "0", &commit_response(&message));
        }
        "/google.pubsub.v1.Publisher/Publish" => {
            state.publishes.send_modify(|count| *count += 1);
            let mut answering = state.answering.subscribe();
            let _ = answering.wait_for(|answering| *answering).await;
            // PublishResponse { message_ids: ["1"] }
            send(respond, "0", b"\x0a\x011");
        }
        "/google.firestore.v1.Firestore/RunQuery" => {
            let mut found = state.found.subscribe();
            let found = found.wait_for(Option::is_some).await;
            let found = found.ok().and_then(|found| *found);
            send(respond, "0", found.unwrap_or_default());
        }
        // UNIMPLEMENTED
        _ => send(respond, "12", b""),
    }
}

/// The message of a call: without gRPC's flag and length before it.
async fn read(mut body: RecvStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.ok()?;
        body.flow_control().release_capacity(part.len()).ok()?;
        bytes.extend(part);
    }
    Some(bytes.split_off(bytes.len().min(5)))
}

/// The client may have gone away.
fn send(mut respond: SendResponse<Bytes>, status: &str, message: &[u8]) {
    let head = Response::builder().header("content-type", "application/grpc");
    let Ok(mut body) = respond.send_response(head.body(()).unwrap(), false) else {
        return;
    };
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let framed = [&[0], length.as_slice(), message].concat();
    let _ = body.send_data(framed.into(), false);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_str(status).unwrap());
    let _ = body.send_trailers(trailers);
}

/// `CommitResponse { write_results: [{ update_time: 1 s }, ..], commit_time: 1 s }`, with a result
/// for each of the request's `writes` (field 2; all of its fields have a length).
fn commit_response(request: &[u8]) -> Vec<u8> {
    let mut response = Vec::new();
    let mut rest = request.iter().copied();
    while let Some(tag) = varint(&mut rest) {
        if tag >> 3 == 2 {
            response.extend(b"\x0a\x04\x0a\x02\x08\x01");
        }
        let length = varint(&mut rest).unwrap();
        rest.by_ref().take(length).for_each(drop);
    }
    response.extend(b"\x12\x02\x08\x01");
    response
}

fn varint(bytes: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes.next()?;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Some(value)
}
