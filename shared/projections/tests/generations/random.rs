//! Stories by chance: each seed is one. `FANOUT_TEST_SEEDS` says how many.

use std::sync::Arc;
use std::time::Duration;

use fanout_projections::{Freshness, Projection, RebuildError};
use fanout_runtime::{Environment as _, IdGenerator as _, ProcessEnvironment};
use fanout_store::Documents;
use fanout_testkit::SeededIds;
use fanout_testkit::faults::{
    Decision, Fault, FaultPlan, FaultyDocuments, FaultyPort, PortCall, Process,
};

use crate::world::{CACHED, Instance, NAME, World, names};

const STEPS: usize = 60;
const SEEDS: u64 = 12;
const USERS: [&str; 3] = ["usr_1", "usr_2", "usr_3"];

type Wrap = fn(Arc<dyn Documents>) -> Arc<dyn Documents>;

/// What is under test, and what of it is broken.
pub(crate) struct Setup {
    pub(crate) projection: fn() -> Projection,
    /// How new the instances' knowledge is.
    pub(crate) instances: Freshness,
    /// How new the rebuild believes that it is.
    pub(crate) rebuilds: Freshness,
    /// Stands between an instance and the store.
    pub(crate) instance_sees: Wrap,
    /// Stands between the rebuild and the store.
    pub(crate) rebuild_sees: Wrap,
    pub(crate) accepts_missing: bool,
}

impl Setup {
    pub(crate) fn sound(freshness: Freshness) -> Self {
        Self {
            projection: names,
            instances: freshness,
            rebuilds: freshness,
            instance_sees: |documents| documents,
            rebuild_sees: |documents| documents,
            accepts_missing: false,
        }
    }
}

/// One call in eight fails, with or without its effect.
struct Flaky(SeededIds);

impl FaultPlan for Flaky {
    fn decide(&self, _: &str, call: &PortCall) -> Decision {
        let fault = match (self.0.fraction(), call.changes) {
            (chance, _) if chance < 0.06 => Some(Fault::FailBefore),
            (chance, true) if chance < 0.12 => Some(Fault::FailAfter),
            _ => None,
        };
        Decision {
            number: 0,
            fault,
            there: Duration::ZERO,
            back: Duration::ZERO,
        }
    }

    fn answered(&self, _: u64, _: &str) {}
}

/// One call of an instance in ten fails or ends its process, with or without its effect.
struct Deadly(Arc<SeededIds>);

impl FaultPlan for Deadly {
    fn decide(&self, _: &str, call: &PortCall) -> Decision {
        let faults = [
            Fault::FailBefore,
            Fault::CrashBefore,
            Fault::FailAfter,
            Fault::CrashAfter,
        ];
        // Before and after are the same where nothing changes.
        let different = if call.changes { 4 } else { 2 };
        let strikes = self.0.fraction() < 0.1;
        let which = (self.0.fraction() * f64::from(different)) as usize;
        Decision {
            number: 0,
            fault: strikes.then(|| faults[which]),
            there: Duration::ZERO,
            back: Duration::ZERO,
        }
    }

    fn answered(&self, _: u64, _: &str) {}
}

/// Instances that die now and then.
fn instances(world: &World, seed: u64, projection: &Projection, setup: &Setup) -> [Instance; 2] {
    let chance = Arc::new(SeededIds::new(seed + 2_000_000));
    [0, 1].map(|_| {
        let documents = (setup.instance_sees)(Arc::clone(&world.documents));
        let (chance, seen) = (Arc::clone(&chance), Arc::clone(&documents));
        let sees = move |process| -> Arc<dyn Documents> {
            let port = FaultyPort::new(process, Arc::new(Deadly(Arc::clone(&chance))));
            Arc::new(FaultyDocuments::new(port, Arc::clone(&seen)))
        };
        world.instance_seeing(projection, setup.instances, documents, sees)
    })
}

fn flaky(seed: u64, documents: Arc<dyn Documents>) -> Arc<dyn Documents> {
    let plan = Arc::new(Flaky(SeededIds::new(seed + 1_000_000)));
    let port = FaultyPort::new(Arc::new(Process::new("rebuild")), plan);
    Arc::new(FaultyDocuments::new(port, documents))
}

