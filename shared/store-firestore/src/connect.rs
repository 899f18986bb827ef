//! Connections to the service or to an emulator.

use std::time::Duration;

use fanout_google_grpc::{Api, Channel};
use fanout_runtime::BoxError;
use tokio::time::timeout;

use super::names::Names;

const SERVICE: &str = "https://firestore.googleapis.com";

/// Enough for DNS, TLS and a slow first answer; short enough to fail before a platform that waits
/// for the process to listen gives up without saying why.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which database, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirestoreOptions {
    /// The Google Cloud project's id.
    pub project: String,
    /// The database's id, `(default)` in most projects.
    pub database: String,
    /// `host:port` of an emulator. `None`: the service itself, with Application Default Credentials.
    pub emulator_host: Option<String>,
}

impl FirestoreOptions {
    pub(super) fn names(&self) -> Names {
        Names::new(&self.project, &self.database)
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there.
    #[error("Firestore at {0} does not answer within {limit} s", limit = CONNECT_TIMEOUT.as_secs())]
    TimedOut(String),
    /// The connection could not be made, or the credentials that are configured cannot be used.
    #[error("cannot connect to Firestore at {0}")]
    Failed(String, #[source] BoxError),
    /// Nobody gives credentials for calls.
    #[error(
        "there are no credentials for Firestore: outside Google Cloud, name a file of them in GOOGLE_APPLICATION_CREDENTIALS"
    )]
    NoCredentials(#[source] BoxError),
}

pub(super) async fn connect(options: &FirestoreOptions) -> Result<Channel, ConnectError> {
    let address = address(options);
    let database = Some(options.names().database);
    let api = match options.emulator_host {
        Some(_) => Api::of_emulator(&address, database),
        None => Api::of_google(&address, database),
    };
    match api {
        Ok(api) => open(&api, address).await,
        Err(source) => Err(ConnectError::Failed(address, source)),
    }
}

/// Waits for the credentials beside the connection: the first call would wait for them anyway.
async fn open(api: &Api, address: String) -> Result<Channel, ConnectError> {
    let channel = async {
        match timeout(CONNECT_TIMEOUT, api.open()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(source)) => Err(ConnectError::Failed(address.clone(), source)),
            Err(_elapsed) => Err(ConnectError::TimedOut(address.clone())),
        }
    };
    let credentials = async {
        let there = timeout(CONNECT_TIMEOUT, api.wait_for_credentials()).await;
        let there = there.unwrap_or_else(|elapsed| Err(elapsed.into()));
        there.map_err(ConnectError::NoCredentials)
    };
    let (channel, ()) = tokio::try_join!(channel, credentials)?;
    Ok(channel)
}

fn address(options: &FirestoreOptions) -> String {
    match &options.emulator_host {
        None => SERVICE.to_owned(),
        Some(host) if host.contains("://") => host.clone(),
        Some(host) => format!("http://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use gcloud_sdk::google_cloud_auth::credentials::{CacheableResource, CredentialsProvider};
    use gcloud_sdk::google_cloud_auth::errors::CredentialsError;
    use http::{Extensions, HeaderMap};

    use super::*;
    use crate::tests::stand_in::emulator_at;

    #[test]
    fn an_emulator_is_spoken_to_without_tls() {
        let emulator = emulator_at("127.0.0.1:8080");
        assert_eq!(address(&emulator), "http://127.0.0.1:8080");
        let url = emulator_at("http://[::1]:8080");
        assert_eq!(address(&url), "http://[::1]:8080");
        let emulator_host = None;
        let service = FirestoreOptions {
            emulator_host,
            ..url
        };
        assert_eq!(address(&service), SERVICE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_hangs_is_given_up_after_ten_seconds() {
        // Takes the connection and never begins with TLS.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("https://{}", silent.local_addr().unwrap());
        let started = tokio::time::Instant::now();
        let options = emulator_at(&host);
        let Err(error) = connect(&options).await else {
            panic!("connected without TLS");
        };
        assert!(matches!(error, ConnectError::TimedOut { .. }), "{error:?}");
        assert_eq!(started.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_that_names_the_address() {
        // Bound and closed again: nobody listens on it.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        drop(listener);
        let options = emulator_at(&host);
        let Err(error) = connect(&options).await else {
            panic!("connected to nobody");
        };
        assert!(matches!(error, ConnectError::Failed { .. }), "{error:?}");
        assert!(error.to_string().contains(&host), "{error}");
    }

    /// Outside Google Cloud the name of its metadata server is not known, or its address is nobody's.
    #[derive(Debug)]
    enum NoMetadata {
        Unknown,
        Silent,
    }

    impl CredentialsProvider for NoMetadata {
        async fn headers(
            &self,
            _: Extensions,
        ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
            match self {
                Self::Unknown => Err(CredentialsError::from_msg(true, "no such host")),
                Self::Silent => pending().await,
            }
        }

        async fn universe_domain(&self) -> Option<String> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_credentials_are_an_error_that_says_what_to_do() {
        let firestore = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", firestore.local_addr().unwrap());
        for nobody in [NoMetadata::Unknown, NoMetadata::Silent] {
            let api = Api::new(&address, nobody.into(), None).unwrap();
            let Err(error) = open(&api, address.clone()).await else {
                panic!("connected without credentials");
            };
            let no_credentials = matches!(error, ConnectError::NoCredentials(_));
            assert!(no_credentials, "{error:?}");
        }
    }
}
