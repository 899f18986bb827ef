//! Rules about single values: types, ranges, enums, formats.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::dialect::faults;
use crate::node::{is_nullable, number, text, types, values};
use crate::rule::Pair;

type Found = Vec<(String, String)>;

fn here(keyword: &str, sentence: String) -> (String, String) {
    (format!("/{keyword}"), sentence)
}

/// What no rule can judge is not let pass. Found where it stands, not again above.
pub(crate) fn not_in_dialect(pair: &Pair<'_>) -> Found {
    let own = |schema| {
        faults(schema)
            .into_iter()
            .filter(|it| it.pointer.matches('/').count() < 2)
    };
    let both = own(pair.writer).chain(own(pair.reader));
    both.map(|fault| (fault.pointer, fault.sentence)).collect()
}

/// Whether this place is one value on both sides; a choice is looked at variant by variant.
fn is_single(pair: &Pair<'_>) -> bool {
    pair.writer.get("oneOf").is_none() && pair.reader.get("oneOf").is_none()
}

pub(crate) fn type_changed(pair: &Pair<'_>) -> Found {
    if !is_single(pair) {
        return Found::new();
    }
    let read = types(pair.reader);
    let is_read =
        |name: &&str| read.contains(name) || (*name == "integer" && read.contains("number"));
    let unread = types(pair.writer)
        .into_iter()
        .filter(|name| *name != "null");
    let unread: Vec<&str> = unread.filter(|name| !is_read(name)).collect();
    if unread.is_empty() {
        return Found::new();
    }
    let read: Vec<&str> = read.into_iter().collect();
    let sentence = format!(
        "{} is written where {} is read",
        unread.join(" or "),
        read.join(" or ")
    );
    vec![here("type", sentence)]
}

fn null_is_not_read(pair: &Pair<'_>) -> bool {
    is_single(pair) && is_nullable(pair.writer) && !is_nullable(pair.reader)
}

/// The newer writer writes null where the older reader needs a value.
pub(crate) fn null_added(pair: &Pair<'_>) -> Found {
    let found = pair.writer_is_newer && null_is_not_read(pair);
    let sentence = "null is written, and older consumers need a value";
    found
        .then(|| here("type", sentence.to_owned()))
        .into_iter()
        .collect()
}

/// The newer reader needs a value where null is out there.
pub(crate) fn null_removed(pair: &Pair<'_>) -> Found {
    let found = !pair.writer_is_newer && null_is_not_read(pair);
    let sentence = "events are out there that have null here";
    found
        .then(|| here("type", sentence.to_owned()))
        .into_iter()
        .collect()
}

/// The newer reader takes less than what is out there.
pub(crate) fn type_narrowed(pair: &Pair<'_>) -> Found {
    if pair.writer_is_newer {
        Found::new()
    } else {
        beyond(pair)
    }
}

/// The newer writer writes more than the older reader takes.
pub(crate) fn type_widened(pair: &Pair<'_>) -> Found {
    if pair.writer_is_newer {
        beyond(pair)
    } else {
        Found::new()
    }
}

/// Bounds: the keyword, the type that it bounds, and whether it bounds from above.
const BOUNDS: &[(&str, &str, bool)] = &[
    ("minimum", "number", false),
    ("maximum", "number", true),
    ("minLength", "string", false),
    ("maxLength", "string", true),
    ("minItems", "array", false),
    ("maxItems", "array", true),
];

/// The reader's bounds that something written lies beyond.
fn beyond(pair: &Pair<'_>) -> Found {
    let listed = values(pair.writer);
    let written = types(pair.writer);
    let mut found = Found::new();
    for (keyword, kind, from_above) in BOUNDS {
        // Nothing is shorter than 0.
        let bound =
            number(pair.reader, keyword).filter(|it| *kind == "number" || it.as_u64() != Some(0));
        let Some(bound) = bound else {
            continue;
        };
        let applies = written.contains(kind) || (*kind == "number" && written.contains("integer"));
        let outside = |value: &Number| {
            let order = by_size(value, bound);
            order
                == if *from_above {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
        };
        let lies_beyond = match &listed {
            Some(values) => values
                .iter()
                .filter_map(|it| size(it, kind))
                .any(|it| outside(&it)),
            None => applies && number(pair.writer, keyword).is_none_or(outside),
        };
        if lies_beyond {
            found.push(here(
                keyword,
                format!("what is written may lie beyond the reader's `{keyword}` of {bound}"),
            ));
        }
    }
    // Any text, where the reader takes some only.
    if listed.is_none() && values(pair.reader).is_some() && is_single(pair) {
        found.push(here(
            "enum",
            "any value is written where the reader lists those it takes".to_owned(),
        ));
    }
    found
}

/// What a bound of this kind measures of a value.
fn size(value: &Value, kind: &str) -> Option<Number> {
    match (value, kind) {
        (Value::Number(number), "number") => Some(number.clone()),
        (Value::String(text), "string") => Some(text.chars().count().into()),
        (Value::Array(items), "array") => Some(items.len().into()),
        _ => None,
    }
}

fn by_size(one: &Number, other: &Number) -> Ordering {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => {
            let both = (
                one.as_f64().unwrap_or(f64::NAN),
                other.as_f64().unwrap_or(f64::NAN),
            );
            both.0.total_cmp(&both.1)
        }
    }
}

/// The listed values that the reader does not list.
fn unlisted(pair: &Pair<'_>) -> Vec<String> {
    let (Some(written), Some(read)) = (values(pair.writer), values(pair.reader)) else {
        return Vec::new();
    };
    let unread = written
        .into_iter()
        .filter(|value| !read.contains(value) && !value.is_null());
    unread.map(|value| format!("`{value}`")).collect()
}

/// The newer writer writes a value that the older reader refuses.
pub(crate) fn enum_grew(pair: &Pair<'_>) -> Found {
    let values = unlisted(pair);
    if !pair.writer_is_newer || values.is_empty() {
        return Found::new();
    }
    let sentence = format!(
        "{} is new, and older consumers have no fallback for it",
        values.join(", ")
    );
    vec![here("enum", sentence)]
}

/// The newer reader refuses a value that is out there.
pub(crate) fn enum_shrank(pair: &Pair<'_>) -> Found {
    let values = unlisted(pair);
    if pair.writer_is_newer || values.is_empty() {
        return Found::new();
    }
    let sentence = format!(
        "events are out there with {}, which is not read any more",
        values.join(", ")
    );
    vec![here("enum", sentence)]
}

/// Patterns are compared as texts: whether one takes all that another takes is not asked.
pub(crate) fn pattern_changed(pair: &Pair<'_>) -> Found {
    differs(pair, "pattern")
}

pub(crate) fn format_changed(pair: &Pair<'_>) -> Found {
    differs(pair, "format")
}

fn differs(pair: &Pair<'_>, keyword: &str) -> Found {
    let Some(read) = text(pair.reader, keyword) else {
        return Found::new();
    };
    // Of listed values each would have to be tried; those that the reader lists too have been.
    let listed_on_both = values(pair.writer).is_some() && values(pair.reader).is_some();
    let applies = types(pair.writer).contains("string") && !listed_on_both;
    if !applies || text(pair.writer, keyword) == Some(read) {
        return Found::new();
    }
    vec![here(
        keyword,
        format!(
            "the reader asks for the {keyword} `{read}`, and the writer promises another or none"
        ),
    )]
}
