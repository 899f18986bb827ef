//! What an index of the search service must do, with each store.

use std::sync::Arc;

use fanout_runtime::SystemClock;
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use search_service::{Entry, Postings, SearchIndex};

use crate::support::emulators;

/// An index, and where its writes are committed.
struct Subject {
    documents: Arc<dyn Documents>,
    index: Arc<dyn SearchIndex>,
}

async fn in_sqlite() -> Arc<dyn Documents> {
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    Arc::new(documents.unwrap())
}

async fn in_firestore() -> Arc<dyn Documents> {
    Arc::new(emulators().await.documents().await.unwrap())
}

fn entry(kind: &str, id: &str, text: &str) -> Entry {
    Entry {
        kind: kind.to_owned(),
        id: id.to_owned(),
        text: text.to_owned(),
    }
}

impl Subject {
    fn of(documents: Arc<dyn Documents>) -> Self {
        Self {
            index: Arc::new(Postings::new(documents.clone())),
            documents,
        }
    }

    async fn put(&self, entry: &Entry) {
        let writes = self.index.put(entry);
        self.documents.commit(writes).await.unwrap();
    }

    async fn remove(&self, entry: &Entry) {
        let writes = self.index.remove(entry);
        self.documents.commit(writes).await.unwrap();
    }

    /// The ids of what is found, in order.
    async fn ids(&self, question: &str) -> Vec<String> {
        let found = self.index.find(question).await.unwrap();
        let mut ids: Vec<String> = found.into_iter().map(|entry| entry.id).collect();
        ids.sort();
        ids
    }
}

/// Expands into one test per case and store.
macro_rules! on_each_store {
    ($(async fn $name:ident($subject:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn case($subject: Subject) $body

            #[tokio::test]
            async fn in_sqlite() {
                case(Subject::of(super::in_sqlite().await)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(emulators), ignore = "needs Google's emulators: gcloud components install cloud-firestore-emulator")]
            async fn in_firestore() {
                case(Subject::of(super::in_firestore().await)).await;
            }
        }
    )*};
}

// Cases may share a store: each has words of its own.
on_each_store! {
    async fn what_is_put_is_found_by_each_of_its_words_in_any_case_and_order(subject) {
        let order = entry("order", "ord_1", "order ord_1 of alpha-1: 2 x product Anvil; 1999.98 USD");
        subject.put(&order).await;
        for question in ["anvil", "ALPHA-1", "1999.98 anvil", "usd, Anvil!", "ord_1 alpha-1"] {
            let found = subject.index.find(question).await.unwrap();
            assert_eq!(found, std::slice::from_ref(&order), "{question}");
        }
        for question in ["", "?!", "anvi", "anvil feather", "alpha"] {
            assert_eq!(subject.ids(question).await, [""; 0], "{question}");
        }
    }

    async fn things_of_all_kinds_are_found_beside_each_other(subject) {
        subject.put(&entry("order", "1", "beta one")).await;
        subject.put(&entry("post", "1", "beta two")).await;
        subject.put(&entry("post", "2", "beta two")).await;
        assert_eq!(subject.ids("beta").await, ["1", "1", "2"]);
        assert_eq!(subject.ids("two beta").await, ["1", "2"]);
        let [found] = &subject.index.find("one beta").await.unwrap()[..] else {
            panic!("one");
        };
        assert_eq!(found.kind, "order");
    }

    async fn what_is_put_twice_is_found_once(subject) {
        let post = entry("post", "3", "gamma gamma GAMMA");
        subject.put(&post).await;
        subject.put(&post).await;
        assert_eq!(subject.ids("gamma").await, ["3"]);
    }

    async fn what_is_removed_is_found_by_no_word_and_nothing_else_goes(subject) {
        let (gone, stays) = (entry("post", "4", "delta epsilon"), entry("post", "5", "delta"));
        subject.put(&gone).await;
        subject.put(&stays).await;
        subject.remove(&gone).await;
        subject.remove(&gone).await;
        assert_eq!(subject.ids("delta").await, ["5"]);
        assert_eq!(subject.ids("epsilon").await, [""; 0]);
    }

    async fn a_hundred_are_found_of_many_and_a_rare_one_among_them(subject) {
        for number in 0..130 {
            let text = if number == 125 { "zeta needle-125" } else { "zeta" };
            subject.put(&entry("post", &format!("z{number}"), text)).await;
        }
        assert_eq!(subject.ids("zeta").await.len(), 100);
        assert_eq!(subject.ids("zeta needle-125").await, ["z125"]);
    }
}
