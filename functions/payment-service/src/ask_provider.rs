//! One request's share of the provider's time.

use std::time::Duration;

use fanout_consume::{Attempt, Failure};
use fanout_events::StepRef;
use fanout_runtime::error_chain;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use crate::provider::ProviderError;

/// The wait after a call that failed; then it doubles. A delivery that failed would slow down all
/// others of the subscription, and most failures are over in a moment.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Calls the provider, under the same key each time, until it answers, as long as `patience` says.
/// `None`: it has not, or has not come to an end, and may have acted. A failure: it says that it cannot now.
pub(crate) async fn ask_provider<T, C: Future<Output = Result<T, ProviderError>> + Send>(
    call: impl Fn() -> C + Send,
    patience: Duration,
    step: &StepRef,
    attempt: &Attempt,
) -> Result<Option<T>, Failure> {
    let until = attempt.until.min(Instant::now() + patience);
    let mut wait = FIRST_WAIT;
    loop {
        match timeout_at(until, call()).await {
            Ok(Ok(answer)) => return Ok(Some(answer)),
            Ok(Err(ProviderError::Unavailable(_))) if Instant::now() + wait < until => {
                sleep(wait).await;
            }
            Ok(Err(error @ (ProviderError::Unavailable(_) | ProviderError::Refused(_)))) => {
                return Err(Failure::Retry {
                    cause: error.into(),
                    may_have_acted: true,
                });
            }
            Ok(Err(pending @ ProviderError::Pending(_))) => {
                return Ok(unanswered(step, &error_chain(&pending)));
            }
            Err(silent) => return Ok(unanswered(step, &error_chain(&silent))),
        }
        wait *= 2;
    }
}

fn unanswered<T>(step: &StepRef, error: &str) -> Option<T> {
    let (process, key, name) = (&step.process, &step.key, &step.name);
    warn!(
        process,
        key,
        step = name,
        error,
        "the payment provider does not answer: the process will ask again"
    );
    None
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    /// Makes calls of which the first `failing` fail; gives what came of it, and how many were made.
    async fn asked(failing: u32) -> (Result<Option<u32>, Failure>, u32) {
        let calls = AtomicU32::new(0);
        let call = || {
            let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
            let failed = || Err(ProviderError::Unavailable("down".into()));
            ready(if call <= failing { failed() } else { Ok(call) })
        };
        let came = ask_provider(call, PATIENCE, &step(), &attempt()).await;
        (came, calls.into_inner())
    }

    fn step() -> StepRef {
        StepRef {
            process: "order".to_owned(),
            key: "ord_1".to_owned(),
            name: "charge".to_owned(),
            attempt: 1,
        }
    }

    fn attempt() -> Attempt {
        Attempt {
            number: 1,
            may_have_repeated: false,
            unanswered: 0,
            until: Instant::now() + Duration::from_secs(20),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_fails_for_a_moment_is_made_again_at_once() {
        let (came, calls) = asked(2).await;
        assert_eq!((came.unwrap(), calls), (Some(3), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_keep_failing_fail_the_delivery_and_may_have_acted() {
        let (came, calls) = asked(u32::MAX).await;
        let may_have_acted = match came {
            Err(Failure::Retry { may_have_acted, .. }) => may_have_acted,
            other => panic!("{other:?}"),
        };
        assert!(may_have_acted && calls < 10, "{calls}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_refused_until_an_operator_comes_is_made_once() {
        let calls = AtomicU32::new(0);
        let call = || {
            calls.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(ProviderError::Refused("wrong key".into())))
        };
        let came = ask_provider(call, PATIENCE, &step(), &attempt()).await;
        assert!(matches!(came, Err(Failure::Retry { .. })), "{came:?}");
        assert_eq!(calls.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_begun_and_takes_longer_is_no_failure_and_is_not_waited_for() {
        let calls = AtomicU32::new(0);
        let call = || {
            calls.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(ProviderError::Pending("at the bank".into())))
        };
        let came = ask_provider(call, PATIENCE, &step(), &attempt()).await;
        assert!(matches!(came, Ok(None)), "{came:?}");
        assert_eq!(calls.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_waited_for_as_long_as_its_share_and_is_no_failure() {
        let before = Instant::now();
        let silent = ask_provider(pending::<Result<(), _>>, PATIENCE, &step(), &attempt()).await;
        assert!(matches!(silent, Ok(None)));
        assert_eq!(before.elapsed(), PATIENCE);
    }
}
