//! The numbers of delivery, in one place, and the rules that hold between them.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::Settings;

/// How long a process may take to end after SIGTERM: Cloud Run kills after 10 s.
pub const DRAIN: Duration = Duration::from_secs(8);

/// How long things take and last. [`Timings::PRODUCTION`] is what is deployed; Terraform says the
/// same numbers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// How long Pub/Sub waits for a push to be answered.
    pub ack_deadline: Duration,
    /// How long a handler may work on one delivery.
    pub handler_budget: Duration,
    /// How long a claim keeps others away.
    pub lease: Duration,
    /// How long requests may go on after SIGTERM.
    pub drain: Duration,
    /// How long a subscription keeps a message that is not acked.
    pub retention: Duration,
    /// How long a dead letter is kept.
    pub dead_letter_retention: Duration,
    /// How long a mark remembers an event.
    pub mark_lifetime: Duration,
}

/// Two settings that contradict each other; the process must not start. What a variable can change
/// goes by the variable's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimingsDisagree(String);

/// A setting, and its name.
type Named = (&'static str, Duration);

// The variables that change a number of a container. The others belong to subscriptions and topics.
const ACK_DEADLINE: &str = "ACK_DEADLINE_SECONDS";
const HANDLER_BUDGET: &str = "HANDLER_BUDGET_SECONDS";
const LEASE: &str = "LEASE_SECONDS";
const DRAIN_LIMIT: &str = "DRAIN_SECONDS";

const LESS_THAN: &str = "less than";
const AT_MOST: &str = "at most";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Cloud Run kills a container this long after SIGTERM.
const CLOUD_RUN_GRACE: Duration = Duration::from_secs(10);

impl Timings {
    /// What is deployed.
    pub const PRODUCTION: Self = Self {
        ack_deadline: Duration::from_secs(60),
        handler_budget: Duration::from_secs(45),
        lease: Duration::from_secs(60),
        drain: DRAIN,
        retention: DAY.saturating_mul(7),
        dead_letter_retention: DAY.saturating_mul(31),
        mark_lifetime: DAY.saturating_mul(45),
    };

    /// Reads `ACK_DEADLINE_SECONDS` (what the subscription has), `HANDLER_BUDGET_SECONDS`,
    /// `LEASE_SECONDS` and `DRAIN_SECONDS`, each by default as in [`Timings::PRODUCTION`]. Numbers
    /// that contradict each other are a fault.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let mut seconds = |name: &str, default: Duration| {
            let expects = "a whole number of seconds from 1";
            let set = settings.optional::<NonZeroU32>(name, expects);
            set.map(|set| Duration::from_secs(set.get().into()))
                .or(default)
        };
        let deployed = Self::PRODUCTION;
        let ack_deadline = seconds(ACK_DEADLINE, deployed.ack_deadline);
        let handler_budget = seconds(HANDLER_BUDGET, deployed.handler_budget);
        let lease = seconds(LEASE, deployed.lease);
        let drain = seconds(DRAIN_LIMIT, deployed.drain);
        let timings = Self {
            ack_deadline: ack_deadline?,
            handler_budget: handler_budget?,
            lease: lease?,
            drain: drain?,
            ..deployed
        };
        match timings.check() {
            Ok(()) => Some(timings),
            Err(contradiction) => {
                settings.fault(format!("{contradiction}."));
                None
            }
        }
    }

    /// The first rule that does not hold, with the two settings that disagree.
    pub fn check(&self) -> Result<(), TimingsDisagree> {
        let rule = |(left, a): Named, said: &str, (right, b): Named, reason: &str| {
            if a < b || said == AT_MOST && a == b {
                return Ok(());
            }
            let (a, b) = (a.as_secs_f64(), b.as_secs_f64());
            let sentence = format!("{left} ({a} s) must be {said} {right} ({b} s): {reason}");
            Err(TimingsDisagree(sentence))
        };
        let ack_deadline = (ACK_DEADLINE, self.ack_deadline);
        rule(
            (HANDLER_BUDGET, self.handler_budget),
            LESS_THAN,
            ack_deadline,
            "otherwise Pub/Sub gives up on a handler that is still working and delivers again",
        )?;
        rule(
            ack_deadline,
            AT_MOST,
            (LEASE, self.lease),
            "otherwise a second delivery takes the claim from a handler that is still working",
        )?;
        rule(
            (DRAIN_LIMIT, self.drain),
            LESS_THAN,
            ("Cloud Run's grace period", CLOUD_RUN_GRACE),
            "otherwise requests under way are killed instead of finished",
        )?;
        let redriven_last = self.retention + self.dead_letter_retention;
        rule(
            ("retention + dead_letter_retention", redriven_last),
            LESS_THAN,
            ("mark_lifetime", self.mark_lifetime),
            "otherwise a message that is redriven late is no longer known and takes effect twice",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deployed_does_not_contradict_itself() {
        assert_eq!(Timings::PRODUCTION.check(), Ok(()));
    }

    #[test]
    fn each_contradiction_names_the_two_settings() {
        let good = Timings::PRODUCTION;
        let short = Duration::from_secs(30);
        let bad = [
            (
                Timings {
                    ack_deadline: short,
                    ..good
                },
                "HANDLER_BUDGET_SECONDS (45 s) must be less than ACK_DEADLINE_SECONDS (30 s)",
            ),
            (
                Timings {
                    lease: short,
                    ..good
                },
                "ACK_DEADLINE_SECONDS (60 s) must be at most LEASE_SECONDS (30 s)",
            ),
            (
                Timings {
                    drain: short,
                    ..good
                },
                "DRAIN_SECONDS (30 s) must be less than Cloud Run's grace period (10 s)",
            ),
            (
                Timings {
                    mark_lifetime: DAY * 38,
                    ..good
                },
                "retention + dead_letter_retention (3283200 s) must be less than mark_lifetime (3283200 s)",
            ),
        ];
        for (timings, sentence) in bad {
            let error = timings.check().unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
    }
}
