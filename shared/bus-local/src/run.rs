//! Running: all that the broker does by itself.

use fanout_runtime::Shutdown;

use super::broker::Broker;
use super::{dispatch, housekeeping};

impl Broker {
    /// Delivers to push subscriptions and drops what was kept long enough, until `shutdown`; then
    /// lets deliveries under way finish for at most [`fanout_runtime::DRAIN`]. Run it once for each
    /// file.
    ///
    /// What is still under way then is neither acked nor counted as failed: it is due at the next
    /// start. So is a delivery that fails after `shutdown`, as its endpoint may be stopping too.
    pub async fn run(&self, shutdown: Shutdown) {
        housekeeping::tidy_up(self).await;
        let tidying = housekeeping::run(self, &shutdown);
        tokio::join!(dispatch::run(self, shutdown.clone()), tidying);
    }
}
