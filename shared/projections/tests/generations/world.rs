//! A read model of users' names, two instances that keep it, one that rebuilds it, and what must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanout_bus::PushedMessage;
use fanout_consume::{ConsumerDeps, Failure, Outcome, Pipeline};
use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::EventsOf;
use fanout_events::{EmailAddress, Envelope, PersonName};
use fanout_outbox::{Draft, Origin, Outbox, find_events};
use fanout_projections::{
    Freshness, GENERATION, Generations, Owned, Projection, Projections, Projects, Reading,
    Rebuilds, Row, Rows, Standing, find_standing, rows_of,
};
use fanout_runtime::Timestamp;
use fanout_store::{Collection, Documents, Fields, all_documents, ascending};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::consumer_tests::lone_consumer;
use fanout_testkit::faults::Process;
use fanout_testkit::{ManualClock, SeededIds};

pub(crate) const NAME: &str = "names";
pub(crate) const NAMES: &Collection =
    &Collection::named("test_names").indexes(&[&[ascending(GENERATION)]]);
pub(crate) const CHANGES: &Collection =
    &Collection::named("test_changes").indexes(&[&[ascending(GENERATION)]]);

/// How old the knowledge of an instance may be.
pub(crate) const CACHE: Duration = Duration::from_secs(30);
pub(crate) const CACHED: Freshness = Freshness::Cached(CACHE);

pub(crate) struct Names;

/// The name as it is now, and that there was a change.
fn rows(subject: &str, sequence: u64, name: Option<&str>) -> Rows {
    let now = match name {
        Some(name) => {
            let name = Fields::new().with("name", name);
            Row::latest(NAMES, subject, sequence, name)
        }
        None => Row::gone(NAMES, subject, sequence),
    };
    let change = Fields::new().with("sequence", sequence);
    let change = Row::fixed(CHANGES, &format!("{subject}.{sequence}"), change);
    vec![now, change].into()
}

#[async_trait]
impl Projects<UserCreated> for Names {
    async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        let name = user.data.name.expose();
        Ok(rows(&user.subject, user.sequence, Some(name)))
    }
}

#[async_trait]
impl Projects<UserUpdated> for Names {
    async fn rows(user: &Envelope<UserUpdated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        let name = user.data.name.expose();
        Ok(rows(&user.subject, user.sequence, Some(name)))
    }
}

#[async_trait]
impl Projects<UserDeleted> for Names {
    async fn rows(user: &Envelope<UserDeleted>, _: &Reading<'_>) -> Result<Rows, Failure> {
        Ok(rows(&user.subject, user.sequence, None))
    }
}

pub(crate) fn names() -> Projection {
    Projection::named(NAME, &[NAMES, CHANGES])
        .on::<UserCreated, Names>()
        .on::<UserUpdated, Names>()
        .on::<UserDeleted, Names>()
}

/// An event as it was stored.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) user: String,
    pub(crate) sequence: u64,
    pub(crate) name: Option<String>,
    pub(crate) message: PushedMessage,
}

/// What a generation says: each user's last change and name, and all changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) names: BTreeMap<String, (u64, Option<String>)>,
    pub(crate) changes: BTreeSet<(String, u64)>,
}

/// One that keeps the read model, and reads it. When its process ends, another takes its place, which
/// knows nothing yet.
pub(crate) struct Instance {
    start: Box<dyn Fn() -> Running + Send + Sync>,
    running: Mutex<Arc<Running>>,
}

struct Running {
    process: Arc<Process>,
    pipeline: Pipeline,
    generations: Generations,
}

impl Instance {
    fn running(&self) -> Arc<Running> {
        let mut running = self.running.lock().unwrap();
        if running.process.has_crashed() {
            *running = Arc::new((self.start)());
        }
        Arc::clone(&running)
    }
}

