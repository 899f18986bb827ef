//! The port to what finds things by their words.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fanout_store::{ReadError, Write};
use serde::Serialize;

/// Something that can be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What it is, such as `order`; no colon.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// What is found in it, and shown of it.
    pub text: String,
}

/// Finds entries by their words.
///
/// What changes the index are writes of the document store, because they belong into the commit that
/// marks the event: an index that is written beside it can lack what the mark says is there. So both
/// engines have the one adapter, [`crate::Postings`]. SQLite's FTS5 would be written behind the back of
/// [`fanout_store::Documents`], and tells words apart in another way than the cloud would.
///
/// An index that is no part of the store, such as Elasticsearch, is fed by a consumer of its own, with
/// a [`fanout_consume::OutsideEffect`] that puts each entry there under its kind and id, which can be
/// done twice. Its adapter here has nothing to write, and asks it in [`SearchIndex::find`].
#[async_trait]
pub trait SearchIndex: Send + Sync + 'static {
    /// What makes the entry found by the words of its text.
    fn put(&self, entry: &Entry) -> Vec<Write>;

    /// What makes it not found any more; the text is the one that was put.
    fn remove(&self, entry: &Entry) -> Vec<Write>;

    /// The entries that have all words of the question in them, a hundred at most.
    async fn find(&self, question: &str) -> Result<Vec<Entry>, ReadError>;
}

/// The words of a text, in lower case: what every index finds it by.
pub(crate) fn words(text: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let words = text.split(|c| !inside(c));
    let words = words.map(|word| word.trim_matches(['-', '.']).to_lowercase());
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_lower_case_and_keep_what_ids_and_amounts_are_made_of() {
        let found = words("Order ord_01JD: 2 x product-1, 1999.98 USD. -");
        let expected = ["1999.98", "2", "ord_01jd", "order", "product-1", "usd", "x"];
        assert!(found.iter().eq(expected.iter()), "{found:?}");
    }
}
