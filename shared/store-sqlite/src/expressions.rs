//! Fields of a document as SQL: the expressions that are indexed, and that queries compare.
//!
//! Comparisons are as Firestore makes them: values of different kinds never match, and sort by their
//! kind first; texts compare by their bytes. Not as in Firestore: arrays and maps sort by their
//! JSON, and NaN and the infinities behind all other numbers.

use rusqlite::types::Value as Sql;

use super::codec;
use fanout_store::Value;

/// The ranks of the first and the last kind.
pub(super) const LOWEST: u8 = 0;
pub(super) const HIGHEST: u8 = 6;
pub(super) const MOMENT: u8 = 3;

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The field's value as SQLite sees it.
pub(super) fn value_of(field: &str) -> String {
    format!("json_extract(fields, {})", path(field, None))
}

pub(super) fn is_present(field: &str) -> String {
    format!("{} IS NOT NULL", kind_of(field, None))
}

/// The place of the field's kind in the order of all kinds; SQL's NULL if it is absent.
pub(super) fn rank_of(field: &str) -> String {
    format!(
        "CASE {} WHEN 'null' THEN 0 WHEN 'false' THEN 1 WHEN 'true' THEN 1 \
         WHEN 'integer' THEN 2 WHEN 'real' THEN 2 WHEN 'text' THEN 4 WHEN 'array' THEN 5 \
         WHEN 'object' THEN iif({} = 'text', 3, iif({} = 'text', 2, 6)) END",
        kind_of(field, None),
        kind_of(field, Some(codec::TIME)),
        kind_of(field, Some(codec::DOUBLE)),
    )
}

/// The same for a value.
pub(super) fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => LOWEST,
        Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) => 2,
        Value::Timestamp(_) => MOMENT,
        Value::Text(_) => 4,
        Value::Array(_) => 5,
        Value::Map(_) => HIGHEST,
    }
}

/// What `json_extract` makes of the value.
pub(super) fn sql_value(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Boolean(flag) => Sql::Integer(i64::from(*flag)),
        Value::Integer(number) => Sql::Integer(*number),
        Value::Double(number) if number.is_finite() => Sql::Real(*number),
        Value::Text(text) => Sql::Text(text.clone()),
        Value::Double(_) | Value::Timestamp(_) | Value::Map(_) | Value::Array(_) => {
            Sql::Text(codec::to_json(value))
        }
    }
}

/// SQLite's name for the kind of a field, or of a tag in it; SQL's NULL if it is absent.
fn kind_of(field: &str, tag: Option<&str>) -> String {
    format!("json_type(fields, {})", path(field, tag))
}

/// The path of a field, or of a tag in it, as an SQL text. Names are in JSON's own quotes.
fn path(field: &str, tag: Option<&str>) -> String {
    let quoted = |name: &str| format!(".{}", serde_json::Value::from(name));
    let field = quoted(codec::stored_name(field).as_ref());
    let path = format!("${field}{}", tag.map(quoted).unwrap_or_default());
    format!("'{}'", path.replace('\'', "''"))
}
