//! The index as documents: for each word, what it occurs in.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_store::{
    Collection, Comparison, Documents, Fields, Key, MalformedDocument, Query, ReadError, Write,
    ascending,
};
use sha2::{Digest, Sha256};

use crate::index::{Entry, SearchIndex, words};

/// The collection of postings: a document for each word of each entry.
pub const SEARCH_POSTINGS: &Collection = &Collection::named("search_postings")
    .indexes(&[&[ascending("word")]])
    .no_automatic_indexes();

/// The most that one question finds.
const MOST: usize = 100;
/// How many pages of the postings of one word are looked through for the others. A word that a million
/// texts have, and a word that none has, would be a million reads.
const MOST_PAGES: usize = 20;
/// The most words of one entry that it is found by: its postings are one commit.
const MOST_WORDS: usize = 400;

/// The index in the document store.
pub struct Postings {
    documents: Arc<dyn Documents>,
}

impl Postings {
    /// The index in these documents.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }
}

#[async_trait]
impl SearchIndex for Postings {
    fn put(&self, entry: &Entry) -> Vec<Write> {
        let posting = |word: String| {
            let key = posting(&word, entry);
            let fields = Fields::new()
                .with("word", word)
                .with("kind", entry.kind.as_str())
                .with("id", entry.id.as_str())
                .with("text", entry.text.as_str());
            Write::set(key, fields)
        };
        indexed(&entry.text).map(posting).collect()
    }

    fn remove(&self, entry: &Entry) -> Vec<Write> {
        let words = indexed(&entry.text);
        words
            .map(|word| Write::delete(posting(&word, entry)))
            .collect()
    }

    async fn find(&self, question: &str) -> Result<Vec<Entry>, ReadError> {
        let asked = words(question);
        // A long word is a rare one.
        let Some(rarest) = asked.iter().max_by_key(|word| word.len()) else {
            return Ok(Vec::new());
        };
        let mut query = Query::of(SEARCH_POSTINGS).only("word", Comparison::Equal, rarest.as_str());
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = self.documents.query(&query).await?;
            for document in &page.documents {
                let entry = entry(&document.fields)?;
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
}

/// The words that a text is found by.
fn indexed(text: &str) -> impl Iterator<Item = String> {
    words(text).into_iter().take(MOST_WORDS)
}

fn posting(word: &str, entry: &Entry) -> Key {
    let (word, kind, id) = (hashed(word), &entry.kind, &entry.id);
    Key::new(SEARCH_POSTINGS, &format!("{word}:{kind}:{id}"))
}

fn entry(fields: &Fields) -> Result<Entry, MalformedDocument> {
    Ok(Entry {
        kind: fields.text("kind")?.to_owned(),
        id: fields.text("id")?.to_owned(),
        text: fields.text("text")?.to_owned(),
    })
}

/// A word as part of a document's id: half of a SHA-256.
fn hashed(word: &str) -> String {
    let mut digest = hex::encode(Sha256::digest(word));
    digest.truncate(32);
    digest
}
