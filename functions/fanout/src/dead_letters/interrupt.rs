//! Ctrl-C, with a moment of grace for what is under way.

use std::time::Duration;

use fanout_runtime::Shutdown;

/// How long a call that is under way may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(5);

/// The user's wish to stop.
#[derive(Clone)]
pub(crate) struct Interrupt(Shutdown);

/// The user wished to stop, and this is why nothing came of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted: what was held has been given back")]
pub(crate) struct Interrupted;

impl Interrupt {
    pub(crate) fn new(shutdown: Shutdown) -> Self {
        Self(shutdown)
    }

    /// An error once the user wishes to stop.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.0.is_requested() {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }

    /// Does the work, or stops with it: at once if it has no effect to wait for.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            () = self.0.requested() => Err(Interrupted),
            done = work => Ok(done),
        }
    }

    /// Lets a call end whose answer is worth having, for as long as the grace lasts.
    pub(crate) async fn let_end<T>(&self, call: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            done = call => Ok(done),
            () = async {
                self.0.requested().await;
                tokio::time::sleep(GRACE).await;
            } => Err(Interrupted),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_under_way_may_end_and_one_that_hangs_is_left() {
        let shutdown = Shutdown::default();
        let interrupt = Interrupt::new(shutdown.clone());
        shutdown.start();
        assert_eq!(interrupt.check(), Err(Interrupted));
        assert_eq!(interrupt.or(ready(1)).await, Err(Interrupted));
        let call = tokio::time::sleep(Duration::from_secs(4));
        assert_eq!(interrupt.let_end(call).await, Ok(()));
        let hanging = interrupt.let_end(pending::<()>());
        assert_eq!(hanging.await, Err(Interrupted));
    }
}
