//! Where an API is, and how a connection to it is opened.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fanout_runtime::BoxError;
use gcloud_sdk::error::{Error, ErrorKind};
use gcloud_sdk::google_cloud_auth::credentials::{Builder, Credentials, anonymous};
use gcloud_sdk::tonic::transport::{ClientTlsConfig, Endpoint};
use gcloud_sdk::{
    GCP_DEFAULT_SCOPES, GoogleAuthHeaders, GoogleAuthMiddleware, GoogleAuthMiddlewareLayer,
};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::util::MapResponse;
use tower::{Layer as _, ServiceExt as _};

use crate::gathered_writes::GatheredWrites;

/// A connection to an API, with credentials for each call. Clones share it. One that breaks is made
/// anew for the next call; one that goes silent only after two minutes, so a user who cannot wait that
/// long must find out. Credentials that died stay dead: only another [`Api`] has others.
pub type Channel = GoogleAuthMiddleware;

/// For all that a connection takes: the look-up of its name, and the beginning of TLS, too.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a connection is asked for a sign of life, and how long it has for one. As gcloud-sdk has
/// it.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// One of Google's APIs, or an emulator that stands in for it.
pub struct Api {
    endpoint: Endpoint,
    credentials: Arc<GoogleAuthHeaders>,
    with_headers: GoogleAuthMiddlewareLayer,
}

impl Api {
    /// Google's own, by its `https://` address, with Application Default Credentials. Within a runtime.
    /// Fails if those that are configured cannot be used; where none are, they are expected of Google's
    /// metadata server, and [`Api::wait_for_credentials`] tells.
    pub fn of_google(address: &str, resource: Option<String>) -> Result<Self, BoxError> {
        let scopes = GCP_DEFAULT_SCOPES.iter();
        let credentials = Builder::default().with_scopes(scopes).build()?;
        Self::new(address, credentials, resource)
    }

    /// An emulator, by its address, which wants no credentials.
    pub fn of_emulator(address: &str, resource: Option<String>) -> Result<Self, BoxError> {
        Self::new(address, anonymous::Builder::new().build(), resource)
    }

    /// One with credentials of the caller's choice. `resource`: what all calls are about, for Google's
    /// routing.
    pub fn new(
        address: &str,
        credentials: Credentials,
        resource: Option<String>,
    ) -> Result<Self, BoxError> {
        let address: Uri = address.parse()?;
        let is_https = address.scheme_str() == Some("https");
        let mut endpoint = Endpoint::from(address)
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        if is_https {
            endpoint = endpoint.tls_config(ClientTlsConfig::new().with_webpki_roots())?;
        }
        let credentials = Arc::new(GoogleAuthHeaders::from(credentials));
        let with_headers = GoogleAuthMiddlewareLayer::new(Arc::clone(&credentials), resource)?;
        Ok(Self {
            endpoint,
            credentials,
            with_headers,
        })
    }

    /// Waits for credentials for a call. The first failure is the answer; where it [`may_pass`], another
    /// API is the way to ask again at once.
    pub async fn wait_for_credentials(&self) -> Result<(), Error> {
        self.credentials.headers().await.map(drop)
    }

    /// Whether there are credentials for a call now, without waiting: those that died or were never
    /// given are not, nor are those that hang.
    pub fn has_credentials(&self) -> bool {
        let waiting = pin!(self.wait_for_credentials());
        let now = &mut Context::from_waker(Waker::noop());
        matches!(waiting.poll(now), Poll::Ready(Ok(())))
    }

    /// A connection, once it is there.
    pub async fn open(&self) -> Result<Channel, BoxError> {
        let channel = self.endpoint.connect_with_connector(connector()).await?;
        Ok(self.with_headers.layer(channel))
    }

    /// A connection that is made at the first call. Within a runtime.
    pub fn open_lazily(&self) -> Channel {
        let channel = self.endpoint.connect_with_connector_lazy(connector());
        self.with_headers.layer(channel)
    }
}

/// Whether another try for credentials may have them: nobody has refused them.
pub fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Credentials(error) if error.is_transient())
}

type Connector =
    MapResponse<HttpConnector, fn(TokioIo<TcpStream>) -> TokioIo<GatheredWrites<TcpStream>>>;

fn connector() -> Connector {
    let mut connector = HttpConnector::new();
    // TLS is begun on what this one makes.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE));
    // The addresses of a name share it, so that one which is silent leaves time for the next.
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.map_response(|stream| TokioIo::new(GatheredWrites::new(stream.into_inner())))
}
