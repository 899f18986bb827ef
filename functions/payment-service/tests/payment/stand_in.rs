//! A stand-in for Stripe: it keeps books, honours `Idempotency-Key` and enforces it, and does what
//! goes wrong with a call when it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fanout_testkit::faults::Process;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::keep_books::{Intent, error};

pub(crate) const SECRET_KEY: &str = "sk_test_51secret";

/// How long a call is at work: others under its key meet it.
const WORK: Duration = Duration::from_millis(2);

/// What goes wrong with a call.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The connection ends before it acts.
    LostBefore,
    /// It acts, and the connection ends without an answer.
    LostAfter,
    /// The same, and Stripe has forgotten all keys, as it does after 24 h.
    LostAndForgotten,
    /// It does not act, and says this. Nothing is kept under the key.
    Says(u16),
    /// It fails with a 500 that it repeats under the key, and has not acted.
    Fails,
    /// The same, and it has acted.
    ActsAndFails,
    /// The caller's process ends before it acts.
    CrashBefore(Arc<Process>),
    /// It acts, and the caller's process ends before it knows.
    CrashAfter(Arc<Process>),
}

/// A call as it came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What a key holds.
enum Kept {
    InFlight,
    Answered(u16, Value),
}

/// What Stripe knows.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) intents: Vec<Intent>,
    pub(crate) calls: Vec<Call>,
    keys: BTreeMap<String, (Call, Kept)>,
}

type Plan = dyn Fn(&Call) -> Option<Trouble> + Send + Sync;

pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    books: Arc<Mutex<Books>>,
    server: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl StandIn {
    pub(crate) async fn open(
        plan: impl Fn(&Call) -> Option<Trouble> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let books: Arc<Mutex<Books>> = Arc::default();
        let (kept, plan): (_, Arc<Plan>) = (Arc::clone(&books), Arc::new(plan));
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (books, plan) = (Arc::clone(&kept), Arc::clone(&plan));
                // It goes on with a call whose caller goes away.
                tokio::spawn(async move { serve(stream, &books, &*plan).await });
            }
        });
        Self {
            address,
            books,
            server,
        }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// How often money was captured, and how often it was and was not given back.
    pub(crate) fn captures(&self) -> (usize, usize) {
        let books = self.books();
        let ever = books.intents.iter().map(|intent| intent.captures).sum();
        let went_back = |intent: &&Intent| intent.refunds.contains(&"succeeded");
        let standing = books.intents.iter().filter(|intent| !went_back(intent));
        (ever, standing.map(|intent| intent.captures).sum())
    }

    /// 24 h pass.
    pub(crate) fn forget_keys(&self) {
        self.books().keys.clear();
    }
}

async fn serve(mut stream: TcpStream, books: &Mutex<Books>, plan: &Plan) {
    let Some(call) = read(&mut stream).await else {
        return;
    };
    books.lock().unwrap().calls.push(call.clone());
    let trouble = plan(&call);
    match &trouble {
        Some(Trouble::LostBefore) => return,
        Some(Trouble::Says(status)) => return answer(stream, *status, &json!({})).await,
        Some(Trouble::CrashBefore(process)) => return process.crash(),
        Some(
            Trouble::LostAfter
            | Trouble::LostAndForgotten
            | Trouble::Fails
            | Trouble::ActsAndFails
            | Trouble::CrashAfter(_),
        )
        | None => {}
    }
    let (status, body) = idempotent(&call, books, trouble.as_ref()).await;
    match trouble {
        Some(Trouble::LostAfter) => {}
        Some(Trouble::LostAndForgotten) => books.lock().unwrap().keys.clear(),
        Some(Trouble::CrashAfter(process)) => process.crash(),
        _ => answer(stream, status, &body).await,
    }
}

/// Acts once under a key, and repeats what it said then; without a key it acts each time.
async fn idempotent(call: &Call, books: &Mutex<Books>, trouble: Option<&Trouble>) -> (u16, Value) {
    if call.headers.get("authorization") != Some(&format!("Bearer {SECRET_KEY}")) {
        return (401, error("invalid_request_error", "", ""));
    }
    if call.method == "GET" {
        return match trouble {
            Some(Trouble::Fails | Trouble::ActsAndFails) => (500, error("api_error", "", "")),
            _ => books.lock().unwrap().act(call),
        };
    }
    let key = call.headers.get("idempotency-key").cloned();
    if let Some(key) = &key {
        let mut books = books.lock().unwrap();
        match books.keys.get(key) {
            Some((first, _)) if !first.is_same(call) => {
                return (400, error("idempotency_error", "", ""));
            }
            Some((_, Kept::InFlight)) => {
                return (
                    409,
                    error("invalid_request_error", "idempotency_key_in_use", ""),
                );
            }
            Some((_, Kept::Answered(status, body))) => return (*status, body.clone()),
            None => books
                .keys
                .insert(key.clone(), (call.clone(), Kept::InFlight)),
        };
    }
    tokio::time::sleep(WORK).await;
    let mut books = books.lock().unwrap();
    let failed = (500, error("api_error", "", ""));
    let (status, body) = match trouble {
        Some(Trouble::Fails) => failed,
        Some(Trouble::ActsAndFails) => {
            books.act(call);
            failed
        }
        _ => books.act(call),
    };
    if let Some(key) = key {
        let kept = Kept::Answered(status, body.clone());
        books.keys.insert(key, (call.clone(), kept));
    }
    (status, body)
}

impl Call {
    fn is_same(&self, other: &Self) -> bool {
        (&self.method, &self.path, &self.body) == (&other.method, &other.path, &other.body)
    }

    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        let pairs = url::form_urlencoded::parse(self.body.as_bytes());
        pairs.into_owned().collect()
    }

    /// The last part of the path: what is asked for.
    pub(crate) fn verb(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    let end = loop {
        let found = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        if let Some(end) = found {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: BTreeMap<String, String> = headers.collect();
    let length = headers.get("content-length").map_or("0", String::as_str);
    let length: usize = length.parse().ok()?;
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Call {
        method,
        path,
        headers,
        body: String::from_utf8(bytes.split_off(end + 4)).ok()?,
    })
}

async fn answer(mut stream: TcpStream, status: u16, body: &Value) {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // A caller that has gone hears nothing.
    let _ = stream.write_all((head + &body).as_bytes()).await;
}
