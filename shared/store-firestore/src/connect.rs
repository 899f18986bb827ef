//! Connections to the service or to an emulator.

use std::sync::Arc;
use std::time::Duration;

use fanout_google_grpc::{Api, Channel, may_pass};
use fanout_runtime::BoxError;
use tokio::time::{Instant, sleep, timeout_at};

use super::names::Names;

const SERVICE: &str = "https://firestore.googleapis.com";

/// Enough for DNS, TLS and a slow first answer; short enough to fail before a platform that waits
/// for the process to listen gives up without saying why.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two tries for credentials.
const PAUSE: Duration = Duration::from_secs(1);

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
    NoCredentials {
        /// What was answered last.
        source: BoxError,
        /// Whether it may be another answer later.
        may_pass: bool,
    },
}

/// An open channel, and the API that has its credentials.
pub(super) type Opened = (Arc<Api>, Channel);

/// With new credentials.
pub(super) async fn connect(options: &FirestoreOptions) -> Result<Opened, ConnectError> {
    let address = address(options);
    let database = || Some(options.names().database);
    let made = || match options.emulator_host {
        Some(_) => Api::of_emulator(&address, database()),
        None => Api::of_google(&address, database()),
    };
    connect_by(made, &address).await
}

/// Anew, with the same credentials if they are there: those that died or hang would never come back.
pub(super) async fn connect_again(
    options: &FirestoreOptions,
    api: Arc<Api>,
) -> Result<Opened, ConnectError> {
    if !api.has_credentials() {
        return connect(options).await;
    }
    let until = Instant::now() + CONNECT_TIMEOUT;
    let channel = open(&api, &address(options), until).await?;
    Ok((api, channel))
}

/// Tries again for credentials that may still come: an API that got none remembers that for longer than
/// a start may take. All tries share the time of one.
async fn connect_by(
    made: impl Fn() -> Result<Api, BoxError>,
    address: &str,
) -> Result<Opened, ConnectError> {
    let until = Instant::now() + CONNECT_TIMEOUT;
    loop {
        let api = made().map_err(|source| ConnectError::Failed(address.to_owned(), source))?;
        match open(&api, address, until).await {
            Ok(channel) => return Ok((Arc::new(api), channel)),
            Err(ConnectError::NoCredentials { may_pass: true, .. })
                if Instant::now() + PAUSE < until =>
            {
                sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits for the credentials beside the connection: the first call would wait for them anyway.
async fn open(api: &Api, address: &str, until: Instant) -> Result<Channel, ConnectError> {
    let channel = async {
        match timeout_at(until, api.open()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(source)) => Err(ConnectError::Failed(address.to_owned(), source)),
            Err(_elapsed) => Err(ConnectError::TimedOut(address.to_owned())),
        }
    };
    let credentials = async {
        let (source, may_pass): (BoxError, bool) =
            match timeout_at(until, api.wait_for_credentials()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => {
                    let may_pass = may_pass(&error);
                    (error.into(), may_pass)
                }
                Err(elapsed) => (elapsed.into(), false),
            };
        Err(ConnectError::NoCredentials { source, may_pass })
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use gcloud_sdk::google_cloud_auth::credentials::{CacheableResource, CredentialsProvider};
    use gcloud_sdk::google_cloud_auth::errors::CredentialsError;
    use http::{Extensions, HeaderMap};
    use tokio::net::TcpListener;

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

    /// Whoever gives credentials.
    #[derive(Debug)]
    enum Metadata {
        /// As outside Google Cloud, where nobody has its name.
        Refusing,
        /// Nobody's address.
        Silent,
        /// As it may be for a moment.
        Failing,
    }

    impl CredentialsProvider for Metadata {
        async fn headers(
            &self,
            _: Extensions,
        ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
            match self {
                Self::Refusing => Err(CredentialsError::from_msg(false, "404")),
                Self::Failing => Err(CredentialsError::from_msg(true, "503")),
                Self::Silent => pending().await,
            }
        }

        async fn universe_domain(&self) -> Option<String> {
            None
        }
    }

    /// Where connections are taken, and nothing is answered.
    async fn listener() -> (TcpListener, String) {
        let firestore = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", firestore.local_addr().unwrap());
        (firestore, address)
    }

    #[tokio::test(start_paused = true)]
    async fn no_credentials_are_an_error_that_says_what_to_do() {
        let (_firestore, address) = listener().await;
        for nobody in [|| Metadata::Refusing, || Metadata::Silent] {
            let made = || Api::new(&address, nobody().into(), None);
            let Err(error) = connect_by(made, &address).await else {
                panic!("connected without credentials");
            };
            let no_credentials = matches!(error, ConnectError::NoCredentials { .. });
            assert!(no_credentials, "{error:?}");
        }
    }

    #[tokio::test]
    async fn only_credentials_that_are_not_there_are_replaced_with_the_connection() {
        let (_firestore, address) = listener().await;
        let options = emulator_at(address.trim_start_matches("http://"));
        let usable = Api::of_emulator(&address, None).unwrap();
        let hanging = Api::new(&address, Metadata::Silent.into(), None).unwrap();
        for (api, is_kept) in [(usable, true), (hanging, false)] {
            let before = Arc::new(api);
            let (after, _) = connect_again(&options, Arc::clone(&before)).await.unwrap();
            assert_eq!(Arc::ptr_eq(&before, &after), is_kept);
        }
    }

    /// Connects where so many tries for credentials fail before it goes on like this; says how many
    /// there were, too.
    async fn connected(
        failing: usize,
        then: impl Fn(&str) -> Result<Api, BoxError>,
    ) -> (Result<Opened, ConnectError>, usize) {
        let (_firestore, address) = listener().await;
        let tries = AtomicUsize::new(0);
        let made = || match tries.fetch_add(1, Ordering::Relaxed) {
            number if number < failing => Api::new(&address, Metadata::Failing.into(), None),
            _ => then(&address),
        };
        let connected = connect_by(made, &address).await;
        (connected, tries.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_fail_for_a_moment_are_asked_for_again_until_the_time_is_over() {
        let usable = |address: &str| Api::of_emulator(address, None);
        let (after_two, tried) = connected(2, usable).await;
        assert!(after_two.is_ok());
        assert_eq!(tried, 3);
        let (never, tried) = connected(usize::MAX, usable).await;
        assert!(matches!(never, Err(ConnectError::NoCredentials { .. })));
        assert!((5..=20).contains(&tried), "{tried}");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_fail_and_then_hang_take_no_longer_than_a_connection_may() {
        let hanging = |address: &str| Api::new(address, Metadata::Silent.into(), None);
        for failing in [0, 3, 9] {
            let started = Instant::now();
            let (never, _) = connected(failing, hanging).await;
            assert!(matches!(never, Err(ConnectError::NoCredentials { .. })));
            assert_eq!(started.elapsed(), CONNECT_TIMEOUT, "{failing}");
        }
    }
}
