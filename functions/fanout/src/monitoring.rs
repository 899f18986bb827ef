//! Cloud Monitoring's REST API, as far as a look at the present needs it.

use chrono::{SecondsFormat, TimeDelta};
use fanout_runtime::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::google_api::{GoogleApi, GoogleApiError};

/// Where the API is.
pub const MONITORING_URL: &str = "https://monitoring.googleapis.com";
/// How far back a value is looked for: they are written each minute, and seen some minutes later.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(10);

/// The metrics of one project.
#[derive(Clone)]
pub struct Monitoring {
    api: GoogleApi,
    url: Url,
}

/// One series of a metric, with its values of the last minutes, the latest first.
#[derive(Debug, Clone, Deserialize)]
pub struct Series {
    resource: Resource,
    #[serde(default)]
    points: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Resource {
    #[serde(default)]
    labels: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeriesPage {
    time_series: Vec<Series>,
    next_page_token: String,
}

impl Monitoring {
    /// The metrics of `project`, by the API at `url`.
    pub fn new(api: GoogleApi, mut url: Url, project: &str) -> Self {
        // Fails for URLs that cannot be a base, such as `mailto:`.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["v3", "projects", project, "timeSeries"]);
        }
        Self { api, url }
    }

    /// All series of a metric that have had a value in the last minutes.
    pub async fn latest(
        &self,
        metric: &str,
        now: Timestamp,
    ) -> Result<Vec<Series>, GoogleApiError> {
        let shown = |time: Timestamp| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut all = Vec::new();
        let mut page = SeriesPage::default();
        loop {
            let mut url = self.url.clone();
            url.query_pairs_mut()
                .append_pair("filter", &format!("metric.type = \"{metric}\""))
                .append_pair("interval.startTime", &shown(now - LOOK_BACK))
                .append_pair("interval.endTime", &shown(now))
                .append_pair("pageToken", &page.next_page_token);
            page = self.api.get(url).await?;
            all.append(&mut page.time_series);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
        }
    }
}

impl Series {
    /// A label of what was measured; empty if it has none of this name.
    pub fn label(&self, name: &str) -> &str {
        self.resource.labels[name].as_str().unwrap_or_default()
    }

    /// The latest value, of a metric that counts.
    pub fn value(&self) -> Option<u64> {
        let latest = self.points.first()?.pointer("/value/int64Value")?;
        latest.as_str()?.parse().ok()
    }
}
