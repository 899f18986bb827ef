//! The promises of this system, proven by crashing everywhere.
//!
//! **What is real**: the routers of the services in two instances each, those of the sign-up, of the
//! [`shop`], of the [`bank`] or of the [`feed`]; the consume pipeline, the ledger, the outbox and its relay, processes and
//! the fences of their steps, projections and their rebuilds, and the store on SQLite (in memory). **What is simulated**: time, the bus, the mail
//! server, the payment provider with its own ledger, clients, operators, deploys, and the scheduler
//! of the ticker. Everything runs on one thread in tokio's paused time, with ids and chance from one
//! seed, so the same case gives the same trace.
//!
//! **What goes wrong**: every call of a port (`Documents`, `Publisher`, `Mailer`, `PaymentProvider`) can fail before or
//! after it took effect, never answer (with or without effect), arrive late, whatever became of its
//! caller, or take its process with it, before or after its effect ([`plan`]). The bus delivers late,
//! twice, in any order, under two message ids, and loses answers; a push that is not answered in 60 s
//! is cut off or goes on unheard ([`bus`]). Clocks of instances are up to 14 s apart. The scheduler
//! skips calls, makes them twice, and late ([`ticks`]). Builds that know one more version of the
//! order's process come amid orders, to one instance first, and go again; operators say their words
//! at any moment ([`shop`]). So do rebuilds of read models, and the ways back ([`feed`]).
//!
//! **What must hold** while it runs: an acked message is done, parked or of no use ([`acks`]); no
//! two handlers are at work on one mail; nobody is told to wait for nobody; no 500; stock adds up, no
//! money is taken twice, and each commit of a process is whole: its order, its events, its next
//! deadline, its version, and what the answer said that moved it ([`shop`]); no reader misses what
//! an event has brought there, whatever its instance knows of generations, and no read model emits
//! ([`feed`]). Once the dust has settled: see [`invariants`].
//!
//! Four ways to run it: [`exhaustive`] (one event, every fault at every call, and pairs), [`random`]
//! (many users, everything at once), with an event at every moment of a rebuild ([`feed::moments`]), and with a protocol that is [`broken`] on purpose, which has to
//! be found.
//!
//! **Limits**. A crash ends one instance, and the store and the bus never lose what they have
//! accepted: that is what they promise. Code between two port calls runs in no time, so a process
//! that stalls there is simulated by its call arriving late. SQLite here is not the file of the
//! embedded engine: that it survives `kill -9` is tested where it is built. Messages are not
//! dead-lettered by their number of attempts, so that one that is never acked shows. Expired leases
//! of the outbox may stay behind without a row: the subject's next event is then published by the
//! relay instead of at once, which gives the lease back.
//!
//! `SIM_SEEDS=100000 cargo test -p fanout-tests --test all crash_simulation::every -- --nocapture`
//! runs for long (`SIM_SHOP_SEEDS`: of these, so many of the shop; `SIM_FEED_SEEDS`: so many more of feeds; `SIM_ONLY`: one story, or none); a
//! failure prints the command that shows it again.

mod acks;
mod acts;
mod bank;
mod broken;
mod bus;
mod clock;
mod club;
mod delivery;
mod dice;
mod emissions;
mod exhaustive;
mod facts;
mod feed;
mod flow_costs;
mod invariants;
mod mailbox;
mod mutations;
mod outbox_rules;
mod parallel;
mod plan;
mod publisher;
mod random;
mod report;
mod script;
mod service;
mod services;
mod shop;
mod sim;
mod store;
mod stories;
mod ticks;
mod world;

use std::io::Write as _;
use std::time::Instant;

use fanout_runtime::{Environment, ProcessEnvironment};

use broken::Broken;
use report::{Figures, failure};
use stories::STORIES;

/// How many seeds a run takes that is not told otherwise: what CI has time for. `SIM_SEEDS=2000` for
/// a change of the kernel.
const SEEDS: u64 = 300;
/// How many seeds look for a protocol that is broken, at most.
const MOST: u64 = 2000;
/// How many seeds must find a protocol that is broken.
const ENOUGH: u64 = 5;

