//! The index: for each word, what it occurs in. It lies in the document store, so one implementation
//! serves both engines.

use std::collections::BTreeSet;

use fanout_store::{
    Collection, Comparison, Documents, Fields, Key, MalformedDocument, Query, ReadError, Write,
    ascending,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The collection of postings: a document for each word of each thing that can be found.
pub const SEARCH_POSTINGS: &Collection = &Collection::named("search_postings")
    .indexes(&[&[ascending("word")]])
    .no_automatic_indexes();

/// The most that one question finds.
const MOST: usize = 100;
/// The most words of one thing that it is found by: its postings are one commit.
const MOST_WORDS: usize = 400;

/// Something that can be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// What it is, such as `order`.
    pub(crate) kind: String,
    pub(crate) id: String,
    /// What is found in it, and shown of it.
    pub(crate) text: String,
}

impl Entry {
    /// A posting for each of its words.
    pub(crate) fn postings(&self) -> Vec<Write> {
        let words = words(&self.text).into_iter().take(MOST_WORDS);
        let posting = |word: String| {
            let id = format!("{}:{}:{}", hashed(&word), self.kind, self.id);
            let fields = Fields::new()
                .with("word", word)
                .with("kind", self.kind.as_str())
                .with("id", self.id.as_str())
                .with("text", self.text.as_str());
            Write::set(Key::new(SEARCH_POSTINGS, &id), fields)
        };
        words.map(posting).collect()
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            kind: fields.text("kind")?.to_owned(),
            id: fields.text("id")?.to_owned(),
            text: fields.text("text")?.to_owned(),
        })
    }
}

/// What has all words of the question in it; the first hundred.
pub(crate) async fn find(
    documents: &dyn Documents,
    question: &str,
) -> Result<Vec<Entry>, ReadError> {
    let asked = words(question);
    // A long word is a rare one.
    let Some(rarest) = asked.iter().max_by_key(|word| word.len()) else {
        return Ok(Vec::new());
    };
    let mut query = Query::of(SEARCH_POSTINGS).only("word", Comparison::Equal, rarest.as_str());
    let mut found = Vec::new();
    loop {
        let page = documents.query(&query).await?;
        for document in &page.documents {
            let entry = Entry::from_fields(&document.fields)?;
            if words(&entry.text).is_superset(&asked) {
                found.push(entry);
            }
        }
        match page.next {
            Some(next) if found.len() < MOST => query = query.after(next),
            Some(_) | None => break,
        }
    }
    found.truncate(MOST);
    Ok(found)
}

/// The words of a text, in lower case.
pub(crate) fn words(text: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let words = text.split(|c| !inside(c));
    let words = words.map(|word| word.trim_matches(['-', '.']).to_lowercase());
    words.filter(|word| !word.is_empty()).collect()
}

/// A word as part of a document's id: half of a SHA-256.
fn hashed(word: &str) -> String {
    let mut digest = hex::encode(Sha256::digest(word));
    digest.truncate(32);
    digest
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
