//! Looking at a system, and judging what is seen.

use std::collections::BTreeMap;

use fanout_outbox::{EventRow, Standing, WaitingEvents, find_waiting};
use fanout_runtime::{Shutdown, Timestamp};
use fanout_store::Documents;
use serde::Serialize;

use super::backlog::{Backlog, Backlogs};
use crate::answer::{in_words, printable, seconds_since};
use crate::dead_letters::count_by_reason;
use crate::live_consumers::LiveConsumer;
use crate::monitoring::Monitoring;
use crate::operator::Operator;
use crate::target::Target;

/// How many waiting rows of each of the outbox's shards are read at most.
const MOST_OF_A_SHARD: usize = 200;
/// For how long an event may wait: the relay comes each minute.
const LONGEST_WAIT: u64 = 60;
/// For how long a message may be unacked; Terraform's alert has the same by default.
const LONGEST_UNACKED: u64 = 300;
/// What tells which revisions of a service run.
const INSTANCES: &str = "run.googleapis.com/container/instance_count";

#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) outbox: Seen<Outbox>,
    pub(super) consumers: Vec<OfConsumer>,
    pub(super) versions: Versions,
    /// A sentence each.
    pub(super) wrong: Vec<String>,
}

/// Something that was looked at, or why it is not known: which is wrong, unless nobody can tell it here.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Seen<T> {
    Known(T),
    Unknown { unknown: String },
    Untold { unknown: String },
}

