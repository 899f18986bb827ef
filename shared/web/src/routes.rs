//! The routes of a service that may still be being made.

use std::sync::Arc;

use axum::Router;
use tokio::sync::SetOnce;

use crate::health::{HEALTH, health_route};
use crate::with_fallbacks;

/// There once the service is made. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Routes(Arc<SetOnce<Router>>);

impl Routes {
    /// Of a service that is made.
    pub(crate) fn of(router: Router) -> Self {
        Self(Arc::new(SetOnce::new_with(Some(router))))
    }

    /// The service is made, and has these. Only the first ones count.
    pub(crate) fn set(&self, router: Router) {
        let _ = self.0.set(router);
    }

    /// What answers a request for this path: the service, once it is made. Until then only whether the
    /// process lives can be answered, and all else waits.
    pub(crate) async fn to_answer(&self, path: &str) -> Router {
        if self.0.get().is_none() && path == HEALTH {
            return with_fallbacks(health_route());
        }
        self.0.wait().await.clone()
    }
}
