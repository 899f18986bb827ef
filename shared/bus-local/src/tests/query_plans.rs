//! SQLite finds due messages by index, however many wait.

use std::collections::HashSet;

use fanout_store_sqlite::DatabaseError;
use rusqlite::{Connection, params_from_iter};

use super::system::{System, TOPIC, folder, pull_from};
use crate::backlog::BACKLOGS;
use crate::forget::IF_UNWANTED;
use crate::housekeeping::{DROP_RETAINED, DROP_UNACKED};
use crate::lease::{self, DUE, LOAD, NEXT_DUE};
use crate::ordering::FIRST_OF_KEY;
use crate::publish::ANY_OF_KEY;

const BY_KEY: &str =
    "SEARCH deliveries USING COVERING INDEX deliveries_by_key (subscription=? AND ordering_key=?)";

const FILL: &str = "
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
    INSERT INTO deliveries (message, subscription, attempts, due_ms, ordering_key)
    SELECT n, 1 + n % 2, 0, CASE WHEN n % 5 = 0 THEN NULL ELSE n END,
        CASE WHEN n % 5 = 0 THEN 'k' ELSE '' END
    FROM numbers;
    ANALYZE;";

/// Each statement with its first step.
const PLANS: [(&str, &str); 8] = [
    (
        DUE,
        "SEARCH deliveries USING COVERING INDEX deliveries_due (subscription=? AND due_ms<?)",
    ),
    (
        NEXT_DUE,
        "SEARCH deliveries USING COVERING INDEX deliveries_due (subscription=? AND due_ms>?)",
    ),
    (
        LOAD,
        "SEARCH deliveries USING PRIMARY KEY (message=? AND subscription=?)",
    ),
    (
        DROP_UNACKED,
        "SEARCH deliveries USING PRIMARY KEY (message=? AND subscription=?)",
    ),
    (
        DROP_RETAINED,
        "SEARCH retained USING PRIMARY KEY (message=? AND subscription=?)",
    ),
    (ANY_OF_KEY, BY_KEY),
    (FIRST_OF_KEY, BY_KEY),
    (
        IF_UNWANTED,
        "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)",
    ),
];

/// The steps of a statement.
fn steps(file: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let unknown = vec![0; statement.parameter_count()];
    let steps = statement.query_map(params_from_iter(unknown), |row| row.get("detail"))?;
    steps.collect()
}

#[tokio::test]
async fn with_a_hundred_thousand_waiting_every_look_goes_through_an_index() {
    let folder = folder();
    let subscriptions = [pull_from(TOPIC, "one"), pull_from(TOPIC, "two")];
    let system = System::start(&folder, &subscriptions).await;
    system
        .database
        .call::<_, DatabaseError>(|file| {
            file.execute_batch(FILL)?;
            for (sql, expected) in PLANS {
                let steps = steps(file, sql)?;
                assert_eq!(steps[0], expected);
                let searches =
                    |step: &String| step.starts_with("SEARCH") || step.contains("SUBQUERY");
                assert!(steps.iter().all(searches), "{steps:?}");
            }
            // The backlogs are counted, so that one step looks at all; in the narrowest index, and of
            // messages at one for each subscription.
            let steps = steps(file, BACKLOGS)?;
            let counted = "SCAN deliveries USING COVERING INDEX deliveries_due".to_owned();
            let one = "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)".to_owned();
            assert!(
                steps.contains(&counted) && steps.contains(&one),
                "{steps:?}"
            );
            let now = chrono::DateTime::from_timestamp_millis(50_000).unwrap();
            let in_flight = HashSet::from([2, 4]);
            let due = lease::due(file, 1, now, &in_flight, 3)?;
            assert_eq!(due, [6, 8, 12]);
            let next = lease::next_due(file, 1, now)?.unwrap();
            assert_eq!(next.timestamp_millis(), 50_002);
            Ok(())
        })
        .await
        .unwrap();
}
