//! Doing a request once: the key's record is one more write of the commit that does it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use fanout_event_sourcing::{AsOf, ExecuteError, Loaded};
use fanout_outbox::Origin;
use fanout_store::{UpdateTime, Write};
use fanout_web::{Remembered, Repeatable};
use http::StatusCode;

use crate::api_error::ApiError;
use crate::get_account::ShownAccount;
use crate::{Account, AccountCommand, Bank};

/// How often a record under the request's key may vanish or run out before it is given up.
const RECORD_TRIES: u32 = 3;

/// What became of a request.
pub(crate) enum Outcome<const N: usize> {
    /// It was done, and these are the accounts after it.
    Done([Loaded<Account>; N]),
    /// It was done before, and made this.
    Before(String),
}

impl Bank {
    /// Does a command, and answers the account after it; a repeat is answered what the first was.
    pub(crate) async fn movement(
        &self,
        id: &str,
        command: &AccountCommand,
        repeatable: Option<&Repeatable>,
        origin: &Origin,
    ) -> Result<Response, ApiError> {
        let account = self.change(id, command, repeatable, origin).await?;
        Ok((StatusCode::CREATED, Json(ShownAccount::of(&account))).into_response())
    }

    /// The same, as a stream.
    pub(crate) async fn change(
        &self,
        id: &str,
        command: &AccountCommand,
        repeatable: Option<&Repeatable>,
        origin: &Origin,
    ) -> Result<Loaded<Account>, ApiError> {
        let made = |[account]: &[Loaded<Account>; 1]| account.sequence.to_string();
        let commands = [(id, command)];
        match self.once(commands, repeatable, &made, origin).await? {
            Outcome::Done([account]) => Ok(account),
            Outcome::Before(sequence) => {
                let sequence = sequence.parse().map_err(|error| {
                    let error: std::num::ParseIntError = error;
                    ApiError::Internal(error.into())
                })?;
                Ok(self.ledger.load_as_of(id, AsOf::Sequence(sequence)).await?)
            }
        }
    }

    /// Does the commands in one commit; `made` names what they made, for a repeat to find.
    pub(crate) async fn once<const N: usize>(
        &self,
        commands: [(&str, &AccountCommand); N],
        repeatable: Option<&Repeatable>,
        made: &(dyn Fn(&[Loaded<Account>; N]) -> String + Sync),
        origin: &Origin,
    ) -> Result<Outcome<N>, ApiError> {
        let mut expired: Option<UpdateTime> = None;
        for _ in 0..RECORD_TRIES {
            let now = self.clock.now();
            let record = |done: &[Loaded<Account>; N]| -> Vec<Write> {
                let record = repeatable.map(|it| it.remember(&made(done), now, expired));
                record.into_iter().collect()
            };
            let refusal = match self.ledger.execute_all(commands, &record, origin).await {
                Ok(done) => return Ok(Outcome::Done(done)),
                // What was done before may be what makes it impossible now.
                Err(ExecuteError::Refused(refusal)) => Some(refusal),
                Err(ExecuteError::Conflict(_)) => None,
                Err(ExecuteError::Contended) => return Err(ApiError::Contended),
                Err(ExecuteError::Load(error)) => return Err(error.into()),
                Err(ExecuteError::Store(error)) => return Err(error.into()),
            };
            expired = match self.remembered(repeatable).await? {
                Some(Remembered::Same { id, .. }) => return Ok(Outcome::Before(id)),
                Some(Remembered::Another) => return Err(ApiError::IdempotencyKeyReused),
                Some(Remembered::Expired(version)) => Some(version),
                None => None,
            };
            if let Some(refusal) = refusal {
                return Err(refusal.into());
            }
        }
        Err(ApiError::Contended)
    }

    async fn remembered(
        &self,
        repeatable: Option<&Repeatable>,
    ) -> Result<Option<Remembered>, ApiError> {
        let Some(repeatable) = repeatable else {
            return Ok(None);
        };
        let record = self.documents.get(repeatable.key()).await?;
        let known = record.map(|record| repeatable.compare(&record, self.clock.now()));
        Ok(known.transpose()?)
    }
}
