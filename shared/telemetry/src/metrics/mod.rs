//! Numbers from log lines, written as Prometheus reads them.

mod count;
mod families;
mod samples;
mod statement;
mod text;

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanout_runtime::MoreLogs;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::Context;

pub use families::{FAMILIES, Family, Kind};
use samples::Samples;
use statement::{Statement, is_counted};

/// What has been counted so far. Clones count together.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Samples>>);

/// What a subscription has not acked.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its name.
    pub subscription: String,
    /// How many messages.
    pub messages: u64,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
}

impl Metrics {
    /// Those of this process.
    pub fn of_process() -> &'static Self {
        static PROCESS: LazyLock<Metrics> = LazyLock::new(Metrics::default);
        &PROCESS
    }

    /// The reader of log lines that counts, whatever `RUST_LOG` lets be written.
    pub fn counting(&self) -> MoreLogs {
        let counted = FilterFn::new(is_counted);
        Counting(self.clone()).with_filter(counted).boxed()
    }

    /// All of it as Prometheus' text format, with what `waiting` subscriptions have at this moment.
    pub fn text(&self, waiting: &[Waiting]) -> String {
        let mut samples = self.samples().clone();
        for Waiting {
            subscription,
            messages,
            oldest,
        } in waiting
        {
            let labels = || vec![subscription.clone()];
            samples.set(&families::SUBSCRIPTION_WAITING, labels(), *messages as f64);
            let oldest = oldest.as_secs_f64();
            samples.set(&families::SUBSCRIPTION_OLDEST_AGE, labels(), oldest);
        }
        text::write(&samples)
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Counting(Metrics);

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        count::count(&statement, &mut self.0.samples());
    }
}

#[cfg(test)]
mod tests;
