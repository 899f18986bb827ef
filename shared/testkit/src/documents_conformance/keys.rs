//! Keys from any text.

use std::collections::BTreeSet;

use fanout_store::{Fields, Key, Query, Write};

use super::scene::{Store, fields, found, new_collection, write};

/// No text is refused, and no two meet.
pub async fn a_key_of_any_text_leads_to_its_own_document(store: Store) {
    let collection = new_collection();
    let long = "x".repeat(2048);
    let longer = "x".repeat(2049);
    let texts = [
        "", " ", ".", "..", "...", "/", "a/b", "a/b/c", "__x__", "__", "_", "a\u{0}b", "a\nb", "é",
        "😀", "h_", "a-_.:~@b", "A", "a", "%2F", "*", &long, &longer,
    ];
    for text in texts {
        let content = Fields::new().with("length", text.len() as u64);
        write(&store, Write::create(Key::new(collection, text), content)).await;
    }
    for text in texts {
        let document = fields(&store, &Key::new(collection, text)).await;
        assert_eq!(document.count("length"), Ok(text.len() as u64), "{text:?}");
    }
    let ids: BTreeSet<String> = texts
        .iter()
        .map(|text| Key::new(collection, text).id().to_owned())
        .collect();
    let listed = found(&store, Query::of(collection)).await;
    assert_eq!(listed, Vec::from_iter(ids));
}
