//! Finding what is known. Every question is one document, or one equality on one field.

use std::collections::{BTreeMap, BTreeSet};

use fanout_dedup::find_marks;
use fanout_events::EventsOf;
use fanout_outbox::{EventRow, find_events};
use fanout_processes::process_subject;
use fanout_runtime::Clock;
use fanout_store::{Documents, Key, ReadError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use system::{ORDER_PROCESSES, USERS};

use super::life::{Life, Traces, shown};

/// How many marks or rows are read at most for one question: a request id that a client never changes
/// would otherwise lead to everything there is.
const MOST: usize = 3_000;
/// Of how many events at most the marks, or the effects, are asked for: each is a question of its own.
const MOST_BY_ID: usize = 1_000;
/// How many of these questions are asked at once.
const AT_ONCE: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trace {
    pub(crate) asked: Question,
    /// The users that the events are about, as they are stored now.
    pub(crate) users: Vec<UserStanding>,
    /// By subject and sequence, then by time.
    pub(crate) events: Vec<Life>,
    /// There are more events than were read.
    pub(crate) incomplete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    Event(String),
    User(String),
    Order(String),
    Correlation(String),
}

/// What may be told of a stored user: nothing personal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct UserStanding {
    pub(crate) user_id: String,
    /// Also the sequence of the user's last event.
    pub(crate) version: u64,
    pub(crate) deleted_at: Option<String>,
    /// Sequences up to the version of which no mark and no row is known: published and on their way,
    /// or forgotten. Only where all of the user's events were asked for.
    pub(crate) unknown_sequences: Vec<u64>,
}

impl Trace {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && !matches!(
                (&self.asked, self.users.as_slice()),
                (Question::User(_), [_, ..])
            )
    }
}

/// What the store knows of it.
pub(crate) async fn find(
    documents: &dyn Documents,
    clock: &dyn Clock,
    asked: Question,
) -> Result<Trace, ReadError> {
    let of = match &asked {
        Question::Event(id) => EventsOf::Event(id),
        Question::User(id) => EventsOf::Subject(id),
        Question::Correlation(id) => EventsOf::Correlation(id),
        Question::Order(id) => {
            let (rows, more) = rows_of_order(documents, id).await?;
            let traces = Traces::by_event(Vec::new(), rows);
            return assemble(documents, clock, asked, traces, more).await;
        }
    };
    // Marks of events that have no row tell themselves what they are about.
    let (rows, more_rows) = find_events(documents, of, MOST).await?;
    let (marks, more_marks) = find_marks(documents, of, MOST).await?;
    let traces = Traces::by_event(marks, rows);
    let mut trace = assemble(documents, clock, asked, traces, more_marks || more_rows).await?;
    match &trace.asked {
        Question::Event(id) => {
            let (caused, more) = caused_by(documents, id).await?;
            trace.incomplete |= more;
            if let Some(life) = trace.events.first_mut() {
                life.caused = caused.into_iter().collect();
            }
        }
        Question::User(id) => {
            let of_user = |life: &&Life| life.subject.as_ref() == Some(id);
            let events = trace.events.iter().filter(of_user);
            let known: BTreeSet<u64> = events.filter_map(|life| life.sequence).collect();
            if let Some(user) = trace.users.first_mut() {
                // A version that nobody can have reached would make a list without end.
                let sequences = (1..=user.version).take(MOST);
                user.unknown_sequences = sequences.filter(|seq| !known.contains(seq)).collect();
            }
        }
        Question::Order(_) | Question::Correlation(_) => {}
    }
    Ok(trace)
}

async fn caused_by(
    documents: &dyn Documents,
    id: &str,
) -> Result<(BTreeSet<String>, bool), ReadError> {
    let (marks, more_marks) = find_marks(documents, EventsOf::Causation(id), MOST).await?;
    let (rows, more_rows) = find_events(documents, EventsOf::Causation(id), MOST).await?;
    let ids = marks.into_iter().map(|found| found.mark.event_id);
    let ids = ids.chain(rows.into_iter().map(|row| row.event_id));
    Ok((ids.collect(), more_marks || more_rows))
}

