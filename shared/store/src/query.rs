//! Queries over one collection, a page at a time.

use crate::refusal::{check_value, refused};
use crate::{Collection, Document, Index, StoreError, Value, ascending};

/// Which documents of a collection, in which order, how many at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The collection.
    pub collection: &'static Collection,
    /// All must hold. A document that lacks a field, or has it in another type, does not match.
    pub filters: Vec<Filter>,
    /// What is compared first, second, ... See [`Query::full_order`].
    pub order: Vec<Order>,
    /// The size of a page, at least 1.
    pub limit: u32,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Whether it stands back where a store has commits to make at the same moment.
    pub can_wait: bool,
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The field's name, at the top level of the document.
    pub field: &'static str,
    /// How it compares.
    pub comparison: Comparison,
    /// With what.
    pub value: Value,
}

/// How a field's value compares with a filter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

/// One field to sort by. Documents that lack it are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// The field's name, at the top level of the document.
    pub field: &'static str,
    /// Which way.
    pub direction: Direction,
}

/// Which way to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Where a page ended: the last document's values of the [`Query::full_order`], and its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// One for each field of the full order.
    pub values: Vec<Value>,
    /// The document's id, which breaks ties.
    pub id: String,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// At most as many as the query's limit.
    pub documents: Vec<Document>,
    /// Where to go on; `None` if the page was not full. After a full page there may be nothing more.
    pub next: Option<Cursor>,
}

impl Filter {
    /// Whether it asks for one value.
    pub fn is_equality(&self) -> bool {
        self.comparison == Comparison::Equal
    }
}

impl Order {
    /// These fields, as they are named to people: `subject, sequence descending`.
    pub fn list(fields: &[Self]) -> String {
        let name = |by: &Self| match by.direction {
            Direction::Ascending => by.field.to_owned(),
            Direction::Descending => format!("{} descending", by.field),
        };
        fields.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

impl Query {
    /// All documents of a collection, by id, 100 a page.
    pub fn of(collection: &'static Collection) -> Self {
        Self {
            collection,
            filters: Vec::new(),
            order: Vec::new(),
            limit: 100,
            after: None,
            can_wait: false,
        }
    }

    /// Only those whose field compares like this. A query takes range comparisons (all but
    /// `Equal`) on one field only.
    pub fn only(
        mut self,
        field: &'static str,
        comparison: Comparison,
        value: impl Into<Value>,
    ) -> Self {
        self.filters.push(Filter {
            field,
            comparison,
            value: value.into(),
        });
        self
    }

    /// Sorted by this field, after those already named.
    pub fn order_by(mut self, field: &'static str, direction: Direction) -> Self {
        self.order.push(Order { field, direction });
        self
    }

    /// At most this many a page.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// For a reader's eyes: it may stand back behind what is being stored.
    pub fn for_listing(mut self) -> Self {
        self.can_wait = true;
        self
    }

    /// The page after this one.
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// The order that counts: Firestore sorts by the field of a range comparison first. Ties are
    /// broken by id, in the direction of the last field here (ascending if there is none).
    pub fn full_order(&self) -> Vec<Order> {
        let range = self.filters.iter().find(|filter| !filter.is_equality());
        let mut order = self.order.clone();
        if let Some(filter) = range
            && order.iter().all(|by| by.field != filter.field)
        {
            let field = filter.field;
            let direction = Direction::Ascending;
            order.insert(0, Order { field, direction });
        }
        order
    }

    /// The index that answers this query; `None` for the order of the ids, which needs none.
    ///
    /// Refuses what Firestore does: a query whose index is not declared, ranges on another field
    /// than the first of the order, a value that cannot be stored.
    pub fn index(&self) -> Result<Option<Index>, StoreError> {
        for Filter { field, value, .. } in &self.filters {
            let said = |reason| refused(&format!("{}, {field}: {reason}", self.collection));
            check_value(value, 1).or_else(said)?;
        }
        for value in self.after.iter().flat_map(|cursor| &cursor.values) {
            let said = |reason| refused(&format!("{}, the cursor: {reason}", self.collection));
            check_value(value, 1).or_else(said)?;
        }
        let order = self.full_order();
        let mut ranges = self.filters.iter().filter(|it| !it.is_equality());
        if ranges.any(|range| order.first().is_none_or(|by| by.field != range.field)) {
            let Self { collection, .. } = self;
            return refused(&format!(
                "{collection}: a range is on the first field of the order only"
            ));
        }
        let mut needed: Vec<Order> = self.equalities().map(ascending).collect();
        needed.extend(&order);
        if needed.is_empty() {
            return Ok(None);
        }
        let indexes = self.collection.indexes.iter().copied();
        match { indexes }.find(|index| self.is_answered_by(index, &order)) {
            Some(index) => Ok(Some(index)),
            None => refused(&format!(
                "{} has no index on {}",
                self.collection,
                Order::list(&needed)
            )),
        }
    }

    fn equalities(&self) -> impl Iterator<Item = &'static str> {
        let equalities = self.filters.iter().filter(|it| it.is_equality());
        equalities.map(|filter| filter.field)
    }

    /// Fields that are compared for equality may come in any order and direction.
    fn is_answered_by(&self, index: Index, order: &[Order]) -> bool {
        let mut equal: Vec<_> = self.equalities().collect();
        let Some((first, rest)) = index.split_at_checked(equal.len()) else {
            return false;
        };
        let mut indexed: Vec<_> = first.iter().map(|by| by.field).collect();
        equal.sort_unstable();
        indexed.sort_unstable();
        // Of an automatic index there is one for each direction.
        let automatic = index.len() == 1 && self.collection.automatic_indexes;
        let same = |(a, b): (&Order, &Order)| {
            a.field == b.field && (automatic || a.direction == b.direction)
        };
        equal == indexed && rest.len() == order.len() && rest.iter().zip(order).all(same)
    }

    /// The page of these documents, which an adapter found for this query.
    pub fn page(&self, documents: Vec<Document>) -> Page {
        let full = documents.len() >= self.limit as usize;
        let next = documents.last().filter(|_| full).map(|last| Cursor {
            values: self
                .full_order()
                .iter()
                .map(|by| last.fields.get(by.field).cloned().unwrap_or(Value::Null))
                .collect(),
            id: last.key.id().to_owned(),
        });
        Page { documents, next }
    }
}
