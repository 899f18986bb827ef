//! A [`Query`] as SQL over the JSON column.
//!
//! Comparisons are as Firestore makes them: only values of the field's own type match, and texts
//! compare by their bytes.

use std::fmt::Write as _;

use rusqlite::types::Value as Sql;

use super::codec;
use crate::{Comparison, Cursor, Direction, Query, Value};

/// SQL text and its parameters.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) parameters: Vec<Sql>,
}

impl Select {
    pub(super) fn new(query: &Query) -> Self {
        let mut select = Self {
            sql: "SELECT id, fields, update_time FROM documents WHERE collection = ?1".to_owned(),
            parameters: vec![Sql::Text(query.collection.to_owned())],
        };
        for filter in &query.filters {
            select.filter(filter.field, filter.comparison, &filter.value);
        }
        for by in query.full_order() {
            let _ = write!(
                select.sql,
                " AND {} IS NOT NULL",
                extract("json_type", by.field)
            );
        }
        if let Some(cursor) = &query.after {
            select.go_on_after(query, cursor);
        }
        select.order(query);
        select
    }

    fn filter(&mut self, field: &str, comparison: Comparison, value: &Value) {
        let operator = match comparison {
            Comparison::Equal => "=",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
        };
        let (types, sql_value) = (json_types(value), sql_value(value));
        let _ = write!(
            self.sql,
            " AND {} IN ({types}) AND {} {operator} ",
            extract("json_type", field),
            extract("json_extract", field),
        );
        self.parameter(sql_value);
    }

    /// Rows behind the cursor: `(a, b, id) > (x, y, last)`, written out because each field has its
    /// own direction.
    fn go_on_after(&mut self, query: &Query, cursor: &Cursor) {
        let order = query.full_order();
        self.sql.push_str(" AND (FALSE");
        for length in 0..=order.len() {
            self.sql.push_str(" OR (TRUE");
            for (by, value) in order.iter().zip(&cursor.values).take(length) {
                self.compare(&extract("json_extract", by.field), "=", sql_value(value));
            }
            match order.get(length).zip(cursor.values.get(length)) {
                Some((by, value)) => {
                    let operator = beyond(by.direction);
                    self.compare(
                        &extract("json_extract", by.field),
                        operator,
                        sql_value(value),
                    );
                }
                None => {
                    let operator = beyond(tie_direction(query));
                    self.compare("id", operator, Sql::Text(cursor.id.clone()));
                }
            }
            self.sql.push(')');
        }
        self.sql.push(')');
    }

    fn order(&mut self, query: &Query) {
        self.sql.push_str(" ORDER BY ");
        for by in query.full_order() {
            let expression = extract("json_extract", by.field);
            let _ = write!(self.sql, "{expression} {}, ", keyword(by.direction));
        }
        let _ = write!(
            self.sql,
            "id {} LIMIT {}",
            keyword(tie_direction(query)),
            query.limit
        );
    }

    fn compare(&mut self, expression: &str, operator: &str, value: Sql) {
        let _ = write!(self.sql, " AND {expression} {operator} ");
        self.parameter(value);
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

/// `field` is a name in our own code (`&'static str` in every query), never text from outside.
fn extract(function: &str, field: &str) -> String {
    format!("{function}(fields, '$.\"{field}\"')")
}

fn json_types(value: &Value) -> &'static str {
    match value {
        Value::Null => "'null'",
        Value::Boolean(_) => "'true', 'false'",
        Value::Integer(_) | Value::Double(_) => "'integer', 'real'",
        Value::Text(_) => "'text'",
        Value::Timestamp(_) | Value::Map(_) => "'object'",
        Value::Array(_) => "'array'",
    }
}

/// What `json_extract` makes of the value.
fn sql_value(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Boolean(flag) => Sql::Integer(i64::from(*flag)),
        Value::Integer(number) => Sql::Integer(*number),
        Value::Double(number) => Sql::Real(*number),
        Value::Text(text) => Sql::Text(text.clone()),
        Value::Timestamp(_) | Value::Map(_) | Value::Array(_) => {
            Sql::Text(codec::to_json(value).to_string())
        }
    }
}
