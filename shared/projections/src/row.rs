//! Rows: all that a projection can write.

use std::collections::BTreeMap;

use fanout_store::{
    Collection, Comparison, Document, Documents, Fields, Key, Precondition, Query, ReadError,
    StoreError, Write, check_writes,
};

/// The field of a row that says which generation it belongs to. An index on it alone, and one for
/// each kind of reading with it in front, belong to every table.
pub const GENERATION: &str = "generation";

const VERSION: &str = "version";
const GONE: &str = "gone";

/// One row of a read model, in whatever generation.
///
/// Events come twice, late and out of order, and a rebuild overlaps with what is live. So a row is
/// either the same whoever writes it and when ([`Row::fixed`]), or the one with the highest version
/// stays ([`Row::latest`], [`Row::gone`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    table: &'static Collection,
    id: String,
    version: Option<u64>,
    content: Fields,
}

/// What an event makes of a read model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows(Vec<Row>);

/// Rows that are written together, each once.
#[derive(Default)]
pub(crate) struct Batch(BTreeMap<Key, Row>);

impl Row {
    /// A row that never changes: everything that writes it writes the same.
    pub fn fixed(table: &'static Collection, id: &str, content: Fields) -> Self {
        Self::new(table, id, None, content)
    }

    /// A row that replaces those of lower versions: what it tells of, as of this version, such as the
    /// `sequence` of its subject.
    pub fn latest(table: &'static Collection, id: &str, version: u64, content: Fields) -> Self {
        Self::new(table, id, Some(version), content)
    }

    /// That what the row tells of is gone, as of this version: a late event does not bring it back. A
    /// row without fields of its own is in no answer.
    pub fn gone(table: &'static Collection, id: &str, version: u64) -> Self {
        Self::latest(table, id, version, Fields::new().with(GONE, true))
    }

    fn new(table: &'static Collection, id: &str, version: Option<u64>, content: Fields) -> Self {
        // What no store takes as an id becomes one here, so that generations differ in front only.
        let id = Key::new(table, id).id().to_owned();
        let content = content.with(VERSION, version);
        Self {
            table,
            id,
            version,
            content,
        }
    }

    fn key(&self, generation: u64) -> Key {
        in_generation(self.table, generation, &self.id)
    }

    fn write(&self, generation: u64) -> Write {
        let fields = self.content.clone().with(GENERATION, generation);
        Write::set(self.key(generation), fields)
    }
}

impl Rows {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Without those up to this place, in the order in which a batch is stored.
    pub(crate) fn behind(mut self, table: &str, id: &str) -> Self {
        let is_behind = |row: &Row| (row.table.name, row.id.as_str()) > (table, id);
        self.0.retain(is_behind);
        self
    }

    /// Whether there is no row that a store never takes.
    pub(crate) fn check(&self, generation: u64) -> Result<(), StoreError> {
        let mut writes = self.0.iter().map(|row| row.write(generation));
        writes.try_for_each(|write| check_writes(&[write]))
    }
}

impl From<Vec<Row>> for Rows {
    fn from(rows: Vec<Row>) -> Self {
        Self(rows)
    }
}

