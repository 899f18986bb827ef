//! The rules, one table. Removing a line is a change that a test must notice.

use serde_json::Value;

use crate::{rules_of_fields as fields, rules_of_values as values};

/// One way in which what is written may be refused.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How to have the change all the same.
    pub way_out: &'static str,
    /// Where it is broken: a pointer from here, and a sentence.
    pub(crate) finds: fn(&Pair<'_>) -> Vec<(String, String)>,
}

/// What one schema writes and another reads, at one place.
pub(crate) struct Pair<'a> {
    pub(crate) writer: &'a Value,
    pub(crate) reader: &'a Value,
    /// Whether the writer's version is the newer one: a break is named by what that did.
    pub(crate) writer_is_newer: bool,
}

const OPTIONAL: &str = "make the field optional (`Option`), and read what is missing as before";
const KEEP: &str = "keep writing the field as it is; add the new one beside it";
const NEW_FIELD: &str = "add an optional field with the new meaning, and write both; or publish a new major version with an upcaster and golden files";
const FALLBACK: &str = "give the enum a fallback first (`x-fallback`), in a version before the one that writes the value; or add an optional field";
const DIALECT: &str = "say it in the dialect of shared/schemas/README.md";

/// All rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "NOT_IN_DIALECT",
        way_out: DIALECT,
        finds: values::not_in_dialect,
    },
    Rule {
        id: "REQUIRED_ADDED",
        way_out: OPTIONAL,
        finds: fields::required_added,
    },
    Rule {
        id: "FIELD_REMOVED",
        way_out: KEEP,
        finds: fields::field_removed,
    },
    Rule {
        id: "FIELD_MADE_OPTIONAL",
        way_out: KEEP,
        finds: fields::field_made_optional,
    },
    Rule {
        id: "FIELD_NOT_READ",
        way_out: OPTIONAL,
        finds: fields::field_not_read,
    },
    Rule {
        id: "WRITER_OPEN",
        way_out: DIALECT,
        finds: fields::writer_open,
    },
    Rule {
        id: "TYPE_CHANGED",
        way_out: NEW_FIELD,
        finds: values::type_changed,
    },
    Rule {
        id: "NULL_ADDED",
        way_out: NEW_FIELD,
        finds: values::null_added,
    },
    Rule {
        id: "NULL_REMOVED",
        way_out: NEW_FIELD,
        finds: values::null_removed,
    },
    Rule {
        id: "TYPE_NARROWED",
        way_out: NEW_FIELD,
        finds: values::type_narrowed,
    },
    Rule {
        id: "TYPE_WIDENED",
        way_out: NEW_FIELD,
        finds: values::type_widened,
    },
    Rule {
        id: "ENUM_GREW_WITHOUT_FALLBACK",
        way_out: FALLBACK,
        finds: values::enum_grew,
    },
    Rule {
        id: "ENUM_SHRANK",
        way_out: "keep reading the value; stop writing it",
        finds: values::enum_shrank,
    },
    Rule {
        id: "PATTERN_CHANGED",
        way_out: NEW_FIELD,
        finds: values::pattern_changed,
    },
    Rule {
        id: "FORMAT_CHANGED",
        way_out: NEW_FIELD,
        finds: values::format_changed,
    },
    Rule {
        id: "VARIANT_ADDED",
        way_out: NEW_FIELD,
        finds: fields::variant_added,
    },
    Rule {
        id: "VARIANT_REMOVED",
        way_out: "keep reading the variant; stop writing it",
        finds: fields::variant_removed,
    },
];