#[test]
fn every_promise_survives_every_fault() {
    let started = Instant::now();
    let only = setting("SIM_ONLY");
    let told = STORIES
        .iter()
        .filter(|story| only.as_ref().is_none_or(|only| only == story.name))
        .map(|story| {
            let figures = story.tell();
            println!("crash simulation, {}: {figures}", story.name);
            figures
        });
    let exhaustive = told.fold(Figures::default(), Figures::merge);
    let seeds = setting("SIM_SEEDS").map_or(SEEDS, |text| text.parse().expect("a number"));
    let random = random::run(0..seeds);
    println!("crash simulation, {seeds} seeds: {random}");
    let orders =
        setting("SIM_SHOP_SEEDS").map_or(seeds / 3, |text| text.parse().expect("a number"));
    let shop = random::run_shop(0..orders);
    println!("crash simulation, {orders} seeds of the shop: {shop}");
    let twin = random::run_twin(0..orders / 5);
    println!("crash simulation, {} seeds of its twin: {twin}", orders / 5);
    let bank = random::run_bank(0..seeds / 6);
    println!("crash simulation, {} seeds of the bank: {bank}", seeds / 6);
    let moments = random::run_moments();
    println!("crash simulation, an event at every moment of a rebuild: {moments}");
    let feeds = setting("SIM_FEED_SEEDS").map_or(seeds / 3, |text| text.parse().expect("a number"));
    let feed = random::run_feed(0..feeds);
    println!("crash simulation, {feeds} seeds of feeds: {feed}");
    let exhaustive = exhaustive.merge(moments);
    let cases = exhaustive.cases;
    let random = random.merge(shop).merge(twin).merge(bank).merge(feed);
    let all = exhaustive.merge(random);
    let closing = format!(
        "crash simulation: {cases} exhaustive cases, {seeds} seeds, {} faults injected, {} violations ({} port calls, {:.0} s)",
        all.faults,
        all.violations,
        all.calls,
        started.elapsed().as_secs_f64()
    );
    // Not println!, which is shown of failed tests only.
    let _ = writeln!(std::io::stderr(), "{closing}");
    if let Some(failure) = all.failure {
        panic!("{failure}");
    }
}

/// `SIM_SEEDS` says how many seeds look for each; without it, as many as it takes. `SIM_BROKEN` says
/// for which to look alone.
#[test]
fn every_protocol_that_is_broken_on_purpose_is_found_by_more_than_luck() {
    let which = setting("SIM_BROKEN").map_or(Broken::ALL.to_vec(), |name| vec![broken(&name)]);
    let found = match setting("SIM_SEEDS") {
        Some(seeds) => mutations::look_for(&which, u64::MAX, seeds.parse().expect("a number")),
        None => mutations::look_for(&which, ENOUGH, MOST),
    };
    for found in &found {
        let (broken, (hits, seeds)) = (found.broken, found.seeds);
        let case = found.in_its_story.as_deref().unwrap_or("NOT FOUND");
        let promise = found.promise.as_deref().unwrap_or("NOT FOUND");
        println!("{broken:?}: found by {hits} of {seeds} seeds ({promise}), and by {case}");
    }
    let missed = found
        .iter()
        .filter(|found| found.seeds.0 < ENOUGH || found.in_its_story.is_none());
    let missed: Vec<Broken> = missed.map(|found| found.broken).collect();
    assert_eq!(missed, []);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for case in [
        random::case,
        random::shop_case,
        random::bank_case,
        random::feed_case,
    ] {
        let ran = |seed| case(seed, None).run_traced().trace;
        for seed in 0..20 {
            assert_eq!(ran(seed), ran(seed), "seed {seed}");
        }
        assert_ne!(ran(1), ran(2));
    }
}

/// Shows one case again: `SIM_SEED`, `SIM_SHOP_SEED`, `SIM_TWIN_SEED`, `SIM_BANK_SEED`,
/// `SIM_FEED_SEED`, `SIM_FEED_MOMENT` or `SIM_CASE` says which, as a failure prints it, and
/// `SIM_BROKEN` which protocol to break (`NoFencing`). Without them there is nothing to show.
#[test]
fn replay() {
    let broken = setting("SIM_BROKEN").map(|name| broken(&name));
    let seed = |name| setting(name).map(|seed| seed.parse().expect("a number"));
    let case = match setting("SIM_CASE") {
        Some(case) => exhaustive::case_named(&case, broken),
        None => {
            let seeds = [
                seed("SIM_SEED").map(|seed| random::case(seed, broken)),
                seed("SIM_SHOP_SEED").map(|seed| random::shop_case(seed, broken)),
                seed("SIM_TWIN_SEED").map(|seed| random::twin_case(seed, broken)),
                seed("SIM_BANK_SEED").map(|seed| random::bank_case(seed, broken)),
                seed("SIM_FEED_SEED").map(|seed| random::feed_case(seed, broken)),
                seed("SIM_FEED_MOMENT").map(|number| feed::moments::case(number, broken)),
            ];
            match seeds.into_iter().flatten().next() {
                Some(case) => case,
                None => return,
            }
        }
    };
    let ran = case.run_traced();
    println!("{case:?}\n{}", failure("the same command", &ran));
    assert!(ran.violations.is_empty());
}

/// The protocol of this name.
fn broken(name: &str) -> Broken {
    let mut all = Broken::ALL.into_iter();
    all.find(|broken| format!("{broken:?}") == name)
        .expect("a broken protocol")
}

fn setting(name: &str) -> Option<String> {
    ProcessEnvironment.get(name)
}
