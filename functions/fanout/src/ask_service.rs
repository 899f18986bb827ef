//! Changes to what a service owns: on one machine its data file belongs to the system that runs on it,
//! so the service is asked.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::google_api::{GoogleApi, GoogleApiError};
use crate::operator::{base_url, client_of_this_machine};

/// Posts to the service that listens at `url`, which may come from this flag. `advice` says what to do
/// where it does not answer.
pub(crate) async fn ask_service<T: DeserializeOwned>(
    url: &str,
    flag: &str,
    path: &[&str],
    asked: &Value,
    advice: &'static str,
) -> anyhow::Result<T> {
    let base = base_url(url, flag)?;
    let service = GoogleApi::new(client_of_this_machine()?, base, None, advice);
    let answer = service.post(path, asked).await;
    answer.map_err(GoogleApiError::in_its_words)
}
