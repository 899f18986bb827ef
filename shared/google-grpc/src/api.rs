//! Where an API is, and how a connection to it is opened.

use std::time::Duration;

use fanout_runtime::BoxError;
use gcloud_sdk::google_cloud_auth::credentials::anonymous;
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
/// anew for the next call; one that goes silent is not, that is its user's to find out.
pub type Channel = GoogleAuthMiddleware;

/// For a connection, and once more for the beginning of TLS on it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a connection is asked for a sign of life, and how long it has for one. As gcloud-sdk has
/// it.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// One of Google's APIs, or an emulator that stands in for it.
pub struct Api {
    endpoint: Endpoint,
    credentials: GoogleAuthMiddlewareLayer,
}

impl Api {
    /// Google's own, by its `https://` address, with Application Default Credentials. `resource`: what
    /// all calls are about, for Google's routing. Fails if there are no credentials.
    pub async fn of_google(address: &str, resource: Option<String>) -> Result<Self, BoxError> {
        let credentials =
            GoogleAuthHeaders::from_adc_with_scopes(GCP_DEFAULT_SCOPES.clone()).await?;
        Self::new(address, credentials, resource)
    }

    /// An emulator, by its address, which wants no credentials.
    pub fn of_emulator(address: &str, resource: Option<String>) -> Result<Self, BoxError> {
        let nobody = anonymous::Builder::new().build();
        Self::new(address, GoogleAuthHeaders::from(nobody), resource)
    }

    fn new(
        address: &str,
        credentials: GoogleAuthHeaders,
        resource: Option<String>,
    ) -> Result<Self, BoxError> {
        let address: Uri = address.parse()?;
        let endpoint = Endpoint::from(address.clone())
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        let endpoint = match (address.scheme_str(), address.host()) {
            (Some("https"), Some(host)) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let tls = ClientTlsConfig::new().with_webpki_roots();
                endpoint.tls_config(tls.domain_name(host).timeout(CONNECT_TIMEOUT))?
            }
            _ => endpoint,
        };
        Ok(Self {
            endpoint,
            credentials: GoogleAuthMiddlewareLayer::new(credentials, resource)?,
        })
    }

    /// A connection, once it is there.
    pub async fn open(&self) -> Result<Channel, BoxError> {
        let channel = self.endpoint.connect_with_connector(connector()).await?;
        Ok(self.credentials.layer(channel))
    }

    /// A connection that is made at the first call. Within a runtime.
    pub fn open_lazily(&self) -> Channel {
        let channel = self.endpoint.connect_with_connector_lazy(connector());
        self.credentials.layer(channel)
    }
}

type Connector =
    MapResponse<HttpConnector, fn(TokioIo<TcpStream>) -> TokioIo<GatheredWrites<TcpStream>>>;

fn connector() -> Connector {
    let mut connector = HttpConnector::new();
    // TLS is begun on what this one makes.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.map_response(|stream| TokioIo::new(GatheredWrites::new(stream.into_inner())))
}
