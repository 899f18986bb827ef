//! A TCP proxy whose connections go silent when the test says so.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::future::pending;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Stands before a server. When it is dropped, no new connection can be made.
pub struct SilentProxy {
    /// `host:port`
    pub host: String,
    silenced: watch::Sender<()>,
    _server: AbortOnDropHandle<()>,
}

impl SilentProxy {
    /// One before the server at `host:port`.
    pub async fn before(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silenced = watch::Sender::default();
        let (host, proxied, heard) = (host.to_owned(), silenced.clone(), listener.local_addr());
        let server = async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&host).await.unwrap();
                tokio::spawn(forward(client, server, proxied.subscribe()));
            }
        };
        Self {
            host: heard.unwrap().to_string(),
            silenced,
            _server: AbortOnDropHandle::new(tokio::spawn(server)),
        }
    }

    /// From now on the connections that there are pass nothing on, and are never reset, as when a
    /// firewall has forgotten them. New ones are as good as ever.
    pub fn silence(&self) {
        self.silenced.send_replace(());
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, mut silenced: watch::Receiver<()>) {
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = silenced.changed() => pending().await,
    }
}