/// All events about an order and its process, and whatever those led to: an answer that participants
/// react to causes the next one.
async fn rows_of_order(
    documents: &dyn Documents,
    id: &str,
) -> Result<(Vec<EventRow>, bool), ReadError> {
    let processes = ORDER_PROCESSES.map(|process| process_subject(process, id));
    let (mut rows, mut incomplete) = (Vec::new(), false);
    for subject in [id].into_iter().chain(processes.iter().map(String::as_str)) {
        let (found, more) = find_events(documents, EventsOf::Subject(subject), MOST).await?;
        incomplete |= more;
        rows.extend(found);
    }
    let (mut causes, mut place) = (BTreeSet::new(), 0);
    while let Some(row) = rows.get(place) {
        place += 1;
        let cause = row.event_id.clone();
        if causes.contains(&cause) {
            continue;
        }
        if causes.len() == MOST_BY_ID {
            incomplete = true;
            break;
        }
        let (found, more) = find_events(documents, EventsOf::Causation(&cause), MOST).await?;
        incomplete |= more;
        rows.extend(found);
        causes.insert(cause);
    }
    Ok((rows, incomplete))
}

async fn assemble(
    documents: &dyn Documents,
    clock: &dyn Clock,
    asked: Question,
    mut traces: BTreeMap<String, Traces>,
    mut incomplete: bool,
) -> Result<Trace, ReadError> {
    if !matches!(asked, Question::Event(_)) {
        incomplete |= traces.len() > MOST_BY_ID;
        let each = traces.iter_mut().take(MOST_BY_ID);
        let each = each.map(|(id, found)| complete(documents, id, found));
        let all = stream::iter(each.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        all.try_collect::<()>().await?;
    }
    let now = clock.now();
    let lives = traces.into_iter().map(|(id, traces)| traces.life(id, now));
    let mut events: Vec<Life> = lives.collect();
    events.sort_by(|a, b| order(a).cmp(&order(b)));
    if matches!(asked, Question::Order(_)) {
        // Of many subjects: time tells how it went.
        events.sort_by(|a, b| a.stored_at.cmp(&b.stored_at));
    }
    link(&mut events);
    let mut subjects: BTreeSet<&str> = events
        .iter()
        .filter_map(|life| life.subject.as_deref())
        .collect();
    if let Question::User(id) = &asked {
        subjects.insert(id);
    }
    let mut users = Vec::new();
    for subject in subjects {
        users.extend(stored_user(documents, subject).await?);
    }
    Ok(Trace {
        asked,
        users,
        events,
        incomplete,
    })
}

/// Finds all of an event's marks: those of an event that has a row do not say what it is about. Notes
/// of other messages that came under its id are among them.
async fn complete(
    documents: &dyn Documents,
    id: &str,
    traces: &mut Traces,
) -> Result<(), ReadError> {
    (traces.marks, _) = find_marks(documents, EventsOf::Event(id), MOST).await?;
    if traces.row.is_none() {
        let (rows, _) = find_events(documents, EventsOf::Event(id), 1).await?;
        traces.row = rows.into_iter().next();
    }
    Ok(())
}

/// Sequence orders the events of a subject; the rest is time, as far as it is known.
fn order(life: &Life) -> (Option<&str>, Option<u64>, Option<&str>, Option<&str>, &str) {
    let finished = life
        .consumers
        .iter()
        .filter_map(|reaction| reaction.finished_at.as_deref());
    (
        life.subject.as_deref(),
        life.sequence,
        life.stored_at.as_deref(),
        finished.min(),
        &life.event_id,
    )
}

/// Tells each event which of the others it caused.
fn link(events: &mut [Life]) {
    let causes = |life: &Life| Some((life.causation_id.clone()?, life.event_id.clone()));
    let pairs: Vec<(String, String)> = events.iter().filter_map(causes).collect();
    for life in events {
        let caused = pairs.iter().filter(|(cause, _)| *cause == life.event_id);
        life.caused = caused.map(|(_, effect)| effect.clone()).collect();
    }
}

async fn stored_user(
    documents: &dyn Documents,
    id: &str,
) -> Result<Option<UserStanding>, ReadError> {
    let Some(document) = documents.get(&Key::new(USERS, id)).await? else {
        return Ok(None);
    };
    Ok(Some(UserStanding {
        user_id: id.to_owned(),
        version: document.fields.count("version")?,
        deleted_at: document.fields.optional_timestamp("deleted_at")?.map(shown),
        unknown_sequences: Vec::new(),
    }))
}
