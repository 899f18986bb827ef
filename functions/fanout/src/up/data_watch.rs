//! The end of a system whose data directory was removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use fanout_runtime::Shutdown;
use fanout_web::Problem;
use tokio::time::sleep;
use tracing::error;

use super::data_dir::DataDir;

/// How soon a removal is seen while no request is answered.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks after a data directory while a system runs on it.
pub(super) struct DataWatch {
    data: DataDir,
    shutdown: Shutdown,
    missed: AtomicBool,
}

impl DataWatch {
    pub(super) fn new(data: DataDir, shutdown: Shutdown) -> Arc<Self> {
        let missed = AtomicBool::new(false);
        Arc::new(Self {
            data,
            shutdown,
            missed,
        })
    }

    /// Lets no answer out that tells of something stored in files that are gone.
    pub(super) fn guard(self: &Arc<Self>, routes: Router) -> Router {
        routes.layer(from_fn_with_state(Arc::clone(self), answer))
    }

    /// Looks until the shutdown, which it asks for if the directory is removed.
    pub(super) async fn run(self: Arc<Self>) {
        while self.look() {
            tokio::select! {
                () = self.shutdown.requested() => return,
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// An error if the directory was removed.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        if self.look() {
            return Ok(());
        }
        bail!(
            "the data directory {} was removed while it was in use, and what was stored in it is lost",
            self.data.path().display()
        )
    }

    fn look(&self) -> bool {
        let whole = self.data.is_whole();
        if !whole && !self.missed.swap(true, Ordering::Relaxed) {
            let data = self.data.path().display();
            error!(%data, "the data directory was removed: nothing can be stored any more, stopping");
            self.shutdown.start();
        }
        whole
    }
}

async fn answer(State(watch): State<Arc<DataWatch>>, request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    if watch.look() {
        answer
    } else {
        Problem::unavailable().into_response()
    }
}
