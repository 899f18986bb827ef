//! What operators say about an order's process, at any moment.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::orders::PRODUCT;
use crate::crash_simulation::script::Clients;
use crate::crash_simulation::services::Service;

/// A word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Retry,
    /// This step, or its undo, was done by hand.
    Skip(&'static str),
    Compensate,
    Abandon,
}

impl Word {
    pub(crate) const ALL: [Self; 8] = [
        Self::Retry,
        Self::Retry,
        Self::Compensate,
        Self::Abandon,
        Self::Skip("reserve"),
        Self::Skip("charge"),
        Self::Skip("ship"),
        Self::Skip("confirm"),
    ];

    fn verb(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip(_) => "skip",
            Self::Compensate => "compensate",
            Self::Abandon => "abandon",
        }
    }

    fn body(self) -> Value {
        match self {
            Self::Retry | Self::Compensate => json!({}),
            Self::Skip(step) => json!({"step": step}),
            Self::Abandon => json!({"reason": "it was sorted out by hand"}),
        }
    }
}

impl Clients {
    /// The stock of the one product is divided over so many documents.
    pub(crate) async fn shard(&self, shards: u64) {
        let request = || {
            Request::post(format!("/stock/{PRODUCT}/shards"))
                .header("content-type", "application/json")
                .body(Body::from(json!({"shards": shards}).to_string()))
                .unwrap()
        };
        self.ask_of(Service::Inventory, request).await;
    }

    /// An operator says a word about the process of order number n. What is granted is stored.
    pub(crate) async fn operate(&self, number: u64, word: Word) {
        let Some((order, process)) = self.sim.facts().shop.order_and_process(number) else {
            return;
        };
        let request = || {
            let path = format!("/processes/{process}/{order}/{}", word.verb());
            Request::post(path)
                .header("content-type", "application/json")
                .body(Body::from(word.body().to_string()))
                .unwrap()
        };
        let answered = self.ask_of(Service::Order, request).await;
        if let Some((StatusCode::OK, _)) = answered
            && !self.sim.facts().shop.is_said(&order, word.verb())
        {
            self.sim.violation(format!(
                "{word:?} of {order} is granted and no event says so"
            ));
        }
    }
}
