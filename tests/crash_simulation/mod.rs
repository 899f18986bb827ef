//! Crash simulation.

mod acks;
mod broken;
mod bus;
mod clock;
mod dice;
mod exhaustive;
mod facts;
mod invariants;
mod mailbox;
mod plan;
mod random;
mod report;
mod script;
mod services;
mod sim;
mod store;
mod world;

use fanout_runtime::{Environment, ProcessEnvironment};

use broken::Broken;
use report::{Figures, failure};

fn setting(name: &str) -> Option<String> {
    ProcessEnvironment.get(name)
}

#[test]
fn one_event_survives_every_fault_at_every_call() {
    let mut all = Figures::default();
    for (story, pairs) in exhaustive::STORIES {
        let started = std::time::Instant::now();
        let told = exhaustive::run(story, pairs, None);
        println!("{story}: {} ({:?})", told.figures, started.elapsed());
        if let Some(failure) = told.failure {
            panic!("{failure}");
        }
        let _ = &mut all;
    }
}

#[test]
fn many_users_survive_faults_at_random() {
    let seeds: u64 = setting("SIM_SEEDS").map_or(2000, |it| it.parse().unwrap());
    let mut figures = Figures::default();
    let started = std::time::Instant::now();
    for seed in 0..seeds {
        let ran = random::case(seed, None).run();
        figures.add(&ran);
        if !ran.violations.is_empty() {
            panic!("{}", failure(&random::replay(seed), &ran));
        }
    }
    println!("random: {figures} ({:?})", started.elapsed());
}

#[test]
fn every_broken_protocol_is_found() {
    for broken in Broken::ALL {
        let found = (0..1000).find_map(|seed| {
            let ran = random::case(seed, Some(broken)).run();
            ran.violations.first().map(|what| (seed, what.clone()))
        });
        println!("{broken:?}: {found:?}");
    }
}

#[test]
fn replay() {
    let case = match (setting("SIM_CASE"), setting("SIM_SEED")) {
        (Some(case), _) => exhaustive::case_named(&case),
        (None, Some(seed)) => random::case(seed.parse().unwrap(), None),
        (None, None) => return,
    };
    let ran = case.run();
    println!("{case:?}\n{}", failure("the same command", &ran));
    assert!(ran.violations.is_empty());
}
