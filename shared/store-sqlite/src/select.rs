//! A [`Query`] as SQL over the columns of the indexed fields.
//!
//! A page comes from one statement or, behind a cursor, from several, asked one after the other
//! until the page is full: those behind `(a, b, id)` are first those with the same `a` and `b` and a
//! later id, then those with the same `a` and a later `b`, then those with a later `a`. Each is one
//! range of the index.

use rusqlite::types::Value as Sql;

use super::documents::COLUMNS;
use super::sort_key::{KeyRange, sort_key};
use super::tables::{column, index_name, quoted, table};
use fanout_store::{Cursor, Direction, Order, Query, StoreError};

/// What one statement asks for, and its parameters.
#[derive(Clone)]
pub(super) struct Select {
    conditions: Vec<String>,
    parameters: Vec<Sql>,
    /// Sorted by what the conditions leave open, and no more: SQLite does not see that a field which
    /// has one value needs no sorting.
    order: String,
}

/// The statements of a page, in the order of its documents.
pub(super) struct Selects {
    head: String,
    parts: Vec<Select>,
}

impl Selects {
    /// `by_name`: whether SQLite is told to use the declared index or nothing. Not in a file of
    /// another process, which may have declared another.
    pub(super) fn new(query: &Query, by_name: bool) -> Result<Self, StoreError> {
        let index = query.index()?;
        let collection = query.collection.name;
        let mut head = format!("SELECT {COLUMNS}, id FROM {}", table(collection));
        if let Some(index) = index.filter(|_| by_name) {
            head += &format!(" INDEXED BY {}", quoted(&index_name(collection, index)));
        }
        let mut common = Select {
            conditions: Vec::new(),
            parameters: vec![Sql::Integer(i64::from(query.limit))],
            order: String::new(),
        };
        for by in index.unwrap_or_default() {
            common
                .conditions
                .push(format!("{} IS NOT NULL", column(by.field)));
        }
        let equalities = query.filters.iter().filter(|filter| filter.is_equality());
        equalities.for_each(|it| common.compare(it.field, "=", sort_key(&it.value)));
        let order = query.full_order();
        let parts = match &query.after {
            None => vec![common.at_the_start(query, &order)],
            Some(cursor) => behind(&common, query, &order, cursor),
        };
        Ok(Self { head, parts })
    }

    /// Each statement's SQL and parameters. The first parameter is the limit.
    pub(super) fn statements(&self) -> impl Iterator<Item = (String, &[Sql])> {
        self.parts.iter().map(|part| {
            let (head, order) = (&self.head, &part.order);
            let conditions = part.conditions.join(" AND ");
            let sql = format!("{head} WHERE {conditions} ORDER BY {order} LIMIT ?1");
            (sql, part.parameters.as_slice())
        })
    }
}

/// The parts behind a cursor.
fn behind(common: &Select, query: &Query, order: &[Order], cursor: &Cursor) -> Vec<Select> {
    let mut parts = Vec::new();
    let mut same = common.clone();
    for (place, (by, value)) in order.iter().zip(&cursor.values).enumerate() {
        let (key, range) = (sort_key(value), range_on(query, by.field));
        let mut later = same.clone();
        later.within(by.field, range.clone().behind(by.direction, &key));
        later.order = order_by(order.get(place..).unwrap_or_default());
        // Parts for the later fields come before those for this one.
        parts.push(later);
        same.within(by.field, range);
        same.compare(by.field, "=", key);
    }
    let tie = tie_direction(order);
    let beyond = match tie {
        Direction::Ascending => ">",
        Direction::Descending => "<",
    };
    let id = same.parameter(Sql::Text(cursor.id.clone()));
    same.conditions.push(format!("id {beyond} {id}"));
    same.order = format!("id {}", keyword(tie));
    parts.push(same);
    parts.reverse();
    parts
}

impl Select {
    fn at_the_start(mut self, query: &Query, order: &[Order]) -> Self {
        self.order = order_by(order);
        if let Some(by) = order.first() {
            self.within(by.field, range_on(query, by.field));
        } else if query.filters.is_empty() {
            self.conditions.push("id > ''".to_owned());
        }
        self
    }

    fn within(&mut self, field: &str, range: KeyRange) {
        self.compare(field, ">=", range.from);
        self.compare(field, "<", range.before);
    }

    fn compare(&mut self, field: &str, operator: &str, key: Vec<u8>) {
        let parameter = self.parameter(Sql::Blob(key));
        let condition = format!("{} {operator} {parameter}", column(field));
        self.conditions.push(condition);
    }

    fn parameter(&mut self, value: Sql) -> String {
        self.parameters.push(value);
        format!("?{}", self.parameters.len())
    }
}

/// What the ranges on a field leave of it.
fn range_on(query: &Query, field: &str) -> KeyRange {
    let ranges = query.filters.iter();
    let ranges = ranges.filter(|filter| !filter.is_equality() && filter.field == field);
    ranges.fold(KeyRange::whole(), |range, filter| {
        range.compared(filter.comparison, &filter.value)
    })
}

fn order_by(order: &[Order]) -> String {
    let terms = order.iter().map(|by| sorted(by.field, by.direction));
    let mut terms: Vec<String> = terms.collect();
    terms.push(format!("id {}", keyword(tie_direction(order))));
    terms.join(", ")
}

/// A field as an index has it, and as a query is sorted by it.
pub(super) fn sorted(field: &str, direction: Direction) -> String {
    format!("{} {}", column(field), keyword(direction))
}

/// Ids follow the direction of the last field.
fn tie_direction(order: &[Order]) -> Direction {
    order.last().map_or(Direction::Ascending, |by| by.direction)
}

pub(super) fn keyword(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
