//! A [`Query`] as SQL over the JSON column.
//!
//! Comparisons are as Firestore makes them: values of different kinds never match, and sort by their
//! kind first; texts compare by their bytes. Not as in Firestore: arrays and maps sort by their
//! JSON, and NaN and the infinities behind all other numbers.

use std::fmt::Write as _;

use rusqlite::types::Value as Sql;

use super::codec;
use fanout_store::{Comparison, Cursor, Direction, Query, Value};

/// SQL text and its parameters.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) parameters: Vec<Sql>,
}

impl Select {
    pub(super) fn new(query: &Query) -> Self {
        let mut select = Self {
            sql: "SELECT id, fields, update_time FROM documents WHERE collection = ?1".to_owned(),
            parameters: vec![Sql::Text(query.collection.name.to_owned())],
        };
        for filter in &query.filters {
            select.filter(filter.field, filter.comparison, &filter.value);
        }
        for by in query.full_order() {
            let _ = write!(select.sql, " AND {} IS NOT NULL", kind_of(by.field, None));
        }
        if let Some(cursor) = &query.after {
            select.go_on_after(query, cursor);
        }
        select.order(query);
        select
    }

    fn filter(&mut self, field: &str, comparison: Comparison, value: &Value) {
        let operator = match (comparison, value) {
            // Null is equal to null, and compares with nothing.
            (Comparison::Equal, Value::Null) => "IS",
            (Comparison::Equal, _) => "=",
            (Comparison::Less, _) => "<",
            (Comparison::AtMost, _) => "<=",
            (Comparison::Greater, _) => ">",
            (Comparison::AtLeast, _) => ">=",
        };
        let (of_field, rank) = (rank_of(field), rank(value));
        let _ = write!(self.sql, " AND {of_field} = {rank}");
        self.compare(field, operator, value);
    }

    /// Rows behind the cursor: `(a, b, id) > (x, y, last)`, written out because each field has its
    /// own direction.
    fn go_on_after(&mut self, query: &Query, cursor: &Cursor) {
        let order = query.full_order();
        self.sql.push_str(" AND (FALSE");
        for length in 0..=order.len() {
            self.sql.push_str(" OR (TRUE");
            for (by, value) in order.iter().zip(&cursor.values).take(length) {
                let (of_field, rank) = (rank_of(by.field), rank(value));
                let _ = write!(self.sql, " AND {of_field} = {rank}");
                self.compare(by.field, "IS", value);
            }
            match order.get(length).zip(cursor.values.get(length)) {
                Some((by, value)) => {
                    let operator = beyond(by.direction);
                    let (of_field, rank) = (rank_of(by.field), rank(value));
                    let _ = write!(self.sql, " AND ({of_field} {operator} {rank}");
                    let _ = write!(self.sql, " OR {of_field} = {rank}");
                    self.compare(by.field, operator, value);
                    self.sql.push(')');
                }
                None => {
                    let _ = write!(self.sql, " AND id {} ", beyond(tie_direction(query)));
                    self.parameter(Sql::Text(cursor.id.clone()));
                }
            }
            self.sql.push(')');
        }
        self.sql.push(')');
    }

    fn order(&mut self, query: &Query) {
        self.sql.push_str(" ORDER BY ");
        for by in query.full_order() {
            let (rank, value) = (rank_of(by.field), value_of(by.field));
            let direction = keyword(by.direction);
            let _ = write!(self.sql, "{rank} {direction}, {value} {direction}, ");
        }
        let direction = keyword(tie_direction(query));
        let _ = write!(self.sql, "id {direction} LIMIT {}", query.limit);
    }

    fn compare(&mut self, field: &str, operator: &str, value: &Value) {
        let _ = write!(self.sql, " AND {} {operator} ", value_of(field));
        self.parameter(sql_value(value));
    }

    fn parameter(&mut self, value: Sql) {
        self.parameters.push(value);
        let _ = write!(self.sql, "?{}", self.parameters.len());
    }
}

fn tie_direction(query: &Query) -> Direction {
    let last = query.full_order().last().copied();
    last.map_or(Direction::Ascending, |by| by.direction)
}

fn keyword(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}

fn beyond(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => ">",
        Direction::Descending => "<",
    }
}

/// The field's value as SQLite sees it.
fn value_of(field: &str) -> String {
    format!("json_extract(fields, {})", path(field, None))
}

/// SQLite's name for the kind of a field, or of a tag in it; SQL's NULL if it is absent.
fn kind_of(field: &str, tag: Option<&str>) -> String {
    format!("json_type(fields, {})", path(field, tag))
}

/// The place of the field's kind in the order of all kinds; SQL's NULL if it is absent.
fn rank_of(field: &str) -> String {
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
fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) => 2,
        Value::Timestamp(_) => 3,
        Value::Text(_) => 4,
        Value::Array(_) => 5,
        Value::Map(_) => 6,
    }
}

/// The path of a field, or of a tag in it, as an SQL text. Names are in JSON's own quotes.
fn path(field: &str, tag: Option<&str>) -> String {
    let quoted = |name: &str| format!(".{}", serde_json::Value::from(name));
    let field = quoted(&codec::stored_name(field));
    let path = format!("${field}{}", tag.map(quoted).unwrap_or_default());
    format!("'{}'", path.replace('\'', "''"))
}

/// What `json_extract` makes of the value.
fn sql_value(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Boolean(flag) => Sql::Integer(i64::from(*flag)),
        Value::Integer(number) => Sql::Integer(*number),
        Value::Double(number) if number.is_finite() => Sql::Real(*number),
        Value::Text(text) => Sql::Text(text.clone()),
        Value::Double(_) | Value::Timestamp(_) | Value::Map(_) | Value::Array(_) => {
            Sql::Text(codec::to_json(value).to_string())
        }
    }
}
