//! One input on its way into what is known of an order.

mod way_back;

use std::time::Duration;

use fanout_contracts::order::{CHOREOGRAPHED, OrderCreated};
use fanout_events::{CANCELLED, Event, StepRef};
use fanout_outbox::Draft;
use fanout_processes::{
    Emit, Failed, Instance, OperateError, PERSISTENT_ATTEMPTS, Pace, ProcessError, Status, Step,
    StepRecord, StepStatus, Verb, backoff,
};
use fanout_runtime::Timestamp;
use serde_json::Map;

use super::{CHARGE, CONFIRM, FACTS, Known, RESERVE, SHIP};
use crate::order::mirrored;
use crate::order_process::{confirmation, confirmed, minutes};

/// How often the mail is asked for, as in the flow in which all is.
const MAIL_ATTEMPTS: u64 = 3;
/// How long the mail may take, each time.
const MAIL_WITHIN: Duration = minutes(2);
/// Why an order is withdrawn that does not come to an end.
const TIMED_OUT: &str = "timed_out";
/// Why a step counts as undone, or done, that an operator says so of.
const SKIPPED: &str = "skipped";

/// Of a step of which nothing is left.
const GIVEN_UP: &[StepStatus] = &[StepStatus::Refused, StepStatus::Undone];

/// How long each participant is waited for: as long as it is asked again in the other flow.
fn patience(step: &str) -> Duration {
    match step {
        RESERVE => minutes(6),
        CHARGE => minutes(15),
        _ => minutes(30),
    }
}

/// Which of two things that are said of a step stands, whichever comes first: what is undone was
/// done before, and what is refused after its undo was refused because of that.
fn rank(status: StepStatus) -> u8 {
    match status {
        StepStatus::Requested | StepStatus::Unknown => 0,
        StepStatus::Done | StepStatus::Undoing | StepStatus::UndoFailed => 1,
        StepStatus::Refused => 2,
        StepStatus::Undone => 3,
    }
}

/// What is known of an order while an input changes it.
pub(super) struct Join {
    pub(super) pace: Pace,
    pub(super) order: OrderCreated,
    pub(super) instance: Instance<Known>,
    pub(super) emit: Vec<Emit>,
    pub(super) now: Timestamp,
}

impl Join {
    /// Takes what a participant says; false if it is known.
    pub(super) fn hear(&mut self, event: &Event) -> Result<bool, ProcessError> {
        let mut facts = FACTS.iter();
        let Some(fact) = facts.find(|fact| fact.known.name == event.event_type) else {
            return Ok(false);
        };
        let known = self.instance.step(fact.step).map(|it| it.status);
        let has_undo = [RESERVE, CHARGE].contains(&fact.step);
        let reason = event.data.0.get("reason").and_then(|it| it.as_str());
        let reason = reason.filter(|_| fact.says == StepStatus::Refused);
        let is_news = match known {
            // On the way back it is undone, whether it is known or not.
            _ if self.is_turned() && has_undo && fact.says == StepStatus::Done => false,
            // Its undo has begun. Whether that left nothing, only the undo says.
            _ if has_undo && reason == Some(CANCELLED) => false,
            None => true,
            Some(known) => rank(known) < rank(fact.says),
        };
        if !is_news {
            return Ok(false);
        }
        self.stands(fact.step, fact.says, reason);
        if fact.says == StepStatus::Done {
            let mut output = event.data.0.clone();
            output.remove("step");
            output.remove("order");
            self.record(fact.step).output = output;
        }
        // One that came after its undo tells nothing of why.
        if let Some(reason) = reason.filter(|reason| *reason != CANCELLED) {
            self.turn(Some(fact.step), reason);
        }
        self.go_on()?;
        Ok(true)
    }

    /// Says what the order has come to, and what is waited for.
    pub(super) fn go_on(&mut self) -> Result<(), ProcessError> {
        self.instance.failure = None;
        if self.is(SHIP, &[StepStatus::Done]) {
            return self.shipped();
        }
        match self.instance.state.turned.clone() {
            Some(why) => self.go_back(why)?,
            // The undo is heard of before what it is for.
            None if self.is(RESERVE, GIVEN_UP) || self.is(CHARGE, GIVEN_UP) => {
                self.instance.status = Status::Compensating;
                self.nothing_is_due();
                let why_by = self.pace.after(self.now, backoff(1));
                self.record(RESERVE).due_at = Some(why_by);
            }
            None => {
                self.instance.status = Status::Running;
                let step = self.next();
                if self
                    .instance
                    .step(step)
                    .is_none_or(|it| it.due_at.is_none())
                {
                    self.wait(step, StepStatus::Requested, 1, patience(step));
                }
            }
        }
        Ok(())
    }

    /// It was shipped: whatever was said of it before, it goes forward.
    fn shipped(&mut self) -> Result<(), ProcessError> {
        self.instance.state.turned = None;
        self.instance.status = Status::Running;
        for step in [RESERVE, CHARGE] {
            if !self.is(step, &[StepStatus::Done]) {
                self.stands(step, StepStatus::Done, None);
            }
        }
        match self.instance.step(CONFIRM).map(|it| it.status) {
            None => self.ask_for_mail(1),
            Some(StepStatus::Requested) => Ok(()),
            Some(_) => {
                let fact = confirmed(&self.order);
                let fact = Draft::of(&self.order.order_id, 2, &fact)?;
                self.emit.push(Emit::Fact(fact));
                self.ends(Status::Completed);
                Ok(())
            }
        }
    }

