//! Cloud Monitoring's REST API, as far as a look at the present needs it.

use chrono::{SecondsFormat, TimeDelta};
use fanout_runtime::Timestamp;
use serde_json::Value;

use crate::google_api::{GoogleApi, GoogleApiError};

/// Where the API is.
pub const MONITORING_URL: &str = "https://monitoring.googleapis.com";
/// How far back a value is looked for: they are written each minute, and seen some minutes later.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(10);

/// The metrics of one project.
#[derive(Clone)]
pub struct Monitoring(GoogleApi);

/// One series of a metric, with its values of the last minutes, the latest first.
pub(crate) struct Series(Value);

impl Monitoring {
    /// The metrics of `project`, by this API.
    pub fn of(api: GoogleApi, project: &str) -> Self {
        Self(api.below(&["v3", "projects", project]))
    }

    /// All series of a metric that have had a value in the last minutes.
    pub(crate) async fn latest(
        &self,
        metric: &str,
        now: Timestamp,
    ) -> Result<Vec<Series>, GoogleApiError> {
        let shown = |time: Timestamp| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let query = [
            ("filter", &*format!("metric.type = \"{metric}\"")),
            ("interval.startTime", &shown(now - LOOK_BACK)),
            ("interval.endTime", &shown(now)),
        ];
        let all = self.0.list(&["timeSeries"], &query, "timeSeries").await?;
        Ok(all.into_iter().map(Series).collect())
    }
}

impl Series {
    /// A label of what was measured; empty if it has none of this name.
    pub(crate) fn label(&self, name: &str) -> &str {
        let label = &self.0["resource"]["labels"][name];
        label.as_str().unwrap_or_default()
    }

    /// The latest value, of a metric that counts.
    pub(crate) fn value(&self) -> Option<u64> {
        let latest = &self.0["points"][0]["value"]["int64Value"];
        latest.as_str()?.parse().ok()
    }
}