#[derive(Debug, Serialize)]
pub(super) struct Outbox {
    pub(super) waiting: usize,
    pub(super) more: bool,
    pub(super) oldest: Option<Waiting>,
    /// Those that the bus refuses for good.
    pub(super) refused: Vec<Waiting>,
    /// The events whose rows cannot be read.
    pub(super) unreadable: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    pub(super) event_id: String,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) subject: String,
    pub(super) waits_seconds: u64,
    pub(super) refusal: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct OfConsumer {
    pub(super) consumer: &'static str,
    /// The subscriptions that push to nobody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) held: Vec<String>,
    pub(super) backlog: Seen<Backlog>,
    pub(super) dead_letters: Seen<BTreeMap<String, usize>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Versions {
    /// This command's.
    pub(super) fanout: &'static str,
    /// The services' revisions, by name.
    pub(super) services: Seen<BTreeMap<String, String>>,
}

impl<T> Seen<T> {
    pub(super) fn of(looked: anyhow::Result<T>) -> Self {
        match looked {
            Ok(known) => Self::Known(known),
            Err(error) => Self::Unknown {
                unknown: format!("{error:#}"),
            },
        }
    }
}

/// `line` is what a line must say for its command to work on the same system.
pub(super) async fn look(
    target: &Target,
    operator: &Operator,
    line: &str,
    shutdown: &Shutdown,
) -> Status {
    let now = operator.clock.now();
    let outbox = async { look_at_outbox(target.documents().await?.as_ref(), now).await };
    let backlogs = Backlogs::read(target, operator, now).await;
    let mut consumers = Vec::new();
    // Where the bus cannot be asked, each says so.
    let presumed = |_| system::consumers().map(LiveConsumer::presumed).collect();
    for live in operator.consumers().await.unwrap_or_else(presumed) {
        let letters = count_by_reason(operator, live.subscriber, shutdown).await;
        consumers.push(OfConsumer {
            consumer: live.subscriber.consumer,
            backlog: backlog_of(&backlogs, &live),
            held: live.held,
            dead_letters: Seen::of(letters),
        });
    }
    let mut status = Status {
        outbox: Seen::of(outbox.await),
        consumers,
        versions: Versions {
            fanout: env!("CARGO_PKG_VERSION"),
            services: Seen::of(revisions(operator.monitoring.as_ref(), now).await),
        },
        wrong: Vec::new(),
    };
    status.judge(line);
    status
}

fn backlog_of(
    backlogs: &anyhow::Result<Option<Backlogs>>,
    consumer: &LiveConsumer,
) -> Seen<Backlog> {
    match backlogs {
        Ok(Some(backlogs)) => Seen::of(backlogs.of(consumer)),
        Ok(None) => Seen::Untold {
            unknown: "Google's emulator does not tell it".to_owned(),
        },
        Err(error) => Seen::Unknown {
            unknown: format!("{error:#}"),
        },
    }
}

async fn look_at_outbox(documents: &dyn Documents, now: Timestamp) -> anyhow::Result<Outbox> {
    let WaitingEvents {
        rows,
        unreadable,
        more,
    } = find_waiting(documents, MOST_OF_A_SHARD).await?;
    let waiting = rows.iter().map(|row| Waiting::of(row, now));
    Ok(Outbox {
        waiting: rows.len() + unreadable.len(),
        more,
        oldest: waiting.clone().next(),
        refused: waiting.filter(|row| row.refusal.is_some()).collect(),
        unreadable,
    })
}

/// Which revisions have instances. On one machine all services are one process, whose `/health` does
/// not tell its version.
pub(super) async fn revisions(
    monitoring: Option<&Monitoring>,
    now: Timestamp,
) -> anyhow::Result<BTreeMap<String, String>> {
    let Some(monitoring) = monitoring else {
        anyhow::bail!("the services do not tell it");
    };
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for series in monitoring.latest(INSTANCES, now).await? {
        let (service, revision) = (series.label("service_name"), series.label("revision_name"));
        if system::role(service).is_some() && series.value().is_some_and(|count| count > 0) {
            let all = found.entry(service.to_owned()).or_default();
            if !all.iter().any(|known| known == revision) {
                all.push(revision.to_owned());
            }
        }
    }
    let joined = |(service, all): (String, Vec<String>)| (service, all.join(", "));
    Ok(found.into_iter().map(joined).collect())
}

impl Waiting {
    fn of(row: &EventRow, now: Timestamp) -> Self {
        Self {
            event_id: row.event_id.clone(),
            event_type: row.event_type.clone(),
            subject: row.subject.clone(),
            waits_seconds: seconds_since(row.recorded_at, now),
            refusal: match &row.standing {
                Standing::Waiting { refusal } => refusal.clone(),
                Standing::Published(_) | Standing::Skipped(_) => None,
            },
        }
    }
}

impl Status {
    pub(super) fn judge(&mut self, line: &str) {
        let mut wrong = match &self.outbox {
            Seen::Known(outbox) => outbox.judge(line),
            Seen::Unknown { unknown } => vec![format!("the outbox cannot be read: {unknown}")],
            Seen::Untold { .. } => Vec::new(),
        };
        for of in &self.consumers {
            wrong.extend(of.judge_backlog());
            wrong.extend(of.judge_dead_letters(line));
        }
        self.wrong = wrong;
    }
}

impl OfConsumer {
    fn judge_backlog(&self) -> Option<String> {
        let consumer = self.consumer;
        match &self.backlog {
            Seen::Known(backlog) if backlog.oldest_seconds > LONGEST_UNACKED => {
                let age = in_words(backlog.oldest_seconds);
                let why = match self.held.as_slice() {
                    [] => "its log says why".to_owned(),
                    held => format!("nothing is pushed from {}", held.join(", ")),
                };
                Some(format!(
                    "{consumer} has not taken a message for {age}: {why}"
                ))
            }
            Seen::Known(_) | Seen::Untold { .. } => None,
            Seen::Unknown { unknown } => {
                Some(format!("the backlog of {consumer} is not known: {unknown}"))
            }
        }
    }

    fn judge_dead_letters(&self, line: &str) -> Option<String> {
        let consumer = self.consumer;
        match &self.dead_letters {
            Seen::Known(reasons) if reasons.is_empty() => None,
            Seen::Known(_) => Some(format!(
                "{consumer} has dead letters: fanout dead-letters list --consumer {consumer}{line}"
            )),
            Seen::Unknown { unknown } => Some(format!(
                "the dead letters of {consumer} cannot be read: {unknown}"
            )),
            Seen::Untold { .. } => None,
        }
    }
}

impl Outbox {
    fn judge(&self, line: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        for waiting in &self.refused {
            let id = printable(&waiting.event_id);
            wrong.push(format!(
                "the bus refuses {id}, which blocks its subject: mend the cause, or give it up with fanout publish --skip {id} --reason TEXT{line}"
            ));
        }
        for id in &self.unreadable {
            let id = printable(id);
            wrong.push(format!(
                "the row of {id} cannot be read, and blocks its subject"
            ));
        }
        let waits = self.oldest.as_ref().map(|oldest| oldest.waits_seconds);
        if let Some(waits) = waits.filter(|waits| *waits > LONGEST_WAIT) {
            let age = in_words(waits);
            wrong.push(format!(
                "an event waits for {age}: the relay comes each minute, so it does not run or cannot publish"
            ));
        }
        wrong
    }
}