pub(crate) struct World {
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ids: Arc<SeededIds>,
    pub(crate) told: Vec<Told>,
    /// Which of these have had their effect.
    pub(crate) done: BTreeSet<usize>,
    sequences: BTreeMap<String, (u64, bool)>,
    deps: ConsumerDeps,
    outbox: Outbox,
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents: Arc<dyn Documents> = Arc::new(documents.unwrap());
        let deps = lone_consumer(Arc::clone(&documents), clock.clone());
        Self {
            documents,
            clock,
            ids: Arc::new(SeededIds::new(seed)),
            told: Vec::new(),
            done: BTreeSet::new(),
            sequences: BTreeMap::new(),
            outbox: deps.outbox.of("user-service"),
            deps,
        }
    }

    pub(crate) fn instance(
        &self,
        projection: &Projection,
        freshness: Freshness,
        documents: Arc<dyn Documents>,
    ) -> Instance {
        let as_they_are = Arc::clone(&documents);
        self.instance_seeing(projection, freshness, documents, move |_| {
            Arc::clone(&as_they_are)
        })
    }

    /// One that handles events on what a process sees of the store. What it knows of generations it
    /// reads from these documents.
    pub(crate) fn instance_seeing(
        &self,
        projection: &Projection,
        freshness: Freshness,
        documents: Arc<dyn Documents>,
        sees: impl Fn(Arc<Process>) -> Arc<dyn Documents> + Send + Sync + 'static,
    ) -> Instance {
        let (projection, clock) = (projection.clone(), self.clock.clone());
        let deps = self.deps.clone();
        let start = Box::new(move || {
            let process = Arc::new(Process::new("instance"));
            let known = Arc::clone(&documents);
            let generations = Generations::of(NAME, known, clock.clone(), freshness);
            let documents = sees(Arc::clone(&process));
            let consumer = projection.consumer(Arc::clone(&documents), generations.clone());
            let deps = ConsumerDeps {
                documents,
                ..deps.clone()
            };
            Running {
                process,
                pipeline: Pipeline::new(consumer, &deps),
                generations,
            }
        });
        Instance {
            running: Mutex::new(Arc::new(start())),
            start,
        }
    }

    pub(crate) fn rebuilds(
        &self,
        projection: &Projection,
        freshness: Freshness,
        documents: Arc<dyn Documents>,
    ) -> Rebuilds {
        let owned = Owned {
            service: "names-service",
            projection: projection.clone(),
        };
        let projections = Projections::of(vec![owned], freshness);
        Rebuilds::new(projections, documents, self.clock.clone(), self.ids.clone())
    }

    /// Stores what happens next to a user; nothing does once it is gone.
    pub(crate) async fn tell(&mut self, user: &str, is_end: bool) {
        let (before, is_gone) = self.sequences.get(user).copied().unwrap_or_default();
        if is_gone {
            return;
        }
        let (user_id, sequence) = (user.to_owned(), before + 1);
        let name = format!("Name {sequence}");
        let email = || EmailAddress::parse("test@example.com").unwrap();
        let person = || PersonName::parse(&name).unwrap();
        let draft = match (before, is_end) {
            (0, _) => Draft::of(
                user,
                1,
                &UserCreated {
                    user_id,
                    email: email(),
                    name: person(),
                },
            ),
            (_, false) => Draft::of(
                user,
                sequence,
                &UserUpdated {
                    user_id,
                    email: email(),
                    name: person(),
                },
            ),
            (_, true) => Draft::of(user, sequence, &UserDeleted { user_id }),
        };
        let is_gone = before > 0 && is_end;
        let events = vec![draft.unwrap()];
        let stored = self.outbox.store(vec![], events, &Origin::default()).await;
        stored.unwrap();
        let documents = self.documents.as_ref();
        let rows = find_events(documents, EventsOf::Subject(user), 1000).await;
        let row = rows.unwrap().0.pop().unwrap();
        self.sequences.insert(user.to_owned(), (sequence, is_gone));
        self.told.push(Told {
            user: user.to_owned(),
            sequence,
            name: (!is_gone).then_some(name),
            message: row.delivered(&row.event_id, ""),
        });
    }

    /// Delivers an event, and notes it if that had its effect and was answered. Not where the store
    /// has failed, or the process has ended: then it is delivered again.
    pub(crate) async fn deliver(&mut self, event: usize, to: &Instance) {
        let message = self.told[event].message.clone();
        let running = to.running();
        let delivered = running.pipeline.deliver(&message);
        match running.process.run(delivered).await {
            Some(Outcome::Done | Outcome::Duplicate) => {
                self.done.insert(event);
            }
            Some(Outcome::Failed(_)) | None => {}
            Some(outcome) => panic!("{outcome:?}"),
        }
    }

    /// What the events say that were told, or of those the ones that have had their effect.
    pub(crate) fn expected(&self, only_done: bool) -> Model {
        let mut model = Model::default();
        for (place, told) in self.told.iter().enumerate() {
            if only_done && !self.done.contains(&place) {
                continue;
            }
            let now = (told.sequence, told.name.clone());
            let known = model.names.entry(told.user.clone());
            let known = known.or_insert_with(|| now.clone());
            if now.0 > known.0 {
                *known = now;
            }
            model.changes.insert((told.user.clone(), told.sequence));
        }
        model
    }

    pub(crate) async fn standing(&self) -> Standing {
        find_standing(self.documents.as_ref(), NAME).await.unwrap()
    }

    /// What a generation says.
    pub(crate) async fn generation(&self, generation: u64) -> Model {
        let documents = self.documents.as_ref();
        let mut model = Model::default();
        for row in all_documents(documents, rows_of(NAMES, generation))
            .await
            .unwrap()
        {
            let user = row.key.id().split_once(':').unwrap().1.to_owned();
            let version = row.fields.count("version").unwrap();
            let name = row.fields.optional_text("name").unwrap();
            model.names.insert(user, (version, name.map(str::to_owned)));
        }
        for row in all_documents(documents, rows_of(CHANGES, generation))
            .await
            .unwrap()
        {
            let id = row.key.id().split_once(':').unwrap().1;
            let user = id.rsplit_once('.').unwrap().0.to_owned();
            let sequence = row.fields.count("sequence").unwrap();
            model.changes.insert((user, sequence));
        }
        model
    }

    /// A reader misses nothing that has had its effect, whatever the instance knows of generations.
    pub(crate) async fn nothing_is_missed(&self, reader: &Instance) -> Result<(), String> {
        let live = reader.running().generations.live().await.unwrap();
        let (read, must) = (self.generation(live).await, self.expected(true));
        for (user, (sequence, _)) in &must.names {
            let there = read.names.get(user).map_or(0, |there| there.0);
            if there < *sequence {
                return Err(format!(
                    "generation {live}: {user} at {there} of {sequence}"
                ));
            }
        }
        match must.changes.difference(&read.changes).next() {
            Some(change) => Err(format!("generation {live} lacks {change:?}")),
            None => Ok(()),
        }
    }

    /// At rest every generation that is kept says what all events say.
    pub(crate) async fn all_agree(&self) -> Result<(), String> {
        let standing = self.standing().await;
        let previous = standing.previous.map(|it| it.generation);
        for generation in [standing.live].into_iter().chain(previous) {
            let (is, must) = (self.generation(generation).await, self.expected(false));
            if is != must {
                return Err(format!("generation {generation}: {is:?}, not {must:?}"));
            }
        }
        Ok(())
    }
}
