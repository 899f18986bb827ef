//! Changes to what a service owns: on one machine its data file belongs to the system that runs on it,
//! so the service is asked.

use clap::Args;
use fanout_runtime::Environment;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::google_api::{GoogleApi, GoogleApiError};
use crate::operator::{Operator, base_url};
use crate::target::TargetFlags;

/// The flags of a command that shows what a service owns.
#[derive(Debug, Args)]
pub(crate) struct AnswerFlags {
    /// Answer in JSON
    #[arg(long, env = "FANOUT_JSON")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetFlags,
}

/// Posts to the service that listens at `url`, which may come from `--service-url`. `advice` says what
/// to do where it does not answer.
pub(crate) async fn ask_service<T: DeserializeOwned>(
    flags: &AnswerFlags,
    url: &str,
    path: &[&str],
    asked: &Value,
    advice: &'static str,
    environment: &dyn Environment,
) -> anyhow::Result<T> {
    let http = Operator::connect(&flags.target, environment)?.http;
    let mut address = base_url(url, "--service-url")?;
    // Fails for URLs that cannot be a base, such as `mailto:`; those were refused just now.
    if let Ok(mut segments) = address.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    let service = GoogleApi::new(http, None, advice);
    let answer = service.post(address, asked).await;
    answer.map_err(GoogleApiError::in_its_words)
}
