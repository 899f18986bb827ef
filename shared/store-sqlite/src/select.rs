//! A [`Query`] as SQL over the JSON column.
//!
//! A page comes from one statement or, behind a cursor, from several, asked one after the other
//! until the page is full: those behind `(a, b, id)` are first those with the same `a` and `b` and a
//! later id, then those with the same `a` and a later `b`, then those with a later `a`. Each is one
//! range of the index.

use rusqlite::types::Value as Sql;

use super::expressions::{HIGHEST, LOWEST, is_present, quoted, rank, rank_of, sql_value, value_of};
use super::tables::{index_name, table};
use fanout_store::{Comparison, Cursor, Direction, Filter, Order, Query, StoreError, Value};

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
        let mut head = format!("SELECT id, fields, update_time FROM {}", table(collection));
        if let Some(index) = index.filter(|_| by_name) {
            head += &format!(" INDEXED BY {}", quoted(&index_name(collection, index)));
        }
        let mut common = Select {
            conditions: Vec::new(),
            parameters: vec![Sql::Integer(i64::from(query.limit))],
            order: String::new(),
        };
        for by in index.unwrap_or_default() {
            common.conditions.push(is_present(by.field));
        }
        let equalities = query.filters.iter().filter(|filter| filter.is_equality());
        equalities.for_each(|filter| common.equal(filter.field, &filter.value));
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
        let open = order.get(place..).unwrap_or_default();
        let ranges = ranges_on(query, by.field);
        let (beyond, last) = match by.direction {
            Direction::Ascending => (">", HIGHEST),
            Direction::Descending => ("<", LOWEST),
        };
        // Parts for the later fields come before those for this one.
        if ranges.is_empty() && rank(value) != last {
            let mut other_kind = same.clone();
            let condition = format!("{} {beyond} {}", rank_of(by.field), rank(value));
            other_kind.conditions.push(condition);
            other_kind.order = order_by(open, false);
            parts.push(other_kind);
        }
        // Nothing lies behind null that is null.
        if *value != Value::Null {
            let mut later = same.clone();
            later.conditions.push(has_rank(by.field, value));
            later.compare(&value_of(by.field), beyond, value);
            later.ranges(&ranges, Some(by.direction));
            later.order = order_by(open, true);
            parts.push(later);
        }
        same.equal(by.field, value);
        same.ranges(&ranges, None);
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
        self.order = order_by(order, false);
        match order.first().map(|by| (by, ranges_on(query, by.field))) {
            Some((by, ranges)) => match ranges.first() {
                Some(range) => {
                    self.conditions.push(has_rank(by.field, &range.value));
                    self.ranges(&ranges, None);
                    self.order = order_by(order, true);
                }
                None => {
                    let any = format!("{} >= {LOWEST}", rank_of(by.field));
                    self.conditions.push(any);
                }
            },
            None if query.filters.is_empty() => self.conditions.push("id > ''".to_owned()),
            None => {}
        }
        self
    }

    fn equal(&mut self, field: &str, value: &Value) {
        self.conditions.push(has_rank(field, value));
        match value {
            // Null is equal to null.
            Value::Null => self.conditions.push(format!("{} IS NULL", value_of(field))),
            _ => self.compare(&value_of(field), "=", value),
        }
    }

    /// `behind`: the direction of a cursor that is the bound on one side. A plus before the
    /// expression keeps the index from beginning at the range's own bound on that side.
    fn ranges(&mut self, ranges: &[&Filter], behind: Option<Direction>) {
        for Filter {
            field,
            comparison,
            value,
        } in ranges
        {
            let (operator, side) = match comparison {
                Comparison::Equal => ("=", None),
                Comparison::Less => ("<", Some(Direction::Descending)),
                Comparison::AtMost => ("<=", Some(Direction::Descending)),
                Comparison::Greater => (">", Some(Direction::Ascending)),
                Comparison::AtLeast => (">=", Some(Direction::Ascending)),
            };
            let plus = if behind.is_some() && behind == side {
                "+"
            } else {
                ""
            };
            self.compare(&format!("{plus}{}", value_of(field)), operator, value);
        }
    }

    fn compare(&mut self, expression: &str, operator: &str, value: &Value) {
        let parameter = self.parameter(sql_value(value));
        let condition = format!("{expression} {operator} {parameter}");
        self.conditions.push(condition);
    }

    fn parameter(&mut self, value: Sql) -> String {
        self.parameters.push(value);
        format!("?{}", self.parameters.len())
    }
}

fn ranges_on<'q>(query: &'q Query, field: &str) -> Vec<&'q Filter> {
    let ranges = query.filters.iter();
    let ranges = ranges.filter(|filter| !filter.is_equality() && filter.field == field);
    ranges.collect()
}

fn has_rank(field: &str, value: &Value) -> String {
    format!("{} = {}", rank_of(field), rank(value))
}

/// `of_one_kind`: whether all values of the first field are.
fn order_by(order: &[Order], of_one_kind: bool) -> String {
    let mut terms: Vec<String> = order.iter().map(index_column).collect();
    if let Some((by, first)) = order.first().zip(terms.first_mut()).filter(|_| of_one_kind) {
        *first = format!("{} {}", value_of(by.field), keyword(by.direction));
    }
    terms.push(format!("id {}", keyword(tie_direction(order))));
    terms.join(", ")
}

/// A field as an index has it, and as a query is sorted by it.
pub(super) fn index_column(by: &Order) -> String {
    let (rank, value) = (rank_of(by.field), value_of(by.field));
    let direction = keyword(by.direction);
    format!("{rank} {direction}, {value} {direction}")
}

/// Ids follow the direction of the last field.
pub(super) fn tie_direction(order: &[Order]) -> Direction {
    order.last().map_or(Direction::Ascending, |by| by.direction)
}

pub(super) fn keyword(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
