//! The consumers of this system, as the tests of every consumer need to know them. A new consumer
//! says here what it is, and has its line in `every_consumer.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use email_service::EmailServiceDeps;
use fanout_consume::ConsumerDeps;
use fanout_mail::{Letterhead, Sender};
use fanout_store::{Query, all_documents};
use fanout_testkit::CountingDocuments;
use fanout_testkit::consumer_tests::ConsumerUnderTest;
use serde_json::Value;

use super::mailbox::Mailbox;
use super::scene::created;

/// Counts sign-ups: its effects are what it counted.
pub(super) struct Analytics;

/// Keeps contacts: its effects are the writes to them, since writing one twice leaves no trace.
pub(super) struct Crm;

/// Sends mails: its effects are the mails that left.
#[derive(Default)]
pub(super) struct Email {
    mailbox: Arc<Mailbox>,
}

#[async_trait]
impl ConsumerUnderTest for Analytics {
    fn name(&self) -> &'static str {
        analytics_service::NAME
    }

    fn app(&self, deps: ConsumerDeps) -> Router {
        analytics_service::app(deps, Default::default())
    }

    fn event(&self, subject: &str) -> Value {
        created("", subject)
    }

    async fn effects(&self, documents: &CountingDocuments) -> usize {
        let days = all_documents(documents, Query::of(analytics_service::SIGNUPS)).await;
        let counts = days.unwrap().into_iter();
        let counts = counts.map(|day| day.fields.count("count").unwrap());
        usize::try_from(counts.sum::<u64>()).unwrap()
    }
}

#[async_trait]
impl ConsumerUnderTest for Crm {
    fn name(&self) -> &'static str {
        crm_service::NAME
    }

    fn app(&self, deps: ConsumerDeps) -> Router {
        crm_service::app(deps)
    }

    fn event(&self, subject: &str) -> Value {
        created("", subject)
    }

    async fn effects(&self, documents: &CountingDocuments) -> usize {
        documents.writes_to(crm_service::CONTACTS)
    }
}

#[async_trait]
impl ConsumerUnderTest for Email {
    fn name(&self) -> &'static str {
        email_service::NAME
    }

    fn app(&self, deps: ConsumerDeps) -> Router {
        email_service::app(EmailServiceDeps {
            consumer: deps,
            mailer: self.mailbox.clone(),
            letterhead: Letterhead::of(Sender::parse("Fanout <hello@example.com>").unwrap()),
        })
    }

    fn event(&self, subject: &str) -> Value {
        created("", subject)
    }

    async fn effects(&self, _: &CountingDocuments) -> usize {
        self.mailbox.sent().len()
    }
}
