//! The loop of each push subscription: fetch what is due, push it, see what came of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::{DRAIN, Shutdown, Timestamp, error_chain};
use rusqlite::Connection;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::broker::Broker;
use super::deliver::{Delivered, Deliverer};
use super::error::BrokerError;
use super::flow_control::{FlowControl, Room};
use super::lease::{self, Delivery};
use super::push::{Answer, PushClient};
use super::subscriptions::{self, Stored};

/// How long to wait before the file is asked again after it failed.
const AFTER_DATABASE_ERROR: Duration = Duration::from_secs(1);
/// The longest sleep: a machine that was suspended finds out that time has passed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How many more messages than there is room for are shuffled when order is to be disturbed.
const DISTURBED: usize = 256;

/// Runs a loop for each subscription, also for those that come later, until `shutdown`.
pub(super) async fn run(broker: &Broker, shutdown: Shutdown) {
    // Dropping this future stops the loops as well.
    let mut loops = JoinSet::new();
    let client = PushClient::new();
    let mut topology = broker.watch_topology();
    let mut started = HashSet::new();
    while !shutdown.is_requested() {
        topology.mark_unchanged();
        let all = broker
            .database()
            .call::<_, BrokerError>(|file| Ok(subscriptions::all(file)?));
        let pause = match all.await {
            Ok(all) => {
                let new = all.into_iter().filter(|stored| started.insert(stored.id));
                for stored in new {
                    let dispatcher = Dispatcher::new(broker, stored, &client, &shutdown);
                    loops.spawn(dispatcher.run());
                }
                Duration::MAX
            }
            Err(error) => {
                error!(error = error_chain(&error), "cannot read the subscriptions");
                AFTER_DATABASE_ERROR
            }
        };
        tokio::select! {
            () = shutdown.requested() => {}
            _ = topology.changed() => {}
            () = sleep(pause) => {}
        }
    }
    loops.join_all().await;
}

/// One subscription's loop.
struct Dispatcher {
    broker: Broker,
    subscription: i64,
    name: String,
    client: PushClient,
    shutdown: Shutdown,
    flow: FlowControl,
    deliveries: JoinSet<Delivered>,
    messages: watch::Receiver<()>,
    topology: watch::Receiver<()>,
    /// More messages were due at the last fetch than there was room for.
    backlog: bool,
    reachable: bool,
}

/// What one look into the file found. The settings are read each time, so that changes take effect
/// at once.
struct Fetched {
    subscription: Arc<Stored>,
    deliveries: Vec<Delivery>,
    backlog: bool,
    next_due: Option<Timestamp>,
}

/// When to look into the file again.
enum Pause {
    /// When a delivery has ended.
    NoRoom,
    /// When messages come, a delivery has ended, or after this time.
    Idle(Duration),
    /// When the settings change: it is no push subscription.
    NotPushing,
    /// After this time, whatever comes: the file has trouble.
    Failed(Duration),
}

impl Dispatcher {
    fn new(broker: &Broker, stored: Stored, client: &PushClient, shutdown: &Shutdown) -> Self {
        Self {
            broker: broker.clone(),
            subscription: stored.id,
            name: stored.settings.name,
            client: client.clone(),
            shutdown: shutdown.clone(),
            flow: FlowControl::new(),
            deliveries: JoinSet::new(),
            messages: broker.watch_messages(),
            topology: broker.watch_topology(),
            backlog: false,
            reachable: true,
        }
    }

