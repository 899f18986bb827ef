//! An operator's word, and a user's.

use fanout_contracts::operator::OperatorIntervened;
use fanout_outbox::Draft;
use fanout_store::CommitError;

use crate::engine::{Engine, EngineError};
use crate::process::{Emit, ProcessError, Verb};
use crate::stored::StoredProcess;

/// The reason of what an operator turns around.
pub const CANCELLED_BY_OPERATOR: &str = "cancelled_by_operator";

/// How often a word is tried again because the instance moved meanwhile.
const TRIES: u32 = 5;

impl Engine {
    /// Does what an operator says, with an event that says so; all in one commit.
    pub async fn operate(
        &self,
        name: &str,
        key: &str,
        verb: &Verb,
    ) -> Result<StoredProcess, EngineError> {
        let said = OperatorIntervened {
            process: name.to_owned(),
            key: key.to_owned(),
            verb: verb.name().to_owned(),
            step: match verb {
                Verb::Skip { step } => Some(step.clone()),
                Verb::Retry | Verb::Compensate { .. } | Verb::Abandon { .. } => None,
            },
            reason: match verb {
                Verb::Abandon { reason } => Some(reason.clone()),
                Verb::Retry | Verb::Skip { .. } | Verb::Compensate { .. } => None,
            },
        };
        let said = Draft::request(&said).map_err(ProcessError::from)?;
        self.apply(name, key, verb, Some(said)).await
    }

    /// Turns an instance around because who began it asks for it, for this reason: a slug.
    pub async fn cancel(
        &self,
        name: &str,
        key: &str,
        reason: &'static str,
    ) -> Result<StoredProcess, EngineError> {
        let verb = Verb::Compensate { reason };
        self.apply(name, key, &verb, None).await
    }

    async fn apply(
        &self,
        name: &str,
        key: &str,
        verb: &Verb,
        said: Option<Draft>,
    ) -> Result<StoredProcess, EngineError> {
        for _ in 0..TRIES {
            let (stored, version) = self.read(name, key).await?;
            let owned = self.owner(&stored)?;
            let now = self.clock.now();
            let mut step = owned.machine.operate(stored.instance.clone(), verb, now)?;
            step.emit.extend(said.clone().map(Emit::Request));
            let cause = stored.cause();
            let advanced = stored.advance(step, now);
            match self.commit(owned.service, &cause, advanced, version).await {
                Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
                done => return Ok(done?),
            }
        }
        Err(EngineError::Busy)
    }
}
