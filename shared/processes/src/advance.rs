//! From what a process says to what is stored of it.

use fanout_outbox::Draft;
use fanout_runtime::Timestamp;
use fanout_store::Write;
use serde_json::Value;
use tracing::error;

use crate::instance::Status;
use crate::process::{Emit, Step};
use crate::stored::{StoredProcess, process_subject};

/// An instance after an input, with what is committed beside it.
pub(crate) struct Advanced {
    pub(crate) stored: StoredProcess,
    /// Changes of other documents.
    pub(crate) writes: Vec<Write>,
    pub(crate) emits: Vec<Draft>,
}

impl StoredProcess {
    /// The instance after this step.
    pub(crate) fn advance(mut self, step: Step<Value>, now: Timestamp) -> Advanced {
        let before = self.instance.status;
        let subject = process_subject(&self.name, &step.instance.key);
        let mut emits = Vec::new();
        for emit in step.emit {
            emits.push(match emit {
                Emit::Request(draft) => {
                    self.emitted += 1;
                    draft.about(subject.as_str(), self.emitted)
                }
                Emit::Fact(draft) => draft,
            });
        }
        self.instance = step.instance;
        self.wake_at = step.wake;
        self.updated_at = now;
        if !self.instance.status.is_open() {
            self.ended_at = Some(now);
        }
        if before != Status::Stuck && self.instance.status == Status::Stuck {
            self.log_stuck();
        }
        Advanced {
            stored: self,
            writes: step.writes,
            emits,
        }
    }

    /// What the alert asks for. An operator has to look at it: see docs/RUNBOOK.md.
    fn log_stuck(&self) {
        let failure = self.instance.failure.as_ref();
        error!(
            process = self.name,
            key = self.instance.key,
            step = failure.and_then(|failure| failure.step.as_deref()),
            reason = failure.map(|failure| failure.reason.as_str()),
            correlation_id = self.correlation_id,
            "process_stuck"
        );
    }
}
