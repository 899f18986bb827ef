//! The page of `fanout up`: what happens in the running system, and what can be done about it. Served
//! on this machine alone. The server writes every page whole; a little JavaScript keeps it current.

mod actions;
mod assets;
mod cell;
mod find_message;
mod frame;
mod guard;
mod hub;
mod live;
mod remember;
mod switches;
#[cfg(test)]
mod tests;
mod views;
mod words;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use fanout_bus::{Publisher, Topology};
use fanout_bus_local::{Backlog, Broker};
use fanout_kernel::{ServiceSpec, Subscriber};
use fanout_outbox::find_waiting;
use fanout_processes::Engine as ProcessEngine;
use fanout_projections::{Projections, Rebuilds};
use fanout_runtime::{Clock, Shutdown, Timestamp};
use fanout_store::Documents;
use fanout_web::with_fallbacks;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use crate::operator::Operator;
use crate::up::Urls;
use actions::{ActionLog, Jobs, Plans};
use live::Streams;
use switches::Switches;

pub(crate) use hub::{Hub, SeenPublisher, hub_listener};
pub(crate) use switches::Switches as FaultSwitches;
pub(crate) use views::wire::TRACE_ID;

/// For how long what waits is not asked for again: the answer is one look at every waiting message.
const BACKLOG_KEPT: Duration = Duration::from_secs(1);

/// For how long what is not published is not asked for again.
const UNPUBLISHED_KEPT: Duration = Duration::from_secs(5);

/// All that the page's handlers share.
pub(crate) struct Page {
    parts: Parts,
    backlogs: Mutex<Option<(Instant, Backlogs)>>,
    unpublished: Mutex<Option<(Instant, Option<Unpublished>)>>,
    remembered: OnceCell<()>,
    pub(crate) streams: Streams,
    pub(crate) log: ActionLog,
    pub(crate) plans: Plans,
    pub(crate) jobs: Jobs,
}

/// What waits, by subscription.
pub(crate) type Backlogs = Arc<BTreeMap<String, Backlog>>;

/// How many events wait in the outbox, the id of the oldest, and since when that waits.
type Unpublished = (u64, String, Timestamp);

/// What a page is made of.
pub(crate) struct Parts {
    pub(crate) port: u16,
    /// The secret that every change must bring.
    pub(crate) token: String,
    pub(crate) read_only: bool,
    pub(crate) hub: Arc<Hub>,
    pub(crate) switches: Arc<Switches>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) operator: Operator,
    /// The embedded bus; none on Google's emulators, of which less can be seen and nothing broken.
    pub(crate) broker: Option<Broker>,
    /// The topology as it is when nothing is broken.
    pub(crate) wanted: Topology,
    /// The services that run.
    pub(crate) services: Vec<&'static ServiceSpec>,
    pub(crate) urls: Urls,
    pub(crate) processes: ProcessEngine,
    pub(crate) projections: Projections,
    pub(crate) rebuilds: Rebuilds,
    /// Where a trace can be looked at, with [`TRACE_ID`] in the place of its id.
    pub(crate) trace_url: Option<String>,
    /// Where discarded letters are written.
    pub(crate) data_dir: PathBuf,
    pub(crate) shutdown: Shutdown,
}

impl Deref for Page {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Page {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            backlogs: Mutex::default(),
            unpublished: Mutex::default(),
            remembered: OnceCell::new(),
            streams: Streams::default(),
            log: ActionLog::default(),
            plans: Plans::default(),
            jobs: Jobs::default(),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The consumers of the services that run, in the table's order.
    pub(crate) fn consumers(&self) -> impl Iterator<Item = &'static Subscriber> {
        let services = self.services.iter();
        services.filter_map(|spec| spec.subscriber.as_ref())
    }

    /// The consumer of this name, if its service runs.
    pub(crate) fn consumer(&self, name: &str) -> Option<&'static Subscriber> {
        self.consumers().find(|it| it.consumer == name)
    }

    /// What waits for each subscription; unknown on Google's emulators, which do not tell it.
    pub(crate) async fn backlogs(&self) -> Option<Backlogs> {
        let broker = self.broker.as_ref()?;
        let mut kept = self.backlogs.lock().await;
        if let Some((at, known)) = kept.as_ref()
            && at.elapsed() < BACKLOG_KEPT
        {
            return Some(Arc::clone(known));
        }
        let found = Arc::new(broker.backlogs().await.ok()?);
        let waiting = { found.iter() }
            .filter(|(name, _)| !name.ends_with("-dead-letters"))
            .map(|(_, backlog)| backlog.messages);
        let waiting = waiting.sum();
        self.hub.look().meters.waiting(waiting, self.now());
        *kept = Some((Instant::now(), Arc::clone(&found)));
        Some(found)
    }

    /// What is stored and not published; none if there is nothing, or it cannot be read.
    async fn unpublished(&self) -> Option<Unpublished> {
        let mut kept = self.unpublished.lock().await;
        if let Some((at, known)) = kept.as_ref()
            && at.elapsed() < UNPUBLISHED_KEPT
        {
            return known.clone();
        }
        let waiting = find_waiting(self.documents.as_ref(), 1).await.ok()?;
        let count = u64::try_from(waiting.rows.len()).unwrap_or(u64::MAX);
        let oldest = waiting.rows.into_iter().next();
        let found = oldest.map(|row| (count, row.event_id, row.recorded_at));
        *kept = Some((Instant::now(), found.clone()));
        found
    }

    /// Asks for what waits anew: something was done about it.
    pub(crate) async fn forget_backlogs(&self) {
        *self.backlogs.lock().await = None;
    }
}

/// The routes, and these that need no page, behind the guard.
pub(crate) fn routes(page: &Arc<Page>, more: Router) -> Router {
    let reading = Router::new()
        .route("/", get(views::flow::show))
        .route("/events", get(views::events::show))
        .route("/events/{id}", get(views::biography::show))
        .route("/events/{id}/payload", get(views::payload::show))
        .route("/events/{id}/payload.json", get(views::payload::download))
        .route("/requests/{id}", get(views::related::request))
        .route("/users/{id}", get(views::related::user))
        .route("/dead-letters", get(views::letters::show))
        .route("/dead-letters/plan", get(views::letters::plan))
        .route("/dead-letters/{consumer}/{id}", get(views::letter::show))
        .route("/jobs/{id}", get(views::letters::job))
        .route("/processes", get(views::processes::show))
        .route("/processes/{name}/{key}", get(views::processes::one))
        .route("/projections", get(views::projections::show))
        .route("/try", get(views::try_it::show))
        .route("/live", get(live::stream))
        .route("/assets/{name}", get(assets::asset));
    let acting = Router::new()
        .route("/try/sign-up", post(actions::sign_up))
        .route("/try/order", post(actions::order))
        .route("/try/publish", post(actions::publish))
        .route("/try/garbage", post(actions::garbage))
        .route("/try/fault", post(actions::fault))
        .route("/try/mischief", post(actions::mischief))
        .route("/events/{id}/again", post(actions::again))
        .route("/dead-letters/redrive", post(actions::redrive))
        .route("/dead-letters/discard", post(actions::discard))
        .route("/processes/{name}/{key}/{verb}", post(actions::verb))
        .route("/projections/{name}/{verb}", post(actions::move_projection));
    with_fallbacks(
        reading
            .merge(acting)
            .with_state(Arc::clone(page))
            .merge(more),
    )
    .layer(from_fn_with_state(Arc::clone(page), guard::let_in))
}
