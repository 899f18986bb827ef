//! What a projection needs of the table.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::BTreeSet;

use fanout_projections::{Freshness, GENERATION};
use fanout_store::ascending;
use system::{projections, role};

#[test]
fn a_projection_hears_its_types_and_its_tables_can_be_read_by_generation() {
    let all = projections(Freshness::CLOUD, |_| true);
    assert!(all.all().next().is_some());
    for owned in all.all() {
        let (spec, projection) = (role(owned.service).unwrap(), &owned.projection);
        let subscriber = spec.subscriber.as_ref().unwrap();
        assert_eq!(subscriber.consumer, projection.name);
        let heard: BTreeSet<&str> = subscriber.types().collect();
        assert_eq!(projection.handles().collect::<BTreeSet<_>>(), heard);
        for table in projection.tables {
            assert!(spec.collections.contains(table), "{table}");
            let by_generation = [ascending(GENERATION)];
            assert!(table.indexes.contains(&&by_generation[..]), "{table}");
        }
    }
}
