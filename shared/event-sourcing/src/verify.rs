//! Whether the streams are as they were written: read from the first event on, by today's code.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use fanout_outbox::EventRow;
use fanout_runtime::{Timestamp, error_chain};
use fanout_store::{Direction, Document, Documents, Fields, Key, Query, StoreError, all_documents};

use crate::chain::{HASH, PREVIOUS, hash_of};
use crate::daily_root::{AUDIT_ROOTS, ROOT, Root, end_of};
use crate::ledger::of;
use crate::list_streams::{Listing, all_streams};
use crate::loaded::{LoadError, Loaded};
use crate::{Aggregate, snapshot};

/// How many events are read at once.
const BATCH: u64 = 100;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Streams that were read.
    pub streams: u64,
    /// Events that were read.
    pub events: u64,
    /// Snapshots that are the sum of their events.
    pub snapshots: u64,
    /// Snapshots of an older schema than today's, which no reader uses.
    pub outdated: u64,
    /// Daily roots that are those of the events.
    pub roots: u64,
    /// Copies of daily roots that are those of the events.
    pub copies: u64,
    /// What is not as it was written: the first of each stream.
    pub faults: Vec<Fault>,
}

/// What is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An event, or what it leads to.
    #[error("{stream}, event {sequence}: {what}")]
    Event {
        /// The stream.
        stream: String,
        /// The event's place in it.
        sequence: u64,
        /// What is wrong.
        what: String,
    },
    /// The heads of a day, while each stream that is there is whole.
    #[error(
        "the events up to {date} are not those of that day's root: some are gone, or were added"
    )]
    Root {
        /// The day.
        date: String,
    },
    /// The heads of a day, while the root that is stored may agree with them.
    #[error("the events up to {date} are not those of the copy of that day's root")]
    Copy {
        /// The day.
        date: String,
    },
    /// A root that nothing vouches for, while there are copies of older ones.
    #[error("there is no copy of the root of {date}")]
    NoCopy {
        /// The day.
        date: String,
    },
}

/// A day's root as it is stored, and as it comes out.
struct Day {
    date: String,
    end: Timestamp,
    stored: String,
    found: Root,
    is_copy: bool,
}

/// Reads all streams of an aggregate, or only one.
pub async fn verify<A: Aggregate>(
    documents: &dyn Documents,
    only: Option<&str>,
) -> Result<Report, LoadError> {
    match only {
        Some(stream) => read::<A>(documents, [stream].into(), Vec::new()).await,
        None => verify_with_copies::<A>(documents, &BTreeMap::new()).await,
    }
}

/// Reads all streams of an aggregate, and compares them also with copies of the daily roots, from
/// where who may write to the database could not change them.
pub async fn verify_with_copies<A: Aggregate>(
    documents: &dyn Documents,
    copies: &BTreeMap<NaiveDate, String>,
) -> Result<Report, LoadError> {
    let mut days = days(documents).await?;
    let missing = without_copy(&days, copies);
    days.extend(copies.iter().map(|(day, root)| Day {
        date: day.to_string(),
        end: end_of(*day),
        stored: root.clone(),
        found: Root::new(),
        is_copy: true,
    }));
    let mut streams = Listing::of(A::FIRST);
    let listed = streams.finish(documents).await?;
    let all = all_streams(documents, A::TOPIC).await?;
    let names = all.iter().map(String::as_str).chain(listed).collect();
    let mut report = read::<A>(documents, names, days).await?;
    report.faults.extend(missing);
    Ok(report)
}

/// The roots that are not among the copies, from the first copy on: copying began then. The newest
/// root's copy may still be on its way.
fn without_copy(roots: &[Day], copies: &BTreeMap<NaiveDate, String>) -> Vec<Fault> {
    let Some(first) = copies.keys().next() else {
        return Vec::new();
    };
    let days = roots.iter().filter_map(|root| root.date.parse().ok());
    let mut days: BTreeSet<NaiveDate> = days.collect();
    days.pop_last();
    let missing = days.range(first..).filter(|day| !copies.contains_key(day));
    let fault = |day: &NaiveDate| Fault::NoCopy {
        date: day.to_string(),
    };
    missing.map(fault).collect()
}

