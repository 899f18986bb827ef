//! The rules of a topology, each with its reason.

use super::facts::Facts;
use super::place::Place;
use super::rules;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// Every subscription has a dead-letter topic.
    DeadLetterTopic,
    /// Every dead-letter topic has a subscription.
    DeadLetterSubscription,
    /// No subscription expires.
    NeverExpires,
    /// Pub/Sub may forward dead letters.
    ForwardingRights,
    /// One push identity per subscription, and one service that it may call.
    PushIdentity,
    /// Every consumer has a subscription.
    Subscribed,
    /// The waits between deliveries outlast a lease.
    BackoffOutlastsLease,
    /// A handler is given up on before Pub/Sub gives up on the push.
    BudgetWithinDeadline,
    /// Marks outlive the last redrive.
    MarksOutliveRedrive,
    /// Documents that expire are deleted, and their time is not indexed.
    ExpiryField,
    /// What `trace` asks for is indexed.
    TraceIndexes,
}

/// What a rule found.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) rule: Rule,
    /// How many things it looked at.
    pub(super) looked_at: usize,
    pub(super) findings: Vec<Finding>,
}

/// A rule that does not hold, or cannot be said to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The rule.
    pub(super) rule: Rule,
    /// What has to be changed.
    pub(super) place: Place,
    /// What is wrong.
    pub(super) problem: String,
    /// With what: names of subscriptions, topics or fields.
    pub(super) with: Vec<String>,
}

impl Rule {
    /// All rules, in the order of their numbers.
    pub(super) const ALL: [Self; 11] = [
        Self::DeadLetterTopic,
        Self::DeadLetterSubscription,
        Self::NeverExpires,
        Self::ForwardingRights,
        Self::PushIdentity,
        Self::Subscribed,
        Self::BackoffOutlastsLease,
        Self::BudgetWithinDeadline,
        Self::MarksOutliveRedrive,
        Self::ExpiryField,
        Self::TraceIndexes,
    ];

    /// From 1.
    pub(super) fn number(self) -> usize {
        Self::ALL
            .iter()
            .position(|rule| *rule == self)
            .map_or(0, |index| index + 1)
    }

    /// What must hold.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::DeadLetterTopic => "every subscription has a dead-letter topic",
            Self::DeadLetterSubscription => "every dead-letter topic has a subscription",
            Self::NeverExpires => "no subscription expires",
            Self::ForwardingRights => "Pub/Sub may forward dead letters",
            Self::PushIdentity => "each subscription pushes as itself, and may call one service",
            Self::Subscribed => "every consumer has a subscription",
            Self::BackoffOutlastsLease => "the waits between deliveries outlast a lease",
            Self::BudgetWithinDeadline => "a handler's budget ends before the ack deadline",
            Self::MarksOutliveRedrive => "marks outlive the last redrive",
            Self::ExpiryField => {
                "documents that expire are deleted, and `expires_at` is not indexed"
            }
            Self::TraceIndexes => "what `fanout trace` asks for is indexed",
        }
    }

    /// What happens otherwise.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::DeadLetterTopic => {
                "a message that keeps failing would be delivered until its retention ends, and then be lost"
            }
            Self::DeadLetterSubscription => {
                "a topic without a subscription drops what is published on it"
            }
            Self::NeverExpires => {
                "a subscription that is idle for 31 days would be deleted, and what comes next be lost; a dead-letter subscription is idle as long as all is well"
            }
            Self::ForwardingRights => {
                "Pub/Sub's own account must publish on the dead-letter topic and ack on the subscription; without either nothing is ever forwarded"
            }
            Self::PushIdentity => {
                "whoever can push to one consumer could otherwise push to another, and a stolen token would open more than one service"
            }
            Self::Subscribed => "what nothing subscribes to never arrives",
            Self::BackoffOutlastsLease => {
                "after a crash a message would use up its attempts while the dead handler's claim still keeps others away"
            }
            Self::BudgetWithinDeadline => {
                "Pub/Sub would deliver again what a handler is still working on; a consumer whose numbers contradict each other does not start"
            }
            Self::MarksOutliveRedrive => {
                "a dead letter that is redriven late would not be recognised, and take effect twice"
            }
            Self::ExpiryField => {
                "marks would be kept for ever, or an index on a time that only grows would hold all writes to a few hundred a second"
            }
            Self::TraceIndexes => "Firestore would refuse the queries of `fanout trace`",
        }
    }

    /// Looks at everything that the rule is about; `None` where that was not read.
    pub(super) fn check(self, facts: &Facts) -> Option<Checked> {
        let around = facts.surroundings.as_ref();
        let mut checked = Checked {
            rule: self,
            looked_at: 0,
            findings: Vec::new(),
        };
        let out = &mut checked;
        match self {
            Self::DeadLetterTopic => rules::dead_letters::topics(facts, out),
            Self::DeadLetterSubscription => rules::dead_letters::subscriptions(facts, out),
            Self::NeverExpires => rules::expiry::subscriptions(facts, out),
            Self::ForwardingRights => rules::grants::forwarding(facts, around?, out),
            Self::PushIdentity => rules::push_identity::check(facts, around?, out),
            Self::Subscribed => rules::subscriptions::check(facts, out),
            Self::BackoffOutlastsLease => rules::numbers::backoff(facts, out),
            Self::BudgetWithinDeadline => rules::numbers::budget(facts, out),
            Self::MarksOutliveRedrive => rules::numbers::marks(facts, out),
            Self::ExpiryField => rules::firestore::expiry(&facts.place, around?, out),
            Self::TraceIndexes => rules::firestore::trace_indexes(around?, out),
        }
        if checked.looked_at == 0 && checked.findings.is_empty() {
            checked.find(
                &facts.place,
                "cannot be checked: there is nothing that it is about",
                "",
            );
        }
        Some(checked)
    }
}

impl Checked {
    /// Notes a finding. The same problem in the same place is one finding with many things.
    pub(super) fn find(
        &mut self,
        place: &Place,
        problem: impl Into<String>,
        with: impl Into<String>,
    ) {
        let (problem, with) = (problem.into(), with.into());
        let with = (!with.is_empty()).then_some(with);
        let same = |found: &&mut Finding| found.place == *place && found.problem == problem;
        if let Some(found) = self.findings.iter_mut().find(same) {
            found.with.extend(with);
            found.with.sort();
            found.with.dedup();
            return;
        }
        self.findings.push(Finding {
            rule: self.rule,
            place: place.clone(),
            problem,
            with: with.into_iter().collect(),
        });
    }

    /// Notes that a fact cannot be evaluated.
    pub(super) fn cannot(&mut self, place: &Place, reason: &str, with: impl Into<String>) {
        self.find(place, format!("cannot be checked: {reason}"), with);
    }

    /// What the fact says, if it can be evaluated; otherwise that is the finding.
    pub(super) fn said<'f, T>(
        &mut self,
        fact: &'f super::facts::Fact<T>,
        with: &str,
    ) -> Option<Option<&'f T>> {
        match &fact.value {
            Ok(value) => Some(value.as_ref()),
            Err(reason) => {
                self.cannot(&fact.place, reason, with);
                None
            }
        }
    }
}
