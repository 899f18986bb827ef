//! Fields of the database.

use fanout_dedup::PROCESSED_EVENTS;
use fanout_outbox::EVENTS;
use fanout_store::Collection;
use user_service::IDEMPOTENCY_KEYS;

use crate::doctor::facts::{Field, Surroundings};
use crate::doctor::place::Place;
use crate::doctor::rule::Checked;

const EXPIRES_AT: &str = "expires_at";

/// The collections whose documents end by themselves.
const EXPIRING: [&Collection; 3] = [PROCESSED_EVENTS, IDEMPOTENCY_KEYS, EVENTS];

/// What `fanout trace` asks for, each by an equality of its own.
const TRACED: [(&Collection, &str); 6] = [
    (PROCESSED_EVENTS, "event_id"),
    (PROCESSED_EVENTS, "subject"),
    (PROCESSED_EVENTS, "correlation_id"),
    (PROCESSED_EVENTS, "causation_id"),
    (EVENTS, "correlation_id"),
    (EVENTS, "causation_id"),
];

fn find<'f>(around: &'f Surroundings, collection: &Collection, field: &str) -> Option<&'f Field> {
    around.fields.iter().find(|found| {
        found
            .collection
            .get()
            .is_some_and(|name| name == collection.name)
            && found.field.get().is_some_and(|name| name == field)
    })
}

/// Each collection that expires has a TTL on its field, and no index of it.
pub(in crate::doctor) fn expiry(whole: &Place, around: &Surroundings, out: &mut Checked) {
    for collection in EXPIRING {
        out.looked_at += 1;
        let name = format!("{collection}.{EXPIRES_AT}");
        let Some(field) = find(around, collection, EXPIRES_AT) else {
            out.find(whole, "nothing is said of the field: it has no TTL", name);
            continue;
        };
        if !field.expires {
            out.find(&field.place, "the field has no TTL", name.clone());
        }
        if field.indexes != Some(0) {
            out.find(&field.place, "the field is indexed", name);
        }
    }
    unreadable(around, out);
}

/// No field that `trace` asks for has lost its index, by itself or with all others.
pub(in crate::doctor) fn trace_indexes(around: &Surroundings, out: &mut Checked) {
    for (collection, field) in TRACED {
        out.looked_at += 1;
        let told = find(around, collection, field).or_else(|| find(around, collection, "*"));
        if let Some(found) = told
            && found.indexes == Some(0)
        {
            out.find(
                &found.place,
                "the field is not indexed",
                format!("{collection}.{field}"),
            );
        }
    }
    unreadable(around, out);
}

fn unreadable(around: &Surroundings, out: &mut Checked) {
    for field in &around.fields {
        out.said(&field.collection, "");
        out.said(&field.field, "");
    }
}
