//! A mail server. Takes every mail, unless told otherwise before. One that hangs or hangs up after a
//! mail has taken it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::certificate::SelfSigned;
use super::talk::Talk;

/// How a server is talked to.
#[derive(Clone, Copy)]
pub(super) enum Encryption {
    None,
    /// From the first byte on.
    AtOnce,
    /// After `STARTTLS`.
    OnRequest,
}

/// Where in a session something else happens than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Greeting,
    Sender,
    Recipient,
    Data,
    /// After the mail.
    Content,
}

/// What happens instead.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reaction {
    /// It answers this.
    Says(&'static str),
    /// It answers these bytes, and nothing else.
    SaysBytes(&'static [u8]),
    /// It never answers.
    Hangs,
    /// It closes the connection.
    HangsUp,
}

impl Reaction {
    /// Whether the server says that it does not take the mail.
    pub(super) fn refuses(self) -> bool {
        match self {
            Self::Says(text) => text.starts_with(['4', '5']),
            Self::SaysBytes(text) => text.starts_with(b"4") || text.starts_with(b"5"),
            Self::Hangs | Self::HangsUp => false,
        }
    }
}

/// The server; it stops with the test.
pub(super) struct MailServer {
    address: SocketAddr,
    state: Arc<State>,
    connections: Arc<Mutex<JoinSet<()>>>,
    _listening: JoinSet<()>,
}

/// What a server knows and remembers.
pub(super) struct State {
    pub(super) encryption: Encryption,
    acceptor: Option<TlsAcceptor>,
    /// `user:password`; every client is let in where there is none.
    pub(super) account: Option<&'static str>,
    /// Whether it takes internationalised addresses.
    pub(super) international: bool,
    script: Mutex<VecDeque<(Stage, Reaction)>>,
    seen: Mutex<Seen>,
}

/// What has happened so far.
#[derive(Default, Clone)]
pub(super) struct Seen {
    /// Every mail that was taken.
    pub(super) mails: Vec<ReceivedMail>,
    /// Every command, without what follows it.
    pub(super) commands: Vec<String>,
    /// How many connections there were, are, and were at most at the same time.
    pub(super) connections: usize,
    pub(super) open: usize,
    pub(super) most: usize,
}

/// A mail and its envelope.
#[derive(Clone)]
pub(super) struct ReceivedMail {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) content: String,
    pub(super) encrypted: bool,
}

impl ReceivedMail {
    /// The value of a header of one line.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.content.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl MailServer {
    /// A server that every client may use in the open.
    pub(super) async fn open() -> Self {
        Self::new(Encryption::None, None, None).await
    }

    /// The same, but that it takes no internationalised addresses.
    pub(super) async fn of_ascii() -> Self {
        Self::with(Encryption::None, None, None, false).await
    }

    /// A server that lets no client in without this account.
    pub(super) async fn with_account(account: &'static str) -> Self {
        Self::new(Encryption::None, None, Some(account)).await
    }

    pub(super) async fn new(
        encryption: Encryption,
        certificate: Option<&SelfSigned>,
        account: Option<&'static str>,
    ) -> Self {
        Self::with(encryption, certificate, account, true).await
    }

    async fn with(
        encryption: Encryption,
        certificate: Option<&SelfSigned>,
        account: Option<&'static str>,
        international: bool,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            encryption,
            acceptor: certificate.map(SelfSigned::acceptor),
            account,
            international,
            script: Mutex::default(),
            seen: Mutex::default(),
        });
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let mut listening = JoinSet::new();
        listening.spawn(listen(
            listener,
            Arc::clone(&state),
            Arc::clone(&connections),
        ));
        Self {
            address,
            state,
            connections,
            _listening: listening,
        }
    }

    /// Its port on this machine.
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Says what happens when a session comes to this stage for the next time.
    pub(super) fn next(&self, stage: Stage, reaction: Reaction) {
        self.state
            .script
            .lock()
            .unwrap()
            .push_back((stage, reaction));
    }

    /// What has happened so far.
    pub(super) fn seen(&self) -> Seen {
        self.state.seen.lock().unwrap().clone()
    }

    /// Every mail that was taken.
    pub(super) fn mails(&self) -> Vec<ReceivedMail> {
        self.seen().mails
    }

    /// Closes all connections, as servers do after a while.
    pub(super) fn closes_all(&self) {
        self.connections.lock().unwrap().abort_all();
    }
}

impl State {
    /// What happens at this stage now instead of the usual.
    pub(super) fn reaction(&self, stage: Stage) -> Option<Reaction> {
        let mut script = self.script.lock().unwrap();
        let index = script.iter().position(|(at, _)| *at == stage)?;
        script.remove(index).map(|(_, reaction)| reaction)
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
    }
}

/// Counts a connection as open for as long as it lives.
struct Open(Arc<State>);

impl Open {
    fn new(state: Arc<State>) -> Self {
        state.note(|seen| {
            seen.connections += 1;
            seen.open += 1;
            seen.most = seen.most.max(seen.open);
        });
        Self(state)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.note(|seen| seen.open -= 1);
    }
}

async fn listen(listener: TcpListener, state: Arc<State>, connections: Arc<Mutex<JoinSet<()>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let open = Open::new(Arc::clone(&state));
        connections.lock().unwrap().spawn(async move {
            serve(stream, &open.0).await;
        });
    }
}

async fn serve(stream: TcpStream, state: &Arc<State>) {
    match state.encryption {
        Encryption::None => drop(Talk::new(stream, state, false).run(true).await),
        Encryption::AtOnce => encrypted(stream, state, true).await,
        Encryption::OnRequest => {
            if let Some(stream) = Talk::new(stream, state, false).run(true).await {
                encrypted(stream, state, false).await;
            }
        }
    }
}

async fn encrypted(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    state: &Arc<State>,
    greets: bool,
) {
    let acceptor = state.acceptor.clone().unwrap();
    if let Ok(stream) = acceptor.accept(stream).await {
        drop(Talk::new(stream, state, true).run(greets).await);
    }
}
