//! `GET /live`: the state of one screen as server-sent events, four times a second at most, and only
//! what has changed. Nothing is computed for a screen that no browser shows.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use fanout_web::Problem;
use futures_util::stream;
use http::Uri;
use serde::Deserialize;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::Page;
use super::frame::{self, Part};
use super::views::{biography, events, flow, letters, processes, projections};

/// How often a screen is drawn at most,
const TICK: Duration = Duration::from_millis(250);
/// and at least: ages grow by themselves.
const IDLE: Duration = Duration::from_secs(1);
/// What is read aloud as it changes, and how seldom it may.
const READ_ALOUD: &str = "needs";
const ALOUD_EACH: Duration = Duration::from_secs(5);
/// How many streams there are at once. A browser has six connections to one host; each stream holds
/// one, and the seventh page would wait for ever.
const MOST_STREAMS: usize = 4;
/// How many messages a slow browser may be behind within one state.
const BEHIND: usize = 16;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    of: String,
}

/// A screen that can be kept current.
enum View {
    Flow,
    Events(events::Filter),
    Biography(String),
    Job(String),
    Processes(processes::Asked),
    Projections,
}

/// What is drawn now, and who looks on.
#[derive(Default)]
pub(crate) struct Streams {
    views: Mutex<HashMap<String, Arc<watch::Sender<Drawn>>>>,
    clients: Mutex<VecDeque<Arc<Notify>>>,
}

/// The parts of a screen as they were last drawn.
type Drawn = Arc<Vec<Part>>;

impl View {
    fn of(address: &str) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let mut path = uri.path().trim_start_matches('/').splitn(2, '/');
        let (screen, id) = (path.next()?, path.next());
        let id = || {
            let bytes = format!("id={}", id?.replace('+', "%2B"));
            let mut pairs = url::form_urlencoded::parse(bytes.as_bytes());
            pairs.next().map(|(_, value)| value.into_owned())
        };
        match (screen, id()) {
            ("", None) => Some(Self::Flow),
            ("events", None) => Query::try_from_uri(&uri).ok().map(|it| Self::Events(it.0)),
            ("events", Some(id)) => Some(Self::Biography(id)),
            ("jobs", Some(id)) => Some(Self::Job(id)),
            ("processes", None) => Query::try_from_uri(&uri)
                .ok()
                .map(|it| Self::Processes(it.0)),
            ("projections", None) => Some(Self::Projections),
            _ => None,
        }
    }

    async fn parts(&self, page: &Page) -> Vec<Part> {
        let mut parts = frame::parts(page).await;
        parts.extend(match self {
            Self::Flow => flow::parts(page).await,
            Self::Events(filter) => events::parts(page, filter),
            Self::Biography(id) => biography::parts(page, id).await,
            Self::Job(id) => letters::parts(page, id),
            Self::Processes(asked) => processes::parts(page, asked).await,
            Self::Projections => projections::parts(page).await,
        });
        parts
    }
}

pub(crate) async fn stream(State(page): State<Arc<Page>>, Query(asked): Query<Asked>) -> Response {
    let Some(view) = View::of(&asked.of) else {
        return Problem::no_such_path().into_response();
    };
    let state = page.streams.watch(&page, &asked.of, view);
    let turn = page.streams.enter();
    let (sender, receiver) = mpsc::channel(BEHIND);
    tokio::spawn(send(Arc::clone(&page), state, turn, sender));
    let events = stream::unfold(receiver, |mut receiver| async {
        let event = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event), receiver))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// Sends what has changed until the browser goes, the process stops, or newer streams need the place.
async fn send(
    page: Arc<Page>,
    mut state: watch::Receiver<Drawn>,
    turn: Arc<Notify>,
    to: mpsc::Sender<Event>,
) {
    let mut sent: HashMap<&'static str, u64> = HashMap::new();
    let mut aloud: Option<Instant> = None;
    loop {
        let parts = Arc::clone(&state.borrow_and_update());
        for part in parts.iter() {
            let is_aloud = part.id == READ_ALOUD;
            if is_aloud && aloud.is_some_and(|at| at.elapsed() < ALOUD_EACH) {
                continue;
            }
            let hash = hash_of(&part.html);
            if sent.insert(part.id, hash) == Some(hash) {
                continue;
            }
            if is_aloud {
                aloud = Some(Instant::now());
            }
            if to.send(event_of(part)).await.is_err() {
                page.streams.leave(&turn);
                return;
            }
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { break },
            () = to.closed() => break,
            () = page.shutdown.requested() => break,
            () = turn.notified() => {
                // The browser is told, so that it does not come back by itself.
                let _ = to.send(Event::default().event("stop").data("-")).await;
                return;
            }
        }
    }
    page.streams.leave(&turn);
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn event_of(part: &Part) -> Event {
    let (id, html) = (part.id, &part.html);
    Event::default().data(format!(
        r##"<hx-partial hx-target="#{id}" hx-swap="innerMorph">{html}</hx-partial>"##
    ))
}

impl Streams {
    fn views(&self) -> MutexGuard<'_, HashMap<String, Arc<watch::Sender<Drawn>>>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; the oldest stream gives its own up where all are taken.
    fn enter(&self) -> Arc<Notify> {
        let turn = Arc::new(Notify::new());
        let mut clients = self.clients();
        clients.push_back(Arc::clone(&turn));
        if clients.len() > MOST_STREAMS
            && let Some(oldest) = clients.pop_front()
        {
            oldest.notify_one();
        }
        turn
    }

    fn leave(&self, turn: &Arc<Notify>) {
        self.clients().retain(|it| !Arc::ptr_eq(it, turn));
    }

    /// The state of a screen, which is drawn as long as there is a receiver of it.
    fn watch(&self, page: &Arc<Page>, name: &str, view: View) -> watch::Receiver<Drawn> {
        let mut views = self.views();
        if let Some(drawn) = views.get(name) {
            return drawn.subscribe();
        }
        let sender = Arc::new(watch::Sender::new(Drawn::default()));
        let receiver = sender.subscribe();
        views.insert(name.to_owned(), Arc::clone(&sender));
        tokio::spawn(draw(Arc::clone(page), name.to_owned(), view, sender));
        receiver
    }

    /// Forgets a screen that no browser shows any more.
    fn is_over(&self, name: &str, sender: &watch::Sender<Drawn>) -> bool {
        let mut views = self.views();
        let over = sender.receiver_count() == 0;
        if over {
            views.remove(name);
        }
        over
    }
}

async fn draw(page: Arc<Page>, name: String, view: View, sender: Arc<watch::Sender<Drawn>>) {
    let mut version = page.hub.version();
    while !page.shutdown.is_requested() {
        version.mark_unchanged();
        let parts = view.parts(&page).await;
        sender.send_replace(Arc::new(parts));
        sleep(TICK).await;
        // A screen on which nothing happens is drawn once a second.
        let _ = timeout(IDLE - TICK, version.changed()).await;
        if page.streams.is_over(&name, &sender) {
            return;
        }
    }
}
