//! Deciding, and appending what was decided: all or nothing, on the state that was decided on.

use chrono::TimeDelta;
use fanout_events::DecodeError;
use fanout_outbox::{EVENTS, EventRow, Events, Origin};
use fanout_store::{CommitError, Conflict, Fields, StoreError, Write, jitter};

use crate::chain::{HASH, PREVIOUS, hash_of};
use crate::ledger::Ledger;
use crate::loaded::{LoadError, Loaded, event_of};
use crate::{Aggregate, StreamEvent as _, snapshot};

/// How often is decided at most.
const TRIES: u32 = 5;

/// Why a command was not done. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error> {
    /// The state does not allow it.
    #[error(transparent)]
    Refused(R),
    /// Another writer was faster, each time.
    #[error("others wrote to the same streams {TRIES} times meanwhile")]
    Contended,
    /// One of the writes beside the events met what it must not.
    #[error(transparent)]
    Conflict(Conflict),
    /// A stream could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The store failed. After [`StoreError::Unavailable`] the events may be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An event that would make its stream unreadable for ever.
#[derive(Debug, thiserror::Error)]
#[error("the event that was decided on could not be read again")]
struct UnreadableEvent(#[from] DecodeError);

/// What happens in a stream by a command.
struct Decided<A: Aggregate> {
    on: Loaded<A>,
    events: Vec<A::Event>,
    /// Whether the stream is as this process left it, instead of as it is stored.
    from_memory: bool,
}

impl Ledger {
    /// Does a command. Answers the state after it.
    pub async fn execute<A: Aggregate>(
        &self,
        stream: &str,
        command: &A::Command,
        origin: &Origin,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        let all = self.execute_all([(stream, command)], &|_| Vec::new(), origin);
        let [done] = all.await?;
        Ok(done)
    }

    /// Does a command in each of some streams, which must differ, in one commit: all or none. What
    /// `beside` makes of the states after them is written in the same commit. Answers these states.
    pub async fn execute_all<A: Aggregate, const N: usize>(
        &self,
        commands: [(&str, &A::Command); N],
        beside: &(dyn Fn(&[Loaded<A>; N]) -> Vec<Write> + Sync),
        origin: &Origin,
    ) -> Result<[Loaded<A>; N], ExecuteError<A::Refusal>> {
        let mut turn = self.turns.of(&commands.map(|(stream, _)| stream)).await;
        let mut tries = 0;
        while tries < TRIES {
            let mut from_memory = false;
            let mut done = commands.map(|(stream, _)| Loaded::<A>::nothing(stream));
            let mut rows = Vec::new();
            for (loaded, (stream, command)) in done.iter_mut().zip(commands) {
                let left = turn.recall(stream);
                let decided = self.decided(left, stream, command).await?;
                *loaded = decided.on;
                from_memory |= decided.from_memory;
                for event in decided.events {
                    rows.push(self.append(loaded, &event, origin)?);
                }
            }
            let writes = beside(&done);
            match self.outbox.commit(writes, Events::from(rows)).await {
                Ok(committed) => {
                    done.iter().for_each(|it| turn.remember(it.clone()));
                    // The next writer need not wait for the bus.
                    drop(turn);
                    self.outbox.publish_now(committed).await;
                    return Ok(done);
                }
                // What was remembered is forgotten now, and this was no competition.
                Err(CommitError::Conflict(conflict))
                    if from_memory && conflict.key.is_in(EVENTS) =>
                {
                    continue;
                }
                // The place is taken: what was decided was decided on an older state.
                Err(CommitError::Conflict(conflict)) if conflict.key.is_in(EVENTS) => {}
                Err(CommitError::Conflict(conflict)) => {
                    return Err(ExecuteError::Conflict(conflict));
                }
                Err(CommitError::Contention(_)) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            tokio::time::sleep(jitter(self.ids.as_ref(), tries)).await;
            tries += 1;
        }
        Err(ExecuteError::Contended)
    }

    /// A stream and what happens in it: as this process left it, if something does. The commit tells
    /// whether it is still so. What is refused, or comes to nothing, is not committed: then only the
    /// stored stream counts.
    async fn decided<A: Aggregate>(
        &self,
        left: Option<Loaded<A>>,
        stream: &str,
        command: &A::Command,
    ) -> Result<Decided<A>, ExecuteError<A::Refusal>> {
        if let Some(left) = left
            && let Ok(events) = left.state.decide(command)
            && !events.is_empty()
        {
            return Ok(Decided {
                on: left,
                events,
                from_memory: true,
            });
        }
        let stored = self.load::<A>(stream).await?;
        let events = stored.state.decide(command);
        Ok(Decided {
            events: events.map_err(ExecuteError::Refused)?,
            on: stored,
            from_memory: false,
        })
    }

    /// The row of the stream's next event, and the stream with it. Recorded now, but after the event
    /// before it: an instance whose clock is late does not write into a past that was read already.
    /// What could not be read again is refused: it would be in the stream's way for ever.
    fn append<A: Aggregate>(
        &self,
        loaded: &mut Loaded<A>,
        event: &A::Event,
        origin: &Origin,
    ) -> Result<EventRow, StoreError> {
        let refused = |error: serde_json::Error| StoreError::Refused(error.into());
        let after = loaded
            .recorded_at
            .checked_add_signed(TimeDelta::milliseconds(1));
        let recorded_at =
            after.map_or_else(|| self.clock.now(), |after| after.max(self.clock.now()));
        let sequence = loaded.sequence + 1;
        let draft = event.draft(&loaded.stream, sequence);
        let draft = draft.map_err(|error| StoreError::Refused(error.into()))?;
        let row = self.outbox.lasting_row(&draft, origin, recorded_at)?;
        let readable = event_of::<A::Event>(&row).map_err(UnreadableEvent::from);
        readable.map_err(|error| StoreError::Refused(error.into()))?;
        let hash = hash_of(&row, &loaded.hash);
        let mut beside = Fields::new()
            .with(PREVIOUS, loaded.hash.as_str())
            .with(HASH, hash.as_str());
        loaded.state.apply(event);
        if snapshot::is_due(sequence) {
            beside = snapshot::keep(beside, &loaded.state).map_err(refused)?;
        }
        (loaded.sequence, loaded.recorded_at, loaded.hash) = (sequence, recorded_at, hash);
        Ok(row.lasting_with(beside))
    }
}
