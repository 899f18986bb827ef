//! Accounts as the sums of their events: `shared/event-sourcing` with account-service's own aggregate.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use account_service::{Account, AccountCommand, AccountEvent, Movement, Refusal};
use anyhow::{bail, ensure};
use fanout_contracts::{Currency, account};
use fanout_event_sourcing::{Aggregate, AsOf, ExecuteError, Ledger};
use fanout_outbox::Origin;
use fanout_runtime::{SystemClock, SystemIds};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dialogue::{Question, Questions, say};
use crate::engine::Engine;
use crate::latencies::{summary, timed};

/// Events of one commit while the store is filled.
const OF_A_COMMIT: usize = 200;
/// Events of a stream while the store is filled.
const OF_A_STREAM: usize = 1_000;
/// How often a writer that was beaten asks again.
const PATIENCE: usize = 1_000;

/// An account of which several deposits are made in one commit, and whose snapshots are of this schema.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Many<const SCHEMA: u32>(Account);

/// Reads the snapshots that accounts keep.
type Filled = Many<{ Account::STATE_SCHEMA }>;
/// Finds no snapshot of its own schema, so that all events are read.
type WithoutSnapshots = Many<{ u32::MAX }>;

impl<const SCHEMA: u32> Aggregate for Many<SCHEMA> {
    const TOPIC: &'static str = Account::TOPIC;
    const FIRST: &'static str = Account::FIRST;
    const STATE_SCHEMA: u32 = SCHEMA;
    type Command = Vec<AccountCommand>;
    type Event = AccountEvent;
    type Refusal = Refusal;

    fn decide(&self, commands: &Vec<AccountCommand>) -> Result<Vec<AccountEvent>, Refusal> {
        let mut account = self.0.clone();
        let mut events = Vec::new();
        for command in commands {
            for event in account.decide(command)? {
                account.apply(&event);
                events.push(event);
            }
        }
        Ok(events)
    }

    fn apply(&mut self, event: &AccountEvent) {
        self.0.apply(event);
    }

    fn holds(&self) -> Result<(), &'static str> {
        self.0.holds()
    }
}

/// Answers until it is asked for nothing more.
pub(crate) async fn answer(folder: &Path) -> anyhow::Result<()> {
    let engine = Engine::open(folder).await?;
    engine.set_up(&[account::TOPIC], &[]).await?;
    let publisher = Arc::new(engine.broker.publisher_of_stored());
    let outbox = engine.outbox(publisher, account_service::NAME);
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let ledger = Ledger::new(engine.documents, outbox, clock, ids);
    let mut questions = Questions::open();
    while let Some(question) = questions.next().await? {
        say(&answered(&ledger, &question).await?);
    }
    Ok(())
}

async fn answered(ledger: &Ledger, question: &Question) -> anyhow::Result<Value> {
    let Question { count, at_once, .. } = *question;
    let run = question.run.as_str();
    match question.r#do.as_str() {
        "open" => {
            let all = (0..at_once).map(|writer| open(ledger, format!("{run}-{writer}")));
            try_join_all(all).await?;
            Ok(json!({"opened": at_once}))
        }
        "append" => append(ledger, question).await,
        "fill" => {
            let streams = (0..count.div_ceil(OF_A_STREAM)).map(|stream| format!("{run}-{stream}"));
            for streams in streams.collect::<Vec<_>>().chunks(16) {
                try_join_all(streams.iter().map(|stream| fill(ledger, stream))).await?;
            }
            Ok(json!({"filled": count}))
        }
        "load" => {
            timed(count, 1, |_| async {
                loaded(ledger.load::<Account>(run).await?.sequence)
            })
            .await
        }
        "load_all" => {
            let all = |_| async { loaded(ledger.load::<WithoutSnapshots>(run).await?.sequence) };
            timed(count, 1, all).await
        }
        "as_of" => {
            let middle = AsOf::Sequence(OF_A_STREAM as u64 / 2);
            let then =
                |_| async { loaded(ledger.load_as_of::<Account>(run, middle).await?.sequence) };
            timed(count, 1, then).await
        }
        "sums" => {
            let (mut events, mut balance) = (0, 0);
            for stream in 0..at_once {
                let account = ledger
                    .load::<WithoutSnapshots>(&format!("{run}-{stream}"))
                    .await?;
                events += account.sequence.saturating_sub(1);
                balance += account.state.0.balance;
            }
            Ok(json!({"events": events, "balance": balance}))
        }
        other => bail!("{other} is nothing that can be asked for"),
    }
}

fn loaded(events: u64) -> anyhow::Result<()> {
    ensure!(events > 0, "there is no such stream");
    Ok(())
}

async fn open(ledger: &Ledger, stream: String) -> anyhow::Result<()> {
    let open = AccountCommand::Open {
        id: stream.clone(),
        owner: "owner".to_owned(),
        currency: Currency::USD,
    };
    ledger
        .execute::<Account>(&stream, &open, &Origin::default())
        .await?;
    Ok(())
}

fn one_cent() -> AccountCommand {
    AccountCommand::Deposit(Movement {
        amount: "0.01".to_owned(),
        currency: None,
        effective_at: None,
    })
}

/// So many deposits by so many writers: each on its own stream, or all on one.
async fn append(ledger: &Ledger, question: &Question) -> anyhow::Result<Value> {
    let Question { count, at_once, .. } = *question;
    let started = Instant::now();
    let writers = (0..at_once.max(1)).map(|writer| async move {
        let stream = if question.one_stream { 0 } else { writer };
        let stream = format!("{}-{stream}", question.run);
        let mut times = Vec::new();
        for _ in (writer..count).step_by(at_once.max(1)) {
            times.push(deposit(ledger, &stream).await?);
        }
        anyhow::Ok(times)
    });
    let times = try_join_all(writers).await?;
    Ok(summary(started.elapsed(), times.concat()))
}

/// One deposit, for as long as others are faster.
async fn deposit(ledger: &Ledger, stream: &str) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for _ in 0..PATIENCE {
        match ledger
            .execute::<Account>(stream, &one_cent(), &Origin::default())
            .await
        {
            Ok(_) => return Ok(began.elapsed()),
            Err(ExecuteError::Contended) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("others were faster {PATIENCE} times")
}

async fn fill(ledger: &Ledger, stream: &str) -> anyhow::Result<()> {
    open(ledger, stream.to_owned()).await?;
    let mut missing = OF_A_STREAM - 1;
    while missing > 0 {
        let of_this = missing.min(OF_A_COMMIT);
        let deposits = vec![one_cent(); of_this];
        ledger
            .execute::<Filled>(stream, &deposits, &Origin::default())
            .await?;
        missing -= of_this;
    }
    Ok(())
}
