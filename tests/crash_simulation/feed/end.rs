//! What must be true of feeds whenever the dust has settled.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use fanout_projections::{find_standing, rows_of};
use fanout_runtime::Clock as _;
use fanout_store::all_documents;
use feed_service::{FEED, FEED_ITEMS, KEPT};

use super::rules::pair;
use crate::crash_simulation::clock::{MAX_SKEW, SimClock};
use crate::crash_simulation::script::Clients;

/// P1, P4, P6 and P7; and that what was answered as done was done.
pub(crate) async fn check(clients: &Clients) {
    let (sim, store) = (&clients.sim, clients.store.as_ref());
    if sim.facts().feeds.is_empty() {
        return;
    }
    let kept_since = SimClock::new(sim.epoch, TimeDelta::zero()).now() - KEPT;
    let standing = find_standing(store, FEED).await.unwrap();
    let before = standing.previous.map(|it| it.generation);
    let mut found = Vec::new();
    for generation in [standing.live].into_iter().chain(before) {
        let rows = all_documents(store, rows_of(FEED_ITEMS, generation)).await;
        let rows: BTreeSet<_> = rows.unwrap().iter().map(|row| pair(&row.fields)).collect();
        let wrong = sim.facts().feeds.misfolded(&rows, kept_since + MAX_SKEW);
        found.extend(
            wrong
                .iter()
                .map(|what| format!("generation {generation} {what}")),
        );
    }
    let readers = {
        let facts = sim.facts();
        let lost = facts.feeds.accepted.iter();
        let lost = lost.filter(|content| facts.feeds.post_of(content).is_none());
        found.extend(lost.map(|content| format!("{content} was accepted and is not stored")));
        if facts
            .events
            .values()
            .any(|it| it.source == feed_service::NAME)
        {
            found.push("the feed emits".to_owned());
        }
        facts.feeds.readers()
    };
    found.into_iter().for_each(|what| sim.violation(what));
    let patient = Clients {
        tries: 20,
        ..clients.clone()
    };
    for reader in readers {
        for instance in [0, 1] {
            if !patient.read_feed(&reader, instance).await {
                sim.violation(format!("nobody answers {reader}"));
            }
        }
    }
}