/// Tells one story; an error says what was wrong.
pub(crate) async fn story(seed: u64, setup: &Setup) -> Result<(), String> {
    let dice = SeededIds::new(seed);
    let mut world = World::new(seed).await;
    let projection = (setup.projection)();
    let sees = |wrap: Wrap| wrap(Arc::clone(&world.documents));
    let instances = instances(&world, seed, &projection, setup);
    let rebuilding = flaky(seed, sees(setup.rebuild_sees));
    let rebuilds = world.rebuilds(&projection, setup.rebuilds, rebuilding);
    let other = world.rebuilds(&projection, setup.rebuilds, sees(setup.rebuild_sees));
    let roll = |of: usize| (dice.fraction() * of as f64) as usize;
    for _ in 0..STEPS {
        match roll(20) {
            0..=5 => {
                let user = USERS[roll(USERS.len())];
                world.tell(user, roll(8) == 0).await;
            }
            6..=11 if !world.told.is_empty() => {
                let event = roll(world.told.len());
                world.deliver(event, &instances[roll(2)]).await;
            }
            12..=13 => world
                .clock
                .advance(Duration::from_secs(1 + roll(25) as u64)),
            14 => {
                // What fails is asked for again, or not.
                let _ = rebuilds.begin(NAME, setup.accepts_missing).await;
            }
            // The ticker and a request are at it at once.
            15 if roll(3) > 0 => {
                let (one, two) = (Duration::ZERO, Duration::from_secs(40));
                tokio::join!(rebuilds.advance(one), other.advance(two));
            }
            15 => {
                let _ = rebuilds.roll_back(NAME).await;
            }
            _ => {
                rebuilds.advance(Duration::ZERO).await;
            }
        }
        no_reader_misses_anything(&world, &instances).await?;
    }
    settle(&mut world, &instances).await;
    let sound = world.rebuilds(&projection, setup.rebuilds, sees_of(setup, &world));
    finish(&world, &sound, setup).await?;
    no_reader_misses_anything(&world, &instances).await?;
    world.all_agree().await?;
    match sound.roll_back(NAME).await {
        Ok(_) | Err(RebuildError::NoWayBack) => {}
        Err(error) => return Err(error.to_string()),
    }
    world.clock.advance(Duration::from_secs(31));
    no_reader_misses_anything(&world, &instances).await?;
    world.all_agree().await
}

async fn no_reader_misses_anything(world: &World, instances: &[Instance; 2]) -> Result<(), String> {
    for instance in instances {
        world.nothing_is_missed(instance).await?;
    }
    Ok(())
}

fn sees_of(setup: &Setup, world: &World) -> Arc<dyn Documents> {
    (setup.rebuild_sees)(Arc::clone(&world.documents))
}

/// Everything is delivered, once at least, until it is answered as done.
async fn settle(world: &mut World, instances: &[Instance; 2]) {
    for event in 0..world.told.len() {
        world.done.remove(&event);
        while !world.done.contains(&event) {
            world.deliver(event, &instances[event % 2]).await;
        }
    }
}

/// At least one more rebuild, to its end.
async fn finish(
    world: &World,
    rebuilds: &fanout_projections::Rebuilds,
    setup: &Setup,
) -> Result<(), String> {
    let begun = rebuilds.begin(NAME, setup.accepts_missing).await;
    begun.map_err(|error| error.to_string())?;
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(61));
        rebuilds.advance(Duration::from_secs(40)).await;
        let standing = world.standing().await;
        if standing.building.is_none() && standing.dropped.is_empty() {
            return match standing.refused {
                Some(refused) => Err(format!("not used: {refused:?}")),
                None => Ok(()),
            };
        }
    }
    Err("the rebuild does not end".to_owned())
}

/// How many stories are told.
pub(crate) fn seeds() -> u64 {
    let asked = ProcessEnvironment.get("FANOUT_TEST_SEEDS");
    asked.map_or(SEEDS, |number| number.parse().unwrap())
}

async fn holds(setup: &Setup) {
    for seed in 0..seeds() {
        if let Err(wrong) = story(seed, setup).await {
            panic!("seed {seed}: {wrong}");
        }
    }
}

#[tokio::test]
async fn where_each_looks_for_itself_nothing_is_missed_and_all_generations_agree() {
    holds(&Setup::sound(Freshness::EachTime)).await;
}

#[tokio::test]
async fn where_knowledge_is_cached_nothing_is_missed_and_all_generations_agree() {
    holds(&Setup::sound(CACHED)).await;
}