    async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        while !shutdown.is_requested() {
            let pause = self.start_due().await;
            tokio::select! {
                () = shutdown.requested() => {}
                () = self.wait(pause) => {}
            }
        }
        let drained = async { while self.deliveries.join_next().await.is_some() {} };
        if timeout(DRAIN, drained).await.is_err() {
            warn!("deliveries were still under way after the drain; they start again next time");
        }
    }

    /// Starts as many deliveries as there is room for.
    async fn start_due(&mut self) -> Pause {
        let Some(room) = self.flow.room(self.backlog) else {
            return Pause::NoRoom;
        };
        // Before the file is asked: what comes from here on is noticed.
        self.messages.mark_unchanged();
        self.topology.mark_unchanged();
        let fetched = match self.fetch(room).await {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return Pause::NotPushing,
            Err(error) => {
                error!(error = error_chain(&error), "cannot fetch due messages");
                return Pause::Failed(AFTER_DATABASE_ERROR);
            }
        };
        self.backlog = fetched.backlog;
        let deliverer = Deliverer {
            broker: self.broker.clone(),
            client: self.client.clone(),
            subscription: fetched.subscription,
            shutdown: self.shutdown.clone(),
        };
        for delivery in fetched.deliveries {
            let bytes = delivery.message.data.len();
            self.flow.started(delivery.message_id, bytes);
            self.deliveries.spawn(deliverer.clone().deliver(delivery));
        }
        let wait = fetched.next_due.map(|due| due - self.broker.now());
        let wait = wait.map_or(LONGEST_SLEEP, |wait| wait.to_std().unwrap_or_default());
        Pause::Idle(wait.min(LONGEST_SLEEP))
    }

    async fn fetch(&self, room: Room) -> Result<Option<Fetched>, BrokerError> {
        let (broker, id) = (self.broker.clone(), self.subscription);
        let in_flight = self.flow.in_flight();
        self.broker
            .database()
            .call(move |file| fetch(&broker, file, id, &in_flight, room))
            .await
    }

    async fn wait(&mut self, pause: Pause) {
        match pause {
            Pause::NoRoom => {
                let finished = self.deliveries.join_next().await;
                self.finish(finished);
            }
            Pause::Idle(time) => {
                let finished = tokio::select! {
                    Some(finished) = self.deliveries.join_next() => Some(finished),
                    _ = self.messages.changed() => None,
                    () = sleep(time) => None,
                };
                self.finish(finished);
            }
            Pause::NotPushing => {
                // Fails only without a broker, and this holds one.
                let _ = self.topology.changed().await;
            }
            Pause::Failed(time) => sleep(time).await,
        }
    }

    /// Takes note of a delivery that has ended, and of all others that have.
    fn finish(&mut self, first: Option<Result<Delivered, JoinError>>) {
        let mut next = first;
        while let Some(finished) = next {
            match finished {
                Ok(delivered) => self.note(&delivered),
                Err(error) => error!(%error, "a delivery broke off; it starts again next time"),
            }
            next = self.deliveries.try_join_next();
        }
    }

    fn note(&mut self, delivered: &Delivered) {
        let acked = delivered.answer == Answer::Acked;
        self.flow.finished(delivered.message_id, acked);
        let subscription = self.name.as_str();
        match (&delivered.answer, self.reachable) {
            (Answer::Unreachable(reason), true) => {
                warn!(
                    subscription,
                    reason, "the push endpoint cannot be reached: messages wait"
                );
                self.reachable = false;
            }
            (Answer::Acked | Answer::Refused(_), false) => {
                info!(subscription, "the push endpoint can be reached again");
                self.reachable = true;
            }
            (Answer::Unreachable(_), false)
            | (Answer::DeadlineExceeded, _)
            | (Answer::Acked | Answer::Refused(_), true) => {}
        }
    }
}

/// `None` if it is not, or no longer, a push subscription.
fn fetch(
    broker: &Broker,
    file: &Connection,
    subscription: i64,
    in_flight: &HashSet<i64>,
    room: Room,
) -> Result<Option<Fetched>, BrokerError> {
    let stored = subscriptions::by_id(file, subscription)?;
    let Some(stored) = stored.filter(|stored| stored.settings.push_endpoint.is_some()) else {
        return Ok(None);
    };
    let now = broker.now();
    let settings = &stored.settings;
    let disturb = broker.mischief().reorder && !settings.ordered;
    let most = room.messages + if disturb { DISTURBED } else { 0 };
    // One more than there is room for tells whether there are more.
    let mut due = lease::due(file, subscription, now, in_flight, most + 1)?;
    if disturb {
        broker.mischief().disturb_order(&mut due, broker.ids());
    }
    let deliveries = lease::load(file, subscription, settings, broker.project(), &due, room)?;
    Ok(Some(Fetched {
        backlog: due.len() > deliveries.len(),
        deliveries,
        next_due: lease::next_due(file, subscription, now)?,
        subscription: Arc::new(stored),
    }))
}
