#![doc = include_str!("../README.md")]

mod publisher;
mod set_up;

pub use publisher::{PUBLISH_TIME_LIMIT, PubsubPublisher};
pub use set_up::{SET_UP_TIME_LIMIT, SetUpError, set_up};

use fanout_runtime::BoxError;

/// Which Pub/Sub to talk to. No client reads a variable by itself, so all of it is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The Google Cloud project that topics and subscriptions belong to.
    pub project: String,
    /// `host:port` of Google's emulator, which wants no credentials; `None` for Google Cloud with
    /// Application Default Credentials.
    pub emulator_host: Option<String>,
}

/// There is no client for these options.
#[derive(Debug, thiserror::Error)]
#[error("a Pub/Sub client cannot be built: bad credentials or a bad endpoint")]
pub struct ClientError(#[source] BoxError);

impl From<google_cloud_gax::client_builder::Error> for ClientError {
    fn from(error: google_cloud_gax::client_builder::Error) -> Self {
        Self(Box::new(error))
    }
}

impl Options {
    /// The emulator's endpoint. `PUBSUB_EMULATOR_HOST` is usually written without a scheme, and
    /// clients want one.
    fn emulator_endpoint(&self) -> Option<String> {
        let host = self.emulator_host.as_deref()?;
        let host = host.strip_prefix("http://").unwrap_or(host);
        Some(format!("http://{}", host.trim_end_matches('/')))
    }

    fn topic_path(&self, name: &str) -> String {
        format!("projects/{}/topics/{name}", self.project)
    }

    fn subscription_path(&self, name: &str) -> String {
        format!("projects/{}/subscriptions/{name}", self.project)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(emulator_host: Option<&str>) -> Options {
        Options {
            project: "demo".to_owned(),
            emulator_host: emulator_host.map(str::to_owned),
        }
    }

    #[test]
    fn an_emulator_host_is_an_endpoint_with_or_without_its_scheme() {
        for host in ["localhost:8085", "http://localhost:8085", "localhost:8085/"] {
            let endpoint = at(Some(host)).emulator_endpoint();
            assert_eq!(endpoint.as_deref(), Some("http://localhost:8085"), "{host}");
        }
        assert_eq!(at(None).emulator_endpoint(), None);
    }

    #[test]
    fn short_names_become_googles_full_names() {
        let options = at(None);
        assert_eq!(options.topic_path("t"), "projects/demo/topics/t");
        assert_eq!(
            options.subscription_path("s"),
            "projects/demo/subscriptions/s"
        );
    }
}
