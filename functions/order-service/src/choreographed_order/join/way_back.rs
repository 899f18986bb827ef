//! An order on its way back: it is withdrawn, and what was done is undone by those who did it.

use fanout_contracts::inventory::ReleaseRequested;
use fanout_contracts::order::OrderWithdrawn;
use fanout_events::CANCELLED;
use fanout_outbox::Draft;
use fanout_processes::{Emit, Failed, ProcessError, Status, StepStatus, backoff};

use super::{CHARGE, GIVEN_UP, Join, RESERVE, SHIP, SKIPPED};
use crate::order_process::cancelled;

impl Join {
    /// Waits for the undo that comes next, or ends.
    pub(super) fn go_back(&mut self, why: Failed) -> Result<(), ProcessError> {
        if let Some(step) = self.awaited_undo() {
            self.instance.failure = Some(why);
            self.instance.status = Status::Compensating;
            let withdrawn = self.instance.state.withdrawn.max(1);
            self.wait(step, StepStatus::Undoing, withdrawn, backoff(withdrawn));
            if step == RESERVE {
                self.release_unless_told(withdrawn)?;
            }
            return Ok(());
        }
        // It was waited for before it was known that nothing is reserved.
        if self.is(CHARGE, &[StepStatus::Undoing, StepStatus::UndoFailed]) {
            self.stands(CHARGE, StepStatus::Undone, None);
        }
        let fact = cancelled(&self.order, &why.reason);
        let fact = Draft::of(&self.order.order_id, 2, &fact)?;
        self.emit.push(Emit::Fact(fact));
        self.instance.failure = Some(why);
        self.ends(Status::Compensated);
        Ok(())
    }

    /// Calls on shipping, which is the last, to ship no more: from there the way leads back.
    pub(super) fn withdraw(&mut self) -> Result<(), ProcessError> {
        self.instance.state.withdrawn += 1;
        let turned = self.instance.state.turned.as_ref();
        let withdrawn = OrderWithdrawn {
            order_id: self.order.order_id.clone(),
            reason: turned.map_or(CANCELLED, |why| &why.reason).to_owned(),
            order: self.order.clone(),
            step: self.step_ref(SHIP, self.instance.state.withdrawn),
        };
        self.emit.push(Emit::Request(Draft::request(&withdrawn)?));
        self.go_on()
    }

    /// Of a refund that was made by hand payment tells nobody: inventory has to be asked, but not while
    /// shipping may still ship.
    fn release_unless_told(&mut self, attempt: u64) -> Result<(), ProcessError> {
        let charge = self.instance.step(CHARGE);
        let by_hand = charge.is_some_and(|it| it.reason.as_deref() == Some(SKIPPED));
        if by_hand && self.is(SHIP, &[StepStatus::Refused]) {
            let request = ReleaseRequested {
                order_id: self.order.order_id.clone(),
                step: self.step_ref(RESERVE, attempt),
            };
            self.emit.push(Emit::Request(Draft::request(&request)?));
        }
        Ok(())
    }

    pub(super) fn turn(&mut self, step: Option<&str>, reason: &str) {
        if self.instance.state.turned.is_none() {
            self.instance.state.turned = Some(Failed {
                step: step.map(str::to_owned),
                reason: reason.to_owned(),
                detail: None,
            });
        }
    }

    pub(super) fn is_turned(&self) -> bool {
        self.instance.state.turned.is_some()
    }

    /// The step whose undo comes next on the way back. Payment says that nothing is kept whether it
    /// has charged or not, so it is waited for whether a charge was heard of or not.
    pub(super) fn awaited_undo(&self) -> Option<&'static str> {
        // What is not reserved is never charged.
        if self.is(RESERVE, &[StepStatus::Refused]) {
            return None;
        }
        let mut back = [CHARGE, RESERVE].into_iter();
        back.find(|step| !self.is(step, GIVEN_UP))
    }
}
