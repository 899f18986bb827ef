//! Rules about what an object has, and which variants there are.

use crate::compare::same_tag;
use crate::node::{escaped, is_closed, properties, property, required, tag, types, variants};
use crate::rule::Pair;

type Found = Vec<(String, String)>;

/// The fields that the reader needs and the writer does not always write; those that it never
/// writes come with `true`.
fn missing<'p>(pair: &'p Pair<'_>) -> impl Iterator<Item = (&'p str, bool)> {
    let applies = pair.reader.get("oneOf").is_none() && types(pair.writer).contains("object");
    let written = required(pair.writer);
    let needed = if applies {
        required(pair.reader)
    } else {
        Default::default()
    };
    let missing = needed
        .into_iter()
        .filter(move |name| !written.contains(name));
    // A choice is looked at variant by variant.
    let is_choice = pair.writer.get("oneOf").is_some();
    missing
        .filter(move |_| !is_choice)
        .map(|name| (name, property(pair.writer, name).is_none()))
}

fn at(name: &str) -> String {
    format!("/properties/{}", escaped(name))
}

/// The newer reader needs what the older writer does not always write.
pub(crate) fn required_added(pair: &Pair<'_>) -> Found {
    let found = missing(pair).filter(|_| !pair.writer_is_newer);
    found
        .map(|(name, _)| {
            (
                at(name),
                format!("`{name}` is required, and events are out there that lack it"),
            )
        })
        .collect()
}

/// The newer writer has dropped (or renamed) what the older reader needs.
pub(crate) fn field_removed(pair: &Pair<'_>) -> Found {
    let found = missing(pair).filter(|(_, gone)| pair.writer_is_newer && *gone);
    found
        .map(|(name, _)| {
            (
                at(name),
                format!("`{name}` is not written any more, and older consumers need it"),
            )
        })
        .collect()
}

/// The newer writer leaves out at times what the older reader needs.
pub(crate) fn field_made_optional(pair: &Pair<'_>) -> Found {
    let found = missing(pair).filter(|(_, gone)| pair.writer_is_newer && !*gone);
    found
        .map(|(name, _)| {
            (
                at(name),
                format!("`{name}` may be left out, and older consumers need it"),
            )
        })
        .collect()
}

/// The reader is closed, and does not know a field that is written.
pub(crate) fn field_not_read(pair: &Pair<'_>) -> Found {
    if !is_closed(pair.reader) {
        return Found::new();
    }
    let written = properties(pair.writer).into_iter().flatten();
    written
        .filter(|(name, _)| property(pair.reader, name).is_none())
        .map(|(name, _)| {
            (
                at(name),
                format!("`{name}` is written, and the reader refuses fields it does not know"),
            )
        })
        .collect()
}

/// The writer may write any field, and the reader asks something of one.
pub(crate) fn writer_open(pair: &Pair<'_>) -> Found {
    let is_open = types(pair.writer).contains("object")
        && pair.writer.get("oneOf").is_none()
        && !is_closed(pair.writer);
    if !is_open {
        return Found::new();
    }
    let read = properties(pair.reader).into_iter().flatten();
    let unknown = read.filter(|(name, _)| property(pair.writer, name).is_none());
    let mut found: Found = unknown
        .map(|(name, _)| {
            (
                at(name),
                format!("an open writer may write anything as `{name}`"),
            )
        })
        .collect();
    if is_closed(pair.reader) {
        let sentence =
            "an open writer may write any field, and the reader refuses those it does not know";
        found.push((String::new(), sentence.to_owned()));
    }
    found
}

/// The written variants that the reader has no match for.
fn unread(pair: &Pair<'_>) -> Found {
    if pair.reader.get("oneOf").is_none() {
        return Found::new();
    }
    let is_choice = pair.writer.get("oneOf").is_some();
    let written = variants(pair.writer).into_iter().enumerate();
    written
        .filter(|(_, variant)| same_tag(variant, pair.reader).is_none())
        .map(|(index, variant)| {
            let name = tag(variant).map_or("without a tag", |(_, value)| value);
            let place = if is_choice {
                format!("/oneOf/{index}")
            } else {
                String::new()
            };
            (place, format!("the variant `{name}` is none that is read"))
        })
        .collect()
}

/// The newer writer writes a variant that the older reader does not know.
pub(crate) fn variant_added(pair: &Pair<'_>) -> Found {
    if pair.writer_is_newer {
        unread(pair)
    } else {
        Found::new()
    }
}

/// The newer reader does not know a variant that is out there.
pub(crate) fn variant_removed(pair: &Pair<'_>) -> Found {
    if pair.writer_is_newer {
        Found::new()
    } else {
        unread(pair)
    }
}
