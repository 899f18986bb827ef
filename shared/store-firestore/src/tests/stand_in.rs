//! A stand-in for Firestore that answers as a test says. gRPC by hand, since nothing but three calls
//! is needed of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use fanout_store::{Key, UpdateTime};
use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::batch_get_documents_response::Result as Found;
use gcloud_sdk::tonic::Code;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::names::Names;
use crate::values::version_to_proto;
use crate::{FirestoreDocuments, FirestoreOptions};

/// What becomes of one call.
#[derive(Clone)]
pub(super) enum Reply {
    /// These messages.
    Answer(Vec<Vec<u8>>),
    /// This error.
    Error(Code, String),
    /// The connection ends without an answer.
    Break,
    /// The connection says nothing any more, to this call or any later one.
    Silence,
    /// A commit of one write, once the test says so; nothing else before it.
    Late(Arc<Notify>),
}

/// One stand-in, with a plan of its replies.
pub(super) struct StandIn {
    /// `host:port`
    pub(super) host: String,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    replies: VecDeque<Reply>,
    calls: Vec<String>,
}

impl StandIn {
    /// One that replies like this, call by call.
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let plan = Arc::new(Mutex::new(Plan {
            replies: replies.into_iter().collect(),
            calls: Vec::new(),
        }));
        let shared = Arc::clone(&plan);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { host, plan }
    }

    pub(super) async fn documents(&self) -> FirestoreDocuments {
        documents_at(&self.host).await
    }

    /// The calls so far, by name.
    pub(super) fn calls(&self) -> Vec<String> {
        self.plan.lock().unwrap().calls.clone()
    }
}

pub(super) async fn documents_at(host: &str) -> FirestoreDocuments {
    FirestoreDocuments::connect(emulator_at(host))
        .await
        .unwrap()
}

pub(crate) fn emulator_at(host: &str) -> FirestoreOptions {
    FirestoreOptions {
        project: "demo".to_owned(),
        database: "(default)".to_owned(),
        emulator_host: Some(host.to_owned()),
    }
}

/// Reads of these documents: `None` is a missing one.
pub(super) fn found(documents: &[(&Key, Option<UpdateTime>)]) -> Reply {
    let names = Names::new("demo", "(default)");
    let answer = |(key, version): &(&Key, Option<UpdateTime>)| {
        let name = names.document(key);
        let result = match version {
            None => Found::Missing(name),
            Some(version) => Found::Found(proto::Document {
                name,
                update_time: Some(version_to_proto(*version)),
                ..Default::default()
            }),
        };
        let response = proto::BatchGetDocumentsResponse {
            result: Some(result),
            ..Default::default()
        };
        response.encode_to_vec()
    };
    Reply::Answer(documents.iter().map(answer).collect())
}

/// A commit of so many writes.
pub(super) fn committed(writes: usize) -> Reply {
    let result = proto::WriteResult {
        update_time: Some(version_to_proto(UpdateTime(1))),
        ..Default::default()
    };
    let response = proto::CommitResponse {
        write_results: vec![result; writes],
        ..Default::default()
    };
    Reply::Answer(vec![response.encode_to_vec()])
}

async fn serve(stream: TcpStream, plan: Arc<Mutex<Plan>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let database = &request.headers()["google-cloud-resource-prefix"];
        assert_eq!(database, "projects/demo/databases/(default)");
        let mut reply = next_reply(&plan, &request);
        if let Reply::Late(told) = reply {
            told.notified().await;
            reply = committed(1);
        }
        match reply {
            Reply::Break => return,
            Reply::Silence | Reply::Late(_) => std::future::pending::<()>().await,
            Reply::Answer(messages) => send(respond, Code::Ok, "", &messages),
            Reply::Error(code, message) => send(respond, code, &message, &[]),
        }
    }
}

fn next_reply(plan: &Mutex<Plan>, request: &Request<RecvStream>) -> Reply {
    let path = request.uri().path();
    let call = path.rsplit('/').next().unwrap().to_owned();
    let mut plan = plan.lock().unwrap();
    plan.calls.push(call);
    let reply = plan.replies.pop_front();
    reply.expect("a call that is not in the plan")
}

/// The client may have gone away.
fn send(mut respond: SendResponse<Bytes>, code: Code, message: &str, messages: &[Vec<u8>]) {
    let head = Response::builder().header("content-type", "application/grpc");
    let Ok(mut body) = respond.send_response(head.body(()).unwrap(), false) else {
        return;
    };
    for message in messages {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let framed = [&[0], length.as_slice(), message].concat();
        let _ = body.send_data(framed.into(), false);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(code as i32));
    trailers.insert("grpc-message", HeaderValue::from_str(message).unwrap());
    let _ = body.send_trailers(trailers);
}
