//! Where spans go, and how many.

use std::str::FromStr;

use fanout_runtime::{Setting, Settings};
use reqwest::Url;

/// The only host that gets credentials.
const GOOGLE: &str = "telemetry.googleapis.com";

/// Where spans go, and how many.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The collector, without the path of a signal.
    endpoint: Url,
    /// The part of traces that is kept, 0 to 1.
    pub(super) ratio: f64,
    /// The project that traces belong to, and that pays for them.
    pub(super) project: Option<String>,
    /// Whether an answer waits until its spans are sent.
    pub(super) before_answers: bool,
}

/// A part of all, from 0 to 1.
struct Ratio(f64);

/// When spans are sent.
enum Flush {
    /// A second later, with others.
    Batch,
    /// Before the answer.
    Request,
}

/// An endpoint over HTTP.
struct Endpoint(Url);

impl TraceSettings {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER_ARG` and `TRACE_FLUSH`. `Some(None)`
    /// if no endpoint is set: no span is made then.
    pub fn read(settings: &mut Settings<'_>) -> Option<Option<Self>> {
        let endpoint = settings.optional::<Endpoint>(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "the URL of a collector of OTLP over HTTP, such as http://localhost:4318",
        );
        let ratio = settings.or_default(
            "OTEL_TRACES_SAMPLER_ARG",
            "the part of traces that is kept, from 0 to 1",
            Ratio(1.0),
        );
        let flush = settings.or_default("TRACE_FLUSH", "`batch` or `request`", Flush::Batch);
        let project = settings.optional::<String>("GOOGLE_CLOUD_PROJECT", "a project's id");
        let (Ratio(ratio), flush) = ratio.zip(flush)?;
        match endpoint {
            Setting::Absent => Some(None),
            Setting::Bad => None,
            Setting::Is(Endpoint(endpoint)) => Some(Some(Self {
                endpoint,
                ratio,
                project: project.value(),
                before_answers: matches!(flush, Flush::Request),
            })),
        }
    }

    /// Where Google shows a trace whose id is put in the place of `id`; of another collector nothing is
    /// known.
    pub fn page_of(&self, id: &str) -> Option<String> {
        let project = self
            .project
            .as_deref()
            .filter(|_| self.asks_for_credentials())?;
        let page = "https://console.cloud.google.com/traces/explorer";
        Some(format!("{page};traceId={id}?project={project}"))
    }

    /// Where spans are posted.
    pub(super) fn traces_url(&self) -> String {
        let base = self.endpoint.as_str().trim_end_matches('/');
        format!("{base}/v1/traces")
    }

    /// Whether the endpoint is Google's, which asks who sends.
    pub(super) fn asks_for_credentials(&self) -> bool {
        self.endpoint.scheme() == "https" && self.endpoint.host_str() == Some(GOOGLE)
    }
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ratio: f64 = text.parse().map_err(|_| "no number".to_owned())?;
        let possible = (0.0..=1.0).contains(&ratio);
        possible
            .then_some(Self(ratio))
            .ok_or("out of range".to_owned())
    }
}

impl FromStr for Flush {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "batch" => Ok(Self::Batch),
            "request" => Ok(Self::Request),
            _ => Err("neither".to_owned()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let usable = ["http", "https"].contains(&url.scheme()) && url.has_host();
        usable
            .then_some(Self(url))
            .ok_or("not over HTTP".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, Vec<String>> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let environment: HashMap<String, String> = variables.iter().map(owned).collect();
        let mut settings = Settings::new(&environment);
        let read = TraceSettings::read(&mut settings);
        settings.finish(read).map_err(|error| error.faults)
    }

    #[test]
    fn without_an_endpoint_there_is_nothing_to_set_up() {
        assert!(read(&[]).unwrap().is_none());
    }

    #[test]
    fn only_googles_own_host_over_tls_is_told_who_sends() {
        for (endpoint, url, credentials) in [
            (
                "http://localhost:4318",
                "http://localhost:4318/v1/traces",
                false,
            ),
            (
                "http://collector/otlp/",
                "http://collector/otlp/v1/traces",
                false,
            ),
            (
                "https://telemetry.googleapis.com",
                "https://telemetry.googleapis.com/v1/traces",
                true,
            ),
            (
                "http://telemetry.googleapis.com",
                "http://telemetry.googleapis.com/v1/traces",
                false,
            ),
            (
                "https://telemetry.googleapis.com.evil.example",
                "https://telemetry.googleapis.com.evil.example/v1/traces",
                false,
            ),
        ] {
            let settings = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).unwrap();
            let settings = settings.unwrap();
            assert_eq!(settings.traces_url(), url);
            assert_eq!(settings.asks_for_credentials(), credentials, "{endpoint}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_a_fault() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://localhost"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "all"),
            ("TRACE_FLUSH", "always"),
        ] {
            let faults = read(&[(name, value)]).unwrap_err();
            assert!(faults[0].starts_with(name), "{faults:?}");
        }
    }
}