impl FromIterator<Row> for Rows {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl Batch {
    pub(crate) fn add(&mut self, rows: &Rows) {
        for row in &rows.0 {
            let place = self.0.entry(row.key(0));
            let place = place.or_insert_with(|| row.clone());
            if row.version > place.version {
                *place = row.clone();
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The table and the id of its last row.
    pub(crate) fn last(&self) -> Option<(&'static str, &str)> {
        let (_, row) = self.0.last_key_value()?;
        Some((row.table.name, &row.id))
    }

    /// The same in parts of so many rows at most, in the order of tables and ids, each of which a store
    /// takes in one commit, with what is written beside it.
    pub(crate) fn in_commits(self, most: usize, generation: u64, beside: &Write) -> Vec<Self> {
        let (mut parts, mut rest) = (Vec::new(), vec![self]);
        while let Some(mut part) = rest.pop() {
            if part.len() > 1 && !part.is_one_commit(most, generation, beside) {
                let middle = part.0.keys().nth(most.min(part.len() / 2)).cloned();
                rest.extend(middle.map(|middle| Self(part.0.split_off(&middle))));
                rest.push(part);
            } else {
                parts.push(part);
            }
        }
        parts
    }

    pub(crate) fn is_one_commit(&self, most: usize, generation: u64, beside: &Write) -> bool {
        self.len() <= most && self.fits(generation, beside)
    }

    fn fits(&self, generation: u64, beside: &Write) -> bool {
        let rows = self.0.values().map(|row| row.write(generation));
        let all: Vec<Write> = rows.chain([beside.clone()]).collect();
        check_writes(&all).is_ok()
    }

    /// The writes of all rows in a generation, but for those of which it has as high a version.
    pub(crate) async fn writes(
        &self,
        generation: u64,
        documents: &dyn Documents,
    ) -> Result<Vec<Write>, ReadError> {
        let versioned = self.0.values().filter(|row| row.version.is_some());
        let keys: Vec<Key> = versioned.map(|row| row.key(generation)).collect();
        // Most read models have none of these, and their rows cost no reading.
        let found = if keys.is_empty() {
            Vec::new()
        } else {
            documents.get_many(&keys).await?
        };
        let mut found = found.into_iter();
        let mut writes = Vec::new();
        for row in self.0.values() {
            let write = row.write(generation);
            let Some(version) = row.version else {
                writes.push(write);
                continue;
            };
            match found.next().flatten() {
                None => writes.push(write.only_if(Precondition::Absent)),
                Some(there) if there.fields.count(VERSION)? < version => {
                    writes.push(write.only_if(Precondition::UpdatedAt(there.update_time)));
                }
                Some(_) => {}
            }
        }
        Ok(writes)
    }
}

/// A question to the rows of a table, in one generation.
pub fn rows_of(table: &'static Collection, generation: u64) -> Query {
    Query::of(table).only(GENERATION, Comparison::Equal, generation)
}

/// Where a row is, in a generation.
pub fn row_key(table: &'static Collection, generation: u64, id: &str) -> Key {
    in_generation(table, generation, Key::new(table, id).id())
}

fn in_generation(table: &'static Collection, generation: u64, id: &str) -> Key {
    Key::stored(table, format!("{generation}:{id}"))
}

/// Where the same row is in another generation.
pub(crate) fn twin_of(row: &Document, generation: u64) -> Key {
    let id = row.key.id();
    let id = id.split_once(':').map_or(id, |(_, id)| id);
    in_generation(row.key.declared(), generation, id)
}

/// Whether a row tells that something is gone.
pub(crate) fn is_gone(row: &Fields) -> bool {
    row.get(GONE).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &Collection = &Collection::named("test_now");
    const PAST: &Collection = &Collection::named("test_past");

    /// What an event makes: how something is now, or gone, as of a version; and that it happened.
    fn rows(of: u8, version: u64, is_gone: bool) -> Rows {
        let (id, content) = (of.to_string(), Fields::new().with("at", version));
        let now = if is_gone {
            Row::gone(NOW, &id, version)
        } else {
            Row::latest(NOW, &id, version, content.clone())
        };
        vec![now, Row::fixed(PAST, &format!("{id}.{version}"), content)].into()
    }

    fn batch(events: &[(u8, u64)]) -> BTreeMap<Key, Row> {
        let mut batch = Batch::default();
        for (of, version) in events {
            batch.add(&rows(*of, *version, version % 5 == 4));
        }
        batch.0
    }

    fn events() -> impl Strategy<Value = Vec<(u8, u64)>> {
        prop::collection::vec((0..3_u8, 1..8_u64), 0..12)
    }

    proptest! {
        #[test]
        fn neither_order_nor_repeats_of_events_change_the_rows(
            (events, shuffled) in events().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
            repeated in 0..12_usize,
        ) {
            let again: Vec<_> = shuffled.iter().chain(shuffled.iter().take(repeated)).copied().collect();
            prop_assert_eq!(batch(&again), batch(&events));
        }

        #[test]
        fn a_row_is_under_the_same_id_in_every_generation(id in ".{0,40}", one: u64, other: u64) {
            let key = row_key(NOW, one, &id);
            let update_time = fanout_store::UpdateTime(0);
            let row = Document { key, fields: Fields::new(), update_time };
            prop_assert_eq!(twin_of(&row, other), row_key(NOW, other, &id));
        }
    }
}
