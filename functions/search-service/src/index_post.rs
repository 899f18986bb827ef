//! `post.created`: the post can be found by its words and hashtags. `post.deleted`: no more.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_contracts::post::{PostCreated, PostDeleted};
use fanout_events::Envelope;
use fanout_store::{Fields, Key, Precondition, Write};

use crate::index::{Entry, SearchIndex};
use crate::postings::SEARCH_POSTINGS;

const KIND: &str = "post";

/// Indexes a post, and takes it out again.
#[derive(Clone)]
pub(crate) struct IndexPost(pub(crate) Arc<dyn SearchIndex>);

/// Beside the postings, since what a post said is gone with it: a document without a word, which no
/// question finds. It stays, so that a late event does not bring the post back.
fn record(post_id: &str) -> Key {
    Key::new(SEARCH_POSTINGS, &format!("{KIND}:{post_id}"))
}

fn entry(post_id: &str, content: &str) -> Entry {
    Entry {
        kind: KIND.to_owned(),
        id: post_id.to_owned(),
        text: content.to_owned(),
    }
}

#[async_trait]
impl StoreEffect<PostCreated> for IndexPost {
    async fn plan(&self, event: &Envelope<PostCreated>, view: &View<'_>) -> Result<Plan, Failure> {
        let post = &event.data;
        let record = record(&post.post_id);
        // The usual case costs no reading.
        if view.conflicts() > 0 && view.get(&record).await?.is_some() {
            return Ok(Plan::Stale(Default::default()));
        }
        let text = Fields::new().with("text", post.content.as_str());
        let mut writes = self.0.put(&entry(&post.post_id, &post.content));
        writes.push(Write::create(record, text));
        Ok(Plan::Apply(writes.into()))
    }
}

#[async_trait]
impl StoreEffect<PostDeleted> for IndexPost {
    async fn plan(&self, event: &Envelope<PostDeleted>, view: &View<'_>) -> Result<Plan, Failure> {
        let post_id = &event.data.post_id;
        let record = record(post_id);
        let found = view.get(&record).await?;
        let was = found.as_ref().map(|it| it.update_time);
        let gone = was.map_or(Precondition::Absent, Precondition::UpdatedAt);
        let mut writes = vec![Write::set(record, Fields::new().with("gone", true)).only_if(gone)];
        let text = found.as_ref().map(|it| it.fields.optional_text("text"));
        if let Some(text) = text.transpose()?.flatten() {
            writes.extend(self.0.remove(&entry(post_id, text)));
        }
        Ok(Plan::Apply(writes.into()))
    }
}
