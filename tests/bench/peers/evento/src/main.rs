//! Accounts as the sums of their events, with evento on SQLite. Asked on standard input, one JSON object a line. SQLite
//! has a write-ahead log here and `synchronous` FULL: a commit is on disk when it is answered.

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use evento::metadata::Event;
use evento::{Executor, Projection, ProjectionAggregate as _, Sqlite, WriteError};
use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx_migrator::{Migrate as _, Plan};

const OF_A_STREAM: usize = 1_000;
const OF_A_COMMIT: usize = 100;
/// evento keeps no snapshot of an event that is younger than a second, its own `stable_margin`.
const UNTIL_SNAPSHOT: Duration = Duration::from_secs(2);
/// Connections, as many as the side of sqlite-es has.
const CONNECTIONS: u32 = 10;

#[evento::aggregate(name = "bench/Account")]
pub enum Accounts {
    Opened { owner: String },
    Deposited { amount: i64 },
}

/// An account whose snapshots are kept in the store, with each load that reads events.
#[evento::projection(id = id, bitcode::Encode, bitcode::Decode)]
pub struct Account {
    pub id: String,
    pub events: u64,
    pub balance: i64,
}

#[evento::handler]
async fn on_opened(event: Event<Opened>, account: &mut Account) -> anyhow::Result<()> {
    account.id = event.aggregate_id.to_owned();
    Ok(())
}

#[evento::handler]
async fn on_deposited(event: Event<Deposited>, account: &mut Account) -> anyhow::Result<()> {
    account.events += 1;
    account.balance += event.data.amount;
    Ok(())
}

/// The same without snapshots.
#[evento::projection]
#[evento::snapshot(none)]
pub struct Whole {
    pub events: u64,
    pub balance: i64,
}

#[evento::handler]
async fn all_opened(_event: Event<Opened>, _account: &mut Whole) -> anyhow::Result<()> {
    Ok(())
}

#[evento::handler]
async fn all_deposited(event: Event<Deposited>, account: &mut Whole) -> anyhow::Result<()> {
    account.events += 1;
    account.balance += event.data.amount;
    Ok(())
}

fn accounts<E: Executor>() -> Projection<E, Account> {
    Projection::new::<Accounts>().handler(on_opened()).handler(on_deposited())
}

fn whole<E: Executor>() -> Projection<E, Whole> {
    Projection::new::<Accounts>().handler(all_opened()).handler(all_deposited())
}

#[derive(Deserialize)]
struct Question {
    r#do: String,
    #[serde(default)]
    count: usize,
    #[serde(default)]
    at_once: usize,
    #[serde(default)]
    run: String,
    #[serde(default)]
    one_stream: bool,
}

struct Bank(Sqlite);

impl Bank {
    async fn open(folder: &str) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(format!("{folder}/evento.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(60));
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(Duration::from_secs(120));
        let pool = pool.connect_with(options).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let migrator = evento::sql_migrator::new::<sqlx::Sqlite>().unwrap();
        migrator.run(&mut *connection, &Plan::apply_all()).await.unwrap();
        drop(connection);
        Self(pool.into())
    }

    async fn open_account(&self, stream: &str) {
        let opened = Opened { owner: "owner".to_owned() };
        evento::append(stream).event(&opened).commit(&self.0).await.unwrap();
    }

    async fn deposit(&self, stream: &str) -> Duration {
        let began = Instant::now();
        loop {
            let account = accounts().load(stream).execute(&self.0).await.unwrap().unwrap();
            let written = account.write().unwrap().event(&Deposited { amount: 1 }).commit(&self.0).await;
            match written {
                Ok(_) => return began.elapsed(),
                Err(WriteError::InvalidOriginalVersion) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn append(&self, question: &Question) -> Value {
        let started = Instant::now();
        let writers = (0..question.at_once).map(|writer| async move {
            let stream = if question.one_stream { 0 } else { writer };
            let stream = format!("{}-{stream}", question.run);
            let mut times = Vec::new();
            for _ in (writer..question.count).step_by(question.at_once) {
                times.push(self.deposit(&stream).await);
            }
            times
        });
        let times = join_all(writers).await;
        summary(started.elapsed(), times.concat())
    }

    async fn fill(&self, question: &Question) {
        for stream in 0..question.count.div_ceil(OF_A_STREAM) {
            let stream = format!("{}-{stream}", question.run);
            self.open_account(&stream).await;
            let mut missing = OF_A_STREAM - 1;
            while missing > 0 {
                let of_this = missing.min(OF_A_COMMIT);
                let account = accounts().load(&stream).execute(&self.0).await.unwrap().unwrap();
                let mut write = account.write().unwrap();
                for _ in 0..of_this {
                    write.event(&Deposited { amount: 1 });
                }
                write.commit(&self.0).await.unwrap();
                missing -= of_this;
            }
        }
        // Loads at once would find no snapshot of these events, and keep none.
        tokio::time::sleep(UNTIL_SNAPSHOT).await;
    }

    async fn load(&self, question: &Question, snapshots: bool) -> Value {
        let (started, run) = (Instant::now(), question.run.as_str());
        let mut times = Vec::new();
        for _ in 0..question.count {
            let began = Instant::now();
            let found = if snapshots {
                accounts().load(run).execute(&self.0).await.unwrap().is_some()
            } else {
                whole().load(run).execute(&self.0).await.unwrap().is_some()
            };
            assert!(found);
            times.push(began.elapsed());
        }
        summary(started.elapsed(), times)
    }

    async fn sums(&self, question: &Question) -> Value {
        let (mut events, mut balance) = (0, 0);
        for stream in 0..question.at_once {
            let stream = format!("{}-{stream}", question.run);
            let account = whole().load(stream).execute(&self.0).await.unwrap().unwrap();
            events += account.events;
            balance += account.balance;
        }
        json!({"events": events, "balance": balance})
    }

    async fn answer(&self, question: Question) -> Value {
        match question.r#do.as_str() {
            "open" => {
                for writer in 0..question.at_once {
                    self.open_account(&format!("{}-{writer}", question.run)).await;
                }
                json!({"opened": question.at_once})
            }
            "append" => self.append(&question).await,
            "fill" => {
                self.fill(&question).await;
                json!({"filled": question.count})
            }
            "load" => self.load(&question, true).await,
            "load_all" => self.load(&question, false).await,
            "as_of" => json!({}),
            "sums" => self.sums(&question).await,
            other => json!({"failed": format!("{other} is nothing that can be asked for")}),
        }
    }
}

fn summary(all: Duration, mut times: Vec<Duration>) -> Value {
    times.sort();
    let share = |part: f64| {
        let time = times.get(((times.len() as f64 * part).ceil() as usize).saturating_sub(1));
        time.map(|time| time.as_secs_f64() * 1000.0)
    };
    json!({"seconds": all.as_secs_f64(), "p50_ms": share(0.5), "p99_ms": share(0.99)})
}

#[tokio::main]
async fn main() {
    let bank = Bank::open(&std::env::args().nth(1).unwrap()).await;
    println!("{}", json!({"ready": true}));
    for line in std::io::stdin().lock().lines() {
        let question = serde_json::from_str(&line.unwrap()).unwrap();
        println!("{}", bank.answer(question).await);
    }
}
