//! The last step before a new generation is used: every row that is read now is looked for in it.

use fanout_store::{Cursor, Document, Key};

use crate::projection::Reading;
use crate::rebuilds::{Next, RebuildError, Run};
use crate::row::{is_gone, rows_of, twin_of};
use crate::stored::Stage;

/// How many rows are compared at once.
const PAGE: u32 = 500;

impl Run<'_> {
    /// Goes on where the last run came to; the commit after the last page switches. Rows of another
    /// shape are not compared: they are meant to differ.
    pub(crate) async fn compare(&mut self) -> Result<Next, RebuildError> {
        loop {
            let Some((table, after, compared, missing)) = self.compared() else {
                return Ok(Next::GoOn);
            };
            let place = usize::try_from(table).unwrap_or(usize::MAX);
            let table_there = self.projection.tables.get(place).copied();
            let Some(rows) = table_there.filter(|_| self.is_comparable()) else {
                return self.end(compared, missing).await;
            };
            let mut query = rows_of(rows, self.standing.live).limit(PAGE);
            if let Some(id) = after {
                let values = Vec::new();
                query = query.after(Cursor { values, id });
            }
            let page = self.rebuilds.documents.query(&query).await?;
            let lacking = self.lacking(&page.documents).await?;
            let stage = Stage::Comparing {
                table: table + u64::from(page.next.is_none()),
                after: page.next.map(|next| next.id),
                compared: compared + page.documents.len() as u64,
                missing: missing + lacking,
            };
            if let Some(building) = &mut self.standing.building {
                building.stage = stage;
            }
            self.settle_for(vec![]).await?;
            if self.is_over() {
                return Ok(Next::Rest);
            }
        }
    }

    fn compared(&self) -> Option<(u64, Option<String>, u64, u64)> {
        match &self.standing.building.as_ref()?.stage {
            Stage::Comparing {
                table,
                after,
                compared,
                missing,
            } => Some((*table, after.clone(), *compared, *missing)),
            Stage::Settling | Stage::Reading { .. } => None,
        }
    }

    fn is_comparable(&self) -> bool {
        let building = self.standing.building.as_ref();
        building.is_some_and(|it| it.schema == self.standing.live_schema)
    }

    /// How many of these rows show, and are not in the new generation.
    async fn lacking(&self, rows: &[Document]) -> Result<u64, RebuildError> {
        let documents = self.rebuilds.documents.as_ref();
        let generation = self.standing.building.as_ref().map(|it| it.generation);
        let generation = generation.unwrap_or_default();
        let twins: Vec<Key> = rows.iter().map(|row| twin_of(row, generation)).collect();
        let found = documents.get_many(&twins).await?;
        let (now, reading) = (self.rebuilds.clock.now(), Reading::of(documents));
        let mut lacking = 0;
        for (row, twin) in rows.iter().zip(found) {
            let expires = row.key.declared().expires_by;
            let expires = expires.and_then(|field| row.fields.timestamp(field).ok());
            let is_over = is_gone(&row.fields) || expires.is_some_and(|at| at <= now);
            if twin.is_none() && !is_over {
                let shows = self.projection.still_shows(&row.fields, &reading);
                lacking += u64::from(shows.await?);
            }
        }
        Ok(lacking)
    }
}