async fn read<A: Aggregate>(
    documents: &dyn Documents,
    names: BTreeSet<&str>,
    mut days: Vec<Day>,
) -> Result<Report, LoadError> {
    let mut report = Report::default();
    for stream in names {
        let walk = Walk::<A> {
            documents,
            loaded: Loaded::nothing(stream),
            report: &mut report,
            heads: vec![None; days.len()],
            days: &mut days,
        };
        if let Err((sequence, what)) = walk.walk_through().await? {
            report.faults.push(Fault::Event {
                stream: stream.to_owned(),
                sequence,
                what,
            });
        }
        report.streams += 1;
    }
    if report.faults.is_empty() {
        for day in days {
            let (date, is_copy) = (day.date, day.is_copy);
            match (day.found.finish() == day.stored, is_copy) {
                (true, false) => report.roots += 1,
                (true, true) => report.copies += 1,
                (false, false) => report.faults.push(Fault::Root { date }),
                (false, true) => report.faults.push(Fault::Copy { date }),
            }
        }
    }
    Ok(report)
}

async fn days(documents: &dyn Documents) -> Result<Vec<Day>, LoadError> {
    let found = all_documents(documents, Query::of(AUDIT_ROOTS)).await?;
    let day = |document: &Document| {
        let date = document.key.id().to_owned();
        // What is no date was no root: it comes out as one that does not agree.
        let day: NaiveDate = date.parse().unwrap_or(NaiveDate::MIN);
        Ok(Day {
            date,
            end: end_of(day),
            stored: document.fields.text(ROOT)?.to_owned(),
            found: Root::new(),
            is_copy: false,
        })
    };
    found.iter().map(day).collect()
}

/// Why a stream is not as it was written.
type What = String;

/// On the way through a stream.
struct Walk<'a, A> {
    documents: &'a dyn Documents,
    loaded: Loaded<A>,
    report: &'a mut Report,
    days: &'a mut [Day],
    /// The stream's last event of each day.
    heads: Vec<Option<(u64, String)>>,
}

