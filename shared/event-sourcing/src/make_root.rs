//! The root of one day, made of the heads of all streams.

use chrono::NaiveDate;
use fanout_outbox::EventRow;
use fanout_store::{Comparison, Direction, Document, Documents, MalformedDocument};
use futures_util::future::try_join_all;

use crate::LoadError;
use crate::chain::HASH;
use crate::daily_root::{KeepRootError, Root, end_of};
use crate::ledger::of;
use crate::list_streams::Listing;

/// How many heads are asked for at once.
const AT_ONCE: usize = 32;

/// A day's root, as far as it has come. The day is over: whoever asks later finds the same.
pub(crate) struct RootOfDay {
    pub(crate) day: NaiveDate,
    listing: Listing,
    /// How many streams have been asked for their heads, in the order of their names.
    pub(crate) asked: usize,
    pub(crate) root: Root,
}

impl RootOfDay {
    /// Nothing has been read yet, of the streams that begin with events of this type.
    pub(crate) fn new(day: NaiveDate, first: &str) -> Self {
        Self {
            day,
            listing: Listing::of(first),
            asked: 0,
            root: Root::new(),
        }
    }

    /// Reads what is left. A call that fails or is dropped on its way is gone on with by the next.
    pub(crate) async fn finish(&mut self, documents: &dyn Documents) -> Result<(), KeepRootError> {
        let day = self.day;
        let names = self.listing.finish(documents).await?;
        let left: Vec<&str> = names.into_iter().skip(self.asked).collect();
        for streams in left.chunks(AT_ONCE) {
            let asking = streams.iter().map(|stream| head(documents, stream, day));
            let heads = try_join_all(asking).await?;
            for (stream, head) in streams.iter().zip(heads) {
                if let Some(document) = head {
                    add(&mut self.root, stream, &document).map_err(|cause| {
                        let event_id = document.key.id().to_owned();
                        KeepRootError::Head { event_id, cause }
                    })?;
                }
                self.asked += 1;
            }
        }
        Ok(())
    }
}

/// The stream's last event of that day or before.
async fn head(
    documents: &dyn Documents,
    stream: &str,
    day: NaiveDate,
) -> Result<Option<Document>, LoadError> {
    let latest = of(stream)
        .only("recorded_at", Comparison::AtMost, end_of(day))
        .order_by("recorded_at", Direction::Descending)
        .limit(1);
    let page = documents.query(&latest).await?;
    Ok(page.documents.into_iter().next())
}

fn add(root: &mut Root, stream: &str, head: &Document) -> Result<(), MalformedDocument> {
    let row = EventRow::from_document(head)?;
    let beside = row.lasting.unwrap_or_default();
    root.add(stream, row.sequence, beside.text(HASH)?);
    Ok(())
}