    /// What was waited for has not come.
    pub(super) fn due(&mut self) -> Result<bool, ProcessError> {
        let mut due = self.instance.steps.iter();
        let due = due.find(|it| it.due_at.is_some_and(|due| due <= self.now));
        let Some(StepRecord { step, attempt, .. }) = due.cloned() else {
            return Ok(false);
        };
        if step == CONFIRM {
            if attempt < MAIL_ATTEMPTS {
                self.ask_for_mail(attempt + 1)?;
            } else {
                self.stands(CONFIRM, StepStatus::Unknown, Some(TIMED_OUT));
                self.go_on()?;
            }
        } else if self.instance.state.withdrawn < PERSISTENT_ATTEMPTS {
            self.turn(Some(&step), TIMED_OUT);
            self.withdraw()?;
        } else {
            self.stands(&step, StepStatus::UndoFailed, Some(TIMED_OUT));
            self.instance.status = Status::Stuck;
            self.instance.failure = Some(Failed {
                step: Some(step),
                reason: "undo_failed".to_owned(),
                detail: None,
            });
        }
        Ok(true)
    }

    pub(super) fn operate(&mut self, verb: &Verb) -> Result<(), OperateError> {
        match verb {
            Verb::Retry if self.is_turned() => {
                self.instance.state.withdrawn = 0;
                self.withdraw()?;
            }
            Verb::Retry if self.is(CONFIRM, &[StepStatus::Requested]) => self.ask_for_mail(1)?,
            // What was said is delivered until it is acked: there is nothing to say again.
            Verb::Retry => return Err(OperateError::NotAwaited),
            Verb::Skip { step } => self.skip(step)?,
            Verb::Compensate { .. } if self.is_turned() => return Err(OperateError::Turned),
            Verb::Compensate { .. } if self.is(CHARGE, &[StepStatus::Done]) => {
                return Err(OperateError::PastPivot);
            }
            Verb::Compensate { reason } => {
                self.turn(None, reason);
                self.withdraw()?;
            }
            Verb::Abandon { reason } => {
                self.ends(Status::Abandoned);
                self.instance.failure = Some(Failed {
                    step: None,
                    reason: "abandoned".to_owned(),
                    detail: Some(reason.clone()),
                });
            }
        }
        Ok(())
    }

    /// Takes an undo, or the mail, as done by hand. Nobody but a participant can say that a step is
    /// done: the next one reacts to its fact.
    fn skip(&mut self, step: &str) -> Result<(), OperateError> {
        let next = if self.is_turned() && self.awaited_undo() == Some(step) {
            StepStatus::Undone
        } else if step == CONFIRM && self.is(CONFIRM, &[StepStatus::Requested]) {
            StepStatus::Done
        } else {
            return Err(OperateError::NotAwaited);
        };
        self.stands(step, next, Some(SKIPPED));
        Ok(self.go_on()?)
    }

    fn ask_for_mail(&mut self, attempt: u64) -> Result<(), ProcessError> {
        let request = confirmation(&self.order, self.step_ref(CONFIRM, attempt));
        self.emit.push(Emit::Request(Draft::request(&request)?));
        self.wait(CONFIRM, StepStatus::Requested, attempt, MAIL_WITHIN);
        Ok(())
    }

    /// The first step of which nothing is known.
    fn next(&self) -> &'static str {
        if self.is(CHARGE, &[StepStatus::Done]) {
            SHIP
        } else if self.is(RESERVE, &[StepStatus::Done]) {
            CHARGE
        } else {
            RESERVE
        }
    }

    fn is(&self, step: &str, any: &[StepStatus]) -> bool {
        let record = self.instance.step(step);
        record.is_some_and(|record| any.contains(&record.status))
    }

    fn step_ref(&self, name: &str, attempt: u64) -> StepRef {
        StepRef {
            process: CHOREOGRAPHED.to_owned(),
            key: self.instance.key.clone(),
            name: name.to_owned(),
            attempt,
        }
    }

    /// Notes that a step is waited for, and nothing else is.
    fn wait(&mut self, step: &str, status: StepStatus, attempt: u64, within: Duration) {
        self.nothing_is_due();
        let due_at = self.pace.after(self.now, within);
        if !self.is(step, &[status]) {
            self.stands(step, status, None);
        }
        let record = self.record(step);
        record.attempt = attempt;
        record.due_at = Some(due_at);
    }

    fn stands(&mut self, step: &str, status: StepStatus, reason: Option<&str>) {
        let now = self.now;
        let record = self.record(step);
        record.status = status;
        record.at = now;
        record.due_at = None;
        record.reason = reason.map(str::to_owned);
    }

    /// The step's record; there is one from now on.
    fn record(&mut self, step: &str) -> &mut StepRecord {
        let records = &mut self.instance.steps;
        let place = records.iter().position(|record| record.step == step);
        let place = place.unwrap_or_else(|| {
            records.push(StepRecord {
                step: step.to_owned(),
                status: StepStatus::Requested,
                attempt: 1,
                at: self.now,
                due_at: None,
                reason: None,
                output: Map::new(),
            });
            records.len() - 1
        });
        &mut records[place]
    }

    fn ends(&mut self, status: Status) {
        self.nothing_is_due();
        self.instance.status = status;
    }

    fn nothing_is_due(&mut self) {
        for record in &mut self.instance.steps {
            record.due_at = None;
        }
    }

    /// What has become of it.
    pub(super) fn step(self) -> Step<Known> {
        let Self {
            instance,
            emit,
            now,
            ..
        } = self;
        let waits = instance.steps.iter().filter_map(|record| record.due_at);
        let wake = waits.min().filter(|_| instance.status.is_under_way());
        let shown = instance.clone().with_state(());
        Step {
            wake,
            writes: vec![mirrored(&shown, now)],
            instance,
            emit,
        }
    }
}
