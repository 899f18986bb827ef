//! The keys that sign push tokens, as they were fetched last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::{BoxError, error_chain};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use super::push_auth::PushAuthError;

/// Where Google publishes the keys of identity tokens.
const GOOGLES_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
/// How long a fetch may take.
const FETCH_LIMIT: Duration = Duration::from_secs(3);
/// The least time from one fetch to the next, however many tokens ask for a key.
const FETCH_EVERY: Duration = Duration::from_secs(60);
/// Google announces a key hours before it signs with it.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// A key that Google may have withdrawn so long ago is trusted no more.
const TRUSTED: Duration = Duration::from_secs(24 * 60 * 60);

/// Google's keys. No check waits for a fetch as long as there are keys; the first keys are waited
/// for, by all checks together.
pub(super) struct PushKeys {
    url: String,
    known: watch::Sender<Known>,
}

#[derive(Default)]
struct Known {
    keys: Option<FetchedKeys>,
    /// When the last fetch began.
    asked: Option<Instant>,
    /// Whether it is still under way.
    asking: bool,
}

struct FetchedKeys {
    at: Instant,
    by_id: HashMap<String, DecodingKey>,
}

impl PushKeys {
    pub(super) fn at(url: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            url: url.unwrap_or(GOOGLES_KEYS).to_owned(),
            known: watch::Sender::new(Known::default()),
        })
    }

    pub(super) async fn find(self: &Arc<Self>, id: &str) -> Result<DecodingKey, PushAuthError> {
        self.refresh(id);
        let mut known = self.known.subscribe();
        let first = known.wait_for(|known| known.keys.is_some() || !known.asking);
        // The sender lives in `self`.
        let known = first
            .await
            .map_err(|closed| PushAuthError::Unavailable(closed.into()))?;
        known.find(id)
    }

    /// Begins a fetch if the keys are old, or lack this one, and the last fetch is long enough ago.
    fn refresh(self: &Arc<Self>, id: &str) {
        let now = Instant::now();
        let due = self.known.send_if_modified(|known| {
            let due = known.is_fetch_due(id, now);
            if due {
                (known.asked, known.asking) = (Some(now), true);
            }
            due
        });
        if due {
            let keys = Arc::clone(self);
            tokio::spawn(async move {
                let fetched = fetch(&keys.url).await;
                keys.known.send_modify(|known| {
                    known.asking = false;
                    match fetched {
                        Ok(by_id) => known.keys = Some(FetchedKeys { at: now, by_id }),
                        Err(cause) => {
                            let error = error_chain(cause.as_ref());
                            warn!(error, "the keys that sign push tokens could not be fetched");
                        }
                    }
                });
            });
        }
    }
}

impl Known {
    fn is_fetch_due(&self, id: &str, now: Instant) -> bool {
        let passed = |since: Instant, time| now.duration_since(since) >= time;
        let fresh = |keys: &FetchedKeys| !passed(keys.at, FRESH) && keys.by_id.contains_key(id);
        let asked_long_ago = self.asked.is_none_or(|asked| passed(asked, FETCH_EVERY));
        !self.asking && asked_long_ago && !self.keys.as_ref().is_some_and(fresh)
    }

    fn find(&self, id: &str) -> Result<DecodingKey, PushAuthError> {
        let not_now = || PushAuthError::Unavailable("no keys have arrived".into());
        let trusted = |keys: &&FetchedKeys| keys.at.elapsed() < TRUSTED;
        let keys = self.keys.as_ref().filter(trusted).ok_or_else(not_now)?;
        let up_to_date = Some(keys.at) == self.asked;
        let unknown = || PushAuthError::Invalid("no key of Google's has its key id".into());
        // A fetch under way may bring it, or the last one failed.
        let missing = || if up_to_date { unknown() } else { not_now() };
        keys.by_id.get(id).cloned().ok_or_else(missing)
    }
}

async fn fetch(url: &str) -> Result<HashMap<String, DecodingKey>, BoxError> {
    let client = reqwest::Client::builder().timeout(FETCH_LIMIT).build()?;
    let answer = client.get(url).send().await?.error_for_status()?;
    let keys: JwkSet = answer.json().await?;
    let usable = keys.keys.iter().filter_map(|key| {
        let id = key.common.key_id.clone()?;
        Some((id, DecodingKey::from_jwk(key).ok()?))
    });
    Ok(usable.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);
    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// As a fetch that began then leaves it.
    fn fetched(id: &str, at: Instant) -> Known {
        let by_id = HashMap::from([(id.to_owned(), DecodingKey::from_secret(b"x"))]);
        Known {
            keys: Some(FetchedKeys { at, by_id }),
            asked: Some(at),
            asking: false,
        }
    }

    #[test]
    fn a_key_that_is_there_is_fetched_again_after_an_hour() {
        let began = Instant::now();
        let known = fetched("a", began);
        assert!(!known.is_fetch_due("a", began + HOUR - MOMENT));
        assert!(known.is_fetch_due("a", began + HOUR));
    }

    #[test]
    fn a_key_that_is_not_there_is_asked_for_once_a_minute() {
        let began = Instant::now();
        let failed = Known {
            asked: Some(began),
            ..Known::default()
        };
        for known in [fetched("a", began), failed] {
            assert!(!known.is_fetch_due("b", began + MINUTE - MOMENT));
            assert!(known.is_fetch_due("b", began + MINUTE));
        }
        assert!(Known::default().is_fetch_due("b", began));
    }

    #[test]
    fn there_is_one_fetch_at_a_time() {
        let began = Instant::now();
        let asking = Known {
            asking: true,
            ..fetched("a", began)
        };
        assert!(!asking.is_fetch_due("b", began + HOUR));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_trusted_for_a_day() {
        let known = fetched("a", Instant::now());
        tokio::time::advance(24 * HOUR - MOMENT).await;
        assert!(known.find("a").is_ok());
        tokio::time::advance(MOMENT).await;
        assert!(matches!(
            known.find("a"),
            Err(PushAuthError::Unavailable(_))
        ));
    }

    #[test]
    fn a_key_that_the_last_fetch_did_not_bring_is_none_and_while_one_is_under_way_not_yet() {
        let began = Instant::now();
        let mut known = fetched("a", began);
        assert!(matches!(known.find("b"), Err(PushAuthError::Invalid(_))));
        known.asked = Some(began + MINUTE);
        assert!(matches!(
            known.find("b"),
            Err(PushAuthError::Unavailable(_))
        ));
        assert!(known.find("a").is_ok());
    }
}
