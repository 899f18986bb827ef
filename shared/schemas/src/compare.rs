//! From two schemas to where the rule does not hold.

use serde_json::Value;

use crate::node::{escaped, is_nullable, properties, tag, types, variants};
use crate::rule::{Pair, Rule};

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What is written, or what is read.
    pub schema: &'a Value,
    /// Which of the two is the older: the one with the smaller number. A break is named by what
    /// the newer one did.
    pub order: usize,
}

/// Where something that is written may be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The rule's id.
    pub rule: &'static str,
    /// Where, as a JSON pointer into both schemas.
    pub pointer: String,
    /// What, as a sentence.
    pub sentence: String,
    /// How to have the change all the same.
    pub way_out: &'static str,
}

/// Where `reader` may refuse what `writer` writes, by these rules. None means never.
pub fn breaks(writer: &Side<'_>, reader: &Side<'_>, rules: &[Rule]) -> Vec<Break> {
    let walk = Walk {
        rules,
        writer_is_newer: writer.order > reader.order,
    };
    let mut found = Vec::new();
    walk.below(writer.schema, reader.schema, "", &mut found);
    found
}

struct Walk<'a> {
    rules: &'a [Rule],
    writer_is_newer: bool,
}

impl Walk<'_> {
    fn below(&self, writer: &Value, reader: &Value, pointer: &str, found: &mut Vec<Break>) {
        let pair = Pair {
            writer,
            reader,
            writer_is_newer: self.writer_is_newer,
        };
        for rule in self.rules {
            found.extend((rule.finds)(&pair).into_iter().map(|(at, sentence)| Break {
                rule: rule.id,
                pointer: format!("{pointer}{at}"),
                sentence,
                way_out: rule.way_out,
            }));
        }
        if writer.get("oneOf").is_some() || reader.get("oneOf").is_some() {
            return self.variants(writer, reader, pointer, found);
        }
        for (name, field) in properties(writer).into_iter().flatten() {
            if let Some(read) = properties(reader).and_then(|known| known.get(name)) {
                let pointer = format!("{pointer}/properties/{}", escaped(name));
                self.below(field, read, &pointer, found);
            }
        }
        let can_hold_items = types(writer).contains("array");
        if let (true, Some(items)) = (can_hold_items, reader.get("items")) {
            let any = Value::Object(serde_json::Map::new());
            let written = writer.get("items").unwrap_or(&any);
            self.below(written, items, &format!("{pointer}/items"), found);
        }
    }

    /// Each variant that is written against the one of the same tag, or against what is no choice.
    fn variants(&self, writer: &Value, reader: &Value, pointer: &str, found: &mut Vec<Break>) {
        for (at, written) in variants(writer).into_iter().enumerate() {
            if is_nullable(written) && written.get("type").is_some_and(Value::is_string) {
                continue;
            }
            let read = match reader.get("oneOf") {
                Some(_) => same_tag(written, reader),
                None => Some(reader),
            };
            if let Some(read) = read {
                let pointer = match writer.get("oneOf") {
                    Some(_) => format!("{pointer}/oneOf/{at}"),
                    None => pointer.to_owned(),
                };
                self.below(written, read, &pointer, found);
            }
        }
    }
}

/// The reader's variant that a written one is read as.
pub(crate) fn same_tag<'r>(written: &Value, reader: &'r Value) -> Option<&'r Value> {
    let wanted = tag(written)?;
    variants(reader)
        .into_iter()
        .find(|variant| tag(variant) == Some(wanted))
}
