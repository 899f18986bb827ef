//! A read model whose generations are fed, switched or read the wrong way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_dedup::PROCESSED_EVENTS;
use fanout_outbox::EVENTS;
use fanout_posts::POSTS;
use fanout_projections::{Freshness, GENERATION, PROJECTIONS};
use fanout_store::{
    CommitError, CommitReceipt, Content, Document, Documents, Key, Page, Query, StoreError, Value,
    Write,
};
use feed_service::FEED_ITEMS;

use super::Broken;

impl Broken {
    /// Documents as this lets an instance learn of generations.
    pub(crate) fn documents_of_generations(
        broken: Option<Self>,
        documents: Arc<dyn Documents>,
    ) -> Arc<dyn Documents> {
        match broken {
            Some(broken @ (Self::BuildingUnfed | Self::PreviousUnfed | Self::ReadWhileBuilt)) => {
                BrokenGenerations::of(broken, documents)
            }
            Some(_) | None => documents,
        }
    }

    /// Documents as this lets a rebuild see them.
    pub(crate) fn documents_of_rebuilds(
        broken: Option<Self>,
        documents: Arc<dyn Documents>,
    ) -> Arc<dyn Documents> {
        match broken {
            Some(broken @ Self::SwitchBeforePast) => BrokenGenerations::of(broken, documents),
            Some(_) | None => documents,
        }
    }

    /// How old an instance lets its knowledge of generations get.
    pub(crate) fn freshness_of_instances(broken: Option<Self>, sound: Freshness) -> Freshness {
        match broken {
            Some(Self::KnowledgeNeverOld) => Freshness::Cached(Duration::MAX),
            Some(_) | None => sound,
        }
    }

    /// How old a rebuild believes that to be.
    pub(crate) fn freshness_of_rebuilds(broken: Option<Self>, sound: Freshness) -> Freshness {
        match broken {
            Some(Self::RebuildWaitsNot) => Freshness::EachTime,
            Some(_) | None => sound,
        }
    }
}

pub(super) struct BrokenGenerations {
    broken: Broken,
    inner: Arc<dyn Documents>,
}

impl BrokenGenerations {
    pub(super) fn of(broken: Broken, inner: Arc<dyn Documents>) -> Arc<dyn Documents> {
        Arc::new(Self { broken, inner })
    }

    fn misread(&self, document: &mut Document) {
        let fields = &mut document.fields;
        let (live, building) = (fields.get("live").cloned(), fields.get("building").cloned());
        match (self.broken, building) {
            (Broken::BuildingUnfed, _) => fields.remove("building"),
            (Broken::PreviousUnfed, _) => fields.remove("previous"),
            (Broken::ReadWhileBuilt, Some(Value::Map(mut building))) => {
                fields.set("live", building.get(GENERATION).cloned().unwrap());
                building.set(GENERATION, live.unwrap());
                fields.set("building", Value::Map(building));
            }
            (Broken::SwitchBeforePast, Some(Value::Map(mut building))) => {
                building.set("accepts_missing", true);
                fields.set("building", Value::Map(building));
            }
            _ => {}
        }
    }
}

#[async_trait]
impl Documents for BrokenGenerations {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let mut found = self.inner.get_many(keys).await?;
        let documents = found.iter_mut().flatten();
        let standing = documents.filter(|it| it.key.is_in(PROJECTIONS));
        standing.for_each(|document| self.misread(document));
        Ok(found)
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let unseen = match self.broken {
            Broken::SwitchBeforePast => query.collection == EVENTS,
            Broken::NothingBeforeFollow => query.collection == POSTS,
            _ => false,
        };
        if unseen {
            return Ok(query.page(Vec::new()));
        }
        self.inner.query(query).await
    }

    async fn commit(&self, mut writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let generation = |write: &Write| match &write.content {
            Content::Set(row) if write.key.is_in(FEED_ITEMS) => row.count(GENERATION).ok(),
            Content::Set(_) | Content::Merge(..) | Content::Delete => None,
        };
        let lives = writes.iter().any(|it| it.key.is_in(PROCESSED_EVENTS));
        let first = writes.iter().find_map(generation);
        let is_other = |write: &Write| generation(write).is_some_and(|it| Some(it) != first);
        let others = writes.iter().position(is_other);
        match others {
            Some(others) if lives && self.broken == Broken::GenerationsInTwoCommits => {
                let others = writes.split_off(others);
                let mut receipt = self.inner.commit(writes).await?;
                let rest = self.inner.commit(others).await?;
                receipt.update_times.extend(rest.update_times);
                Ok(receipt)
            }
            Some(_) | None => self.inner.commit(writes).await,
        }
    }
}
