use fanout_store::UpdateTime;
use proptest::prelude::*;

use super::*;

fn moment() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_000_i64).prop_map(|ms| Timestamp::from_timestamp_millis(ms).unwrap())
}

fn stage() -> impl Strategy<Value = Stage> {
    let begun = ("[a-z0-9_]{1,9}", "[a-z_]{1,9}", "[a-z0-9.]{1,9}");
    let begun = begun.prop_map(|(event_id, table, row)| Begun {
        event_id,
        table,
        row,
    });
    let place = (prop::option::of("[a-z0-9_]{1,20}"), prop::option::of(begun));
    let reading = (0..9_u64, moment(), moment(), place, moment());
    let comparing = (
        0..9_u64,
        prop::option::of("[a-z0-9:.]{1,20}"),
        0..99_u64,
        0..99_u64,
    );
    prop_oneof![
        Just(Stage::Settling),
        reading.prop_map(|(kind, from, at, (last, begun), until)| Stage::Reading {
            kind,
            from,
            at,
            last,
            begun,
            until
        }),
        comparing.prop_map(|(table, after, compared, missing)| Stage::Comparing {
            table,
            after,
            compared,
            missing
        }),
    ]
}

fn building() -> impl Strategy<Value = Building> {
    let counts = (0..9_u64, 0..9_u64, 0..9_u64);
    (
        1..99_u64,
        1..9_u32,
        moment(),
        any::<bool>(),
        stage(),
        counts,
    )
        .prop_map(
            |(generation, schema, begun_at, accepts_missing, stage, (events, skipped, rows))| {
                Building {
                    generation,
                    schema,
                    begun_at,
                    accepts_missing,
                    stage,
                    events,
                    skipped,
                    rows,
                }
            },
        )
}

fn standing() -> impl Strategy<Value = Standing> {
    let previous = (1..99_u64, 1..9_u32, moment());
    let refused = (1..99_u64, moment(), 0..99_u64, 0..99_u64);
    (
        prop::option::of(building()),
        prop::option::of(previous),
        prop::collection::vec(1..99_u64, 0..3),
        prop::option::of(refused),
        moment(),
    )
        .prop_map(
            |(building, previous, dropped, refused, changed_at)| Standing {
                building,
                previous: previous.map(|(generation, schema, until)| Previous {
                    generation,
                    schema,
                    until,
                }),
                dropped,
                refused: refused.map(|(generation, at, compared, missing)| Refused {
                    generation,
                    at,
                    compared,
                    missing,
                }),
                ..Standing::first("feed", 3, changed_at)
            },
        )
}

proptest! {
    #[test]
    fn a_standing_is_read_as_it_was_written(standing in standing()) {
        let (fields, update_time) = (standing.to_fields(), UpdateTime(0));
        let document = Document { key: key("feed"), fields, update_time };
        prop_assert_eq!(Standing::from_document(&document), Ok(standing));
    }

    #[test]
    fn a_place_of_an_older_build_is_a_moment(stage in stage()) {
        let mut fields = Fields::new();
        for (name, value) in stage.add_to(Fields::new()).iter() {
            if name != "last" && name != "begun" {
                fields = fields.with(name, value.clone());
            }
        }
        let mut expected = stage;
        if let Stage::Reading { last, begun, .. } = &mut expected {
            (*last, *begun) = (None, None);
        }
        prop_assert_eq!(Stage::from_fields(&fields), Ok(expected));
    }

    #[test]
    fn nothing_is_done_before_it_is_live(standing in standing()) {
        prop_assert_eq!(standing.percent().is_some(), standing.building.is_some());
        prop_assert!(standing.percent().is_none_or(|percent| percent < 100));
    }
}
