//! Connections to the service or to an emulator.

use std::time::Duration;

use firestore::{FirestoreDb, FirestoreDbOptions};
use gcloud_sdk::google_cloud_auth::credentials::anonymous;
use gcloud_sdk::{GCP_DEFAULT_SCOPES, GoogleAuthHeaders};

use fanout_runtime::BoxError;

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

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there.
    #[error("Firestore at {0} does not answer within {limit} s", limit = CONNECT_TIMEOUT.as_secs())]
    TimedOut(String),
    /// The connection or the credentials for it could not be made.
    #[error("cannot connect to Firestore at {0}")]
    Failed(String, #[source] BoxError),
}

pub(super) async fn connect(options: &FirestoreOptions) -> Result<FirestoreDb, ConnectError> {
    let address = address(options);
    match tokio::time::timeout(CONNECT_TIMEOUT, open(options, &address)).await {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(source)) => Err(ConnectError::Failed(address, source)),
        Err(_elapsed) => Err(ConnectError::TimedOut(address)),
    }
}

/// Address and credentials are both given: the crate would otherwise take either from
/// `FIRESTORE_EMULATOR_HOST`, behind the back of whoever chose the options.
async fn open(options: &FirestoreOptions, address: &str) -> Result<FirestoreDb, BoxError> {
    let credentials = match options.emulator_host {
        Some(_) => GoogleAuthHeaders::from(anonymous::Builder::new().build()),
        None => GoogleAuthHeaders::from_adc_with_scopes(GCP_DEFAULT_SCOPES.clone()).await?,
    };
    let options = FirestoreDbOptions::new(options.project.clone())
        .with_database_id(options.database.clone())
        .with_firebase_api_url(address.to_owned());
    Ok(FirestoreDb::with_options_auth(options, credentials).await?)
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
}