impl<A: Aggregate> Walk<'_, A> {
    /// Reads on to the end, or to the first event that is not as it was written.
    async fn walk_through(mut self) -> Result<Result<(), (u64, What)>, LoadError> {
        let mut goes_on = false;
        loop {
            let batch = self.next_batch().await?;
            let next = self.loaded.sequence + 1;
            // Nothing here, although there was something behind: places are filled in their order.
            if batch.is_empty() && (goes_on || next == 1) {
                return Ok(Err((next, "is missing".to_owned())));
            }
            let full = batch.len() as u64 == BATCH;
            for document in batch {
                let sequence = self.loaded.sequence + 1;
                match document.and_then(|document| self.check(&document, sequence)) {
                    Ok(loaded) => self.pass(loaded),
                    Err(what) => return Ok(Err((sequence, what))),
                }
            }
            // What is there by now may have been appended after the batch was read: it is read, too.
            goes_on = !full && self.goes_on_behind(self.loaded.sequence + 1).await?;
            if !full && !goes_on {
                break;
            }
        }
        for (head, day) in self.heads.iter().zip(self.days) {
            if let Some((sequence, hash)) = head {
                day.found.add(&self.loaded.stream, *sequence, hash);
            }
        }
        Ok(Ok(()))
    }

    /// The events from here on, as far as they go. Where one of them cannot be read, each is read
    /// alone, so that it is known which.
    async fn next_batch(&self) -> Result<Vec<Result<Document, What>>, LoadError> {
        let next = self.loaded.sequence + 1;
        let id = |sequence| EventRow::lasting_id(&self.loaded.stream, sequence);
        let keys = (next..next + BATCH).map(|sequence| EventRow::key_of(&id(sequence)));
        let keys: Vec<Key> = keys.collect();
        match self.documents.get_many(&keys).await {
            Ok(found) => return Ok(found.into_iter().map_while(|it| it.map(Ok)).collect()),
            Err(StoreError::Refused(_)) => {}
            Err(error @ StoreError::Unavailable(_)) => return Err(error.into()),
        }
        let mut found = Vec::new();
        for key in &keys {
            match self.documents.get(key).await {
                Ok(Some(document)) => found.push(Ok(document)),
                Ok(None) => break,
                Err(error @ StoreError::Unavailable(_)) => return Err(error.into()),
                Err(error @ StoreError::Refused(_)) => {
                    found.push(Err(error_chain(&error)));
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The stream after this document, if that is its next event.
    fn check(&mut self, document: &Document, sequence: u64) -> Result<Loaded<A>, What> {
        let said = |error: LoadError| error_chain(&error);
        let row = EventRow::from_document(document).map_err(|error| error.to_string())?;
        let nothing = Fields::new();
        let beside = row.lasting.as_ref().unwrap_or(&nothing);
        let before = &self.loaded;
        let in_its_place = document.fields.text("stream") == Ok(before.stream.as_str())
            && row.subject == before.stream
            && row.sequence == sequence;
        if !in_its_place {
            return Err("says that it has another place".to_owned());
        }
        // It is made of the id, and so under no hash.
        if document.fields.count("shard") != Ok(row.shard()) {
            return Err("is not in the shard where it is looked for".to_owned());
        }
        if beside.text(PREVIOUS) != Ok(before.hash.as_str()) {
            return Err("does not carry the hash of the event before".to_owned());
        }
        if beside.text(HASH) != Ok(hash_of(&row, &before.hash).as_str()) {
            return Err("is not what its hash was made of".to_owned());
        }
        if row.recorded_at <= before.recorded_at {
            return Err("was recorded before the event before".to_owned());
        }
        let after = before.clone().then(&row).map_err(said)?;
        after.state.holds().map_err(str::to_owned)?;
        self.check_snapshot(&row, &after)?;
        Ok(after)
    }

    fn check_snapshot(&mut self, row: &EventRow, after: &Loaded<A>) -> Result<(), What> {
        let carried = snapshot::carried(row).map_err(|error| error.to_string())?;
        match carried {
            None if snapshot::is_due(after.sequence) => Err("lacks its snapshot".to_owned()),
            None => Ok(()),
            Some(carried) if carried.schema == 0 || carried.schema > u64::from(A::STATE_SCHEMA) => {
                let schema = carried.schema;
                Err(format!(
                    "carries a snapshot of schema {schema}, which this build does not know"
                ))
            }
            Some(carried) if carried.schema < u64::from(A::STATE_SCHEMA) => {
                self.report.outdated += 1;
                Ok(())
            }
            Some(carried) => {
                let state =
                    serde_json::to_string(&after.state).map_err(|error| error.to_string())?;
                if state != carried.state {
                    return Err("carries a snapshot that is not the sum of its events".to_owned());
                }
                self.report.snapshots += 1;
                Ok(())
            }
        }
    }

    fn pass(&mut self, loaded: Loaded<A>) {
        for (head, day) in self.heads.iter_mut().zip(self.days.iter()) {
            if loaded.recorded_at <= day.end {
                *head = Some((loaded.sequence, loaded.hash.clone()));
            }
        }
        self.loaded = loaded;
        self.report.events += 1;
    }

    /// Whether there are events of the stream from this place on. By their rows' ids: what is in them
    /// may not be what was written.
    async fn goes_on_behind(&self, next: u64) -> Result<bool, LoadError> {
        let last = of(&self.loaded.stream)
            .order_by("sequence", Direction::Descending)
            .limit(1);
        let last = self.documents.query(&last).await?.documents;
        let behind = EventRow::lasting_id(&self.loaded.stream, next);
        Ok(last
            .iter()
            .any(|document| document.key.id() >= behind.as_str()))
    }
}
