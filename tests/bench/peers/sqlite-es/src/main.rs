//! Accounts as the sums of their events, with cqrs-es on sqlite-es. Asked on standard input, one JSON object a line.
//! SQLite has a write-ahead log, as by the crate's own pool, but `synchronous` is FULL, where that pool says NORMAL: a
//! commit is on disk when it is answered.

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateContext as _, AggregateError, CqrsFramework, DomainEvent, EventStore};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlite_es::SqliteEventRepository;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS events (
        aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence integer CHECK (sequence >= 0) NOT NULL,
        event_type text NOT NULL, event_version text NOT NULL, payload text NOT NULL, metadata text NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT",
    "CREATE TABLE IF NOT EXISTS snapshots (
        aggregate_type text NOT NULL, aggregate_id text NOT NULL,
        last_sequence integer CHECK (last_sequence >= 0) NOT NULL,
        current_snapshot integer CHECK (current_snapshot >= 0) NOT NULL, payload text NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)) STRICT",
];
const OF_A_STREAM: usize = 1_000;
const SNAPSHOT_EVERY: usize = 100;
/// Connections, as in the crate's own pool.
const CONNECTIONS: u32 = 10;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Account {
    opened: bool,
    balance: i64,
}

enum Command {
    Open,
    Deposit { times: usize },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Happened {
    Opened { owner: String },
    Deposited { amount: i64 },
}

#[derive(Debug)]
struct NotOpen;

impl std::fmt::Display for NotOpen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the account is not open")
    }
}

impl std::error::Error for NotOpen {}

impl DomainEvent for Happened {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "Opened".to_owned(),
            Self::Deposited { .. } => "Deposited".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = Happened;
    type Error = NotOpen;
    type Services = ();

    async fn handle(&mut self, command: Command, _: &(), sink: &EventSink<Self>) -> Result<(), NotOpen> {
        match command {
            Command::Open => sink.write(Happened::Opened { owner: "owner".to_owned() }, self).await,
            Command::Deposit { .. } if !self.opened => return Err(NotOpen),
            Command::Deposit { times } => {
                for _ in 0..times {
                    sink.write(Happened::Deposited { amount: 1 }, self).await;
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: Happened) {
        match event {
            Happened::Opened { .. } => self.opened = true,
            Happened::Deposited { amount } => self.balance += amount,
        }
    }
}

type Store = PersistedEventStore<SqliteEventRepository, Account>;

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

struct Bank {
    bank: CqrsFramework<Account, Store>,
    snapshots: Store,
    events: Store,
}

impl Bank {
    async fn open(folder: &str) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(format!("{folder}/sqlite-es.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(60))
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(Duration::from_secs(120));
        let pool = pool.connect_with(options).await.unwrap();
        for table in SCHEMA {
            sqlx::query(table).execute(&pool).await.unwrap();
        }
        let snapshots =
            || PersistedEventStore::new_snapshot_store(SqliteEventRepository::new(pool.clone()), SNAPSHOT_EVERY);
        Self {
            bank: CqrsFramework::new(snapshots(), Vec::new(), ()),
            snapshots: snapshots(),
            events: PersistedEventStore::new_event_store(SqliteEventRepository::new(pool.clone())),
        }
    }

    async fn deposit(&self, stream: &str) -> Duration {
        let began = Instant::now();
        loop {
            match self.bank.execute(stream, Command::Deposit { times: 1 }).await {
                Ok(()) => return began.elapsed(),
                Err(AggregateError::AggregateConflict) => {}
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
            self.bank.execute(&stream, Command::Open).await.unwrap();
            let mut missing = OF_A_STREAM - 1;
            while missing > 0 {
                let times = missing.min(SNAPSHOT_EVERY);
                self.bank.execute(&stream, Command::Deposit { times }).await.unwrap();
                missing -= times;
            }
        }
    }

    async fn load(&self, question: &Question, store: &Store) -> Value {
        let started = Instant::now();
        let mut times = Vec::new();
        for _ in 0..question.count {
            let began = Instant::now();
            assert!(store.load_aggregate(&question.run).await.unwrap().aggregate().opened);
            times.push(began.elapsed());
        }
        summary(started.elapsed(), times)
    }

    async fn sums(&self, question: &Question) -> Value {
        let (mut events, mut balance) = (0, 0);
        for stream in 0..question.at_once {
            let stream = format!("{}-{stream}", question.run);
            events += self.events.load_events(&stream).await.unwrap().len() - 1;
            balance += self.events.load_aggregate(&stream).await.unwrap().aggregate().balance;
        }
        json!({"events": events, "balance": balance})
    }

    async fn answer(&self, question: Question) -> Value {
        match question.r#do.as_str() {
            "open" => {
                for writer in 0..question.at_once {
                    let stream = format!("{}-{writer}", question.run);
                    self.bank.execute(&stream, Command::Open).await.unwrap();
                }
                json!({"opened": question.at_once})
            }
            "append" => self.append(&question).await,
            "fill" => {
                self.fill(&question).await;
                json!({"filled": question.count})
            }
            "load" => self.load(&question, &self.snapshots).await,
            "load_all" => self.load(&question, &self.events).await,
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
