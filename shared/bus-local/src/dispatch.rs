//! The loop of each push subscription: fetch what is due, push it, see what came of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::{DRAIN, Shutdown, Timestamp, error_chain};
use rusqlite::Connection;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::task::JoinMap;
use tracing::{error, info, warn};

use super::broker::Broker;
use super::deliver::{Delivered, Deliverer};
use super::error::BrokerError;
use super::flow_control::{FlowControl, Room};
use super::housekeeping;
use super::lease::{self, LeasedMessage};
use super::push::{PushAnswer, PushClient};
use super::subscriptions::{self, Stored};

/// How long to wait before the file is asked again after it failed, and before a loop that broke off
/// starts again.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// The longest sleep: a machine that was suspended finds out that time has passed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How many more messages than there is room for are shuffled when order is to be disturbed.
const DISTURBED: usize = 256;

impl Broker {
    /// Delivers to push subscriptions and drops what was kept long enough, until `shutdown`; then
    /// lets deliveries under way finish for at most [`DRAIN`]. Run it once for each file.
    ///
    /// What is still under way then is neither acked nor counted as failed: it is due at the next
    /// start. So is a delivery that fails after `shutdown`, as its endpoint may be stopping too.
    pub async fn run(&self, shutdown: Shutdown) {
        housekeeping::tidy_up(self).await;
        let tidying = housekeeping::run(self, &shutdown);
        tokio::join!(run(self, shutdown.clone()), tidying);
    }
}

/// Runs a loop for each subscription, also for those that come later, until `shutdown`.
async fn run(broker: &Broker, shutdown: Shutdown) {
    // Dropping this future stops the loops as well.
    let mut loops: JoinMap<i64, ()> = JoinMap::new();
    let client = PushClient::new();
    let mut topology = broker.watch_topology();
    while !shutdown.is_requested() {
        topology.mark_unchanged();
        let all = broker.call(|_, file| Ok(subscriptions::all(file)?));
        let pause = match all.await {
            Ok(all) => {
                for stored in all {
                    let id = stored.id;
                    if !loops.contains_key(&id) {
                        let dispatcher = Dispatcher::new(broker, stored, &client, &shutdown);
                        loops.spawn(id, dispatcher.run());
                    }
                }
                Duration::MAX
            }
            Err(error) => {
                error!(error = error_chain(&error), "cannot read the subscriptions");
                AFTER_FAULT
            }
        };
        tokio::select! {
            () = shutdown.requested() => {}
            _ = topology.changed() => {}
            // Its subscription was deleted, whose number a new one may have; or it broke off.
            Some((_, ended)) = loops.join_next() => if let Err(error) = ended {
                error!(%error, "the loop of a subscription broke off and starts again");
                let _ = timeout(AFTER_FAULT, shutdown.requested()).await;
            },
            () = sleep(pause) => {}
        }
    }
    while loops.join_next().await.is_some() {}
}

struct Dispatcher {
    /// With the subscription as it was read last.
    deliverer: Deliverer,
    flow: FlowControl,
    /// By message.
    deliveries: JoinMap<i64, Delivered>,
    messages: watch::Receiver<()>,
    topology: watch::Receiver<()>,
    /// More messages were due at the last fetch than there was room for.
    backlog: bool,
    reachable: bool,
}

/// What one look into the file found. The settings are read each time, so that changes take effect
/// at once.
struct Fetched {
    subscription: Stored,
    deliveries: Vec<LeasedMessage>,
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
    /// Never: the subscription was deleted.
    Deleted,
    /// After [`AFTER_FAULT`], whatever comes: the file has trouble.
    Failed,
}

impl Dispatcher {
    fn new(broker: &Broker, stored: Stored, client: &PushClient, shutdown: &Shutdown) -> Self {
        Self {
            deliverer: Deliverer {
                broker: broker.clone(),
                client: client.clone(),
                subscription: Arc::new(stored),
                shutdown: shutdown.clone(),
            },
            flow: FlowControl::new(),
            deliveries: JoinMap::new(),
            messages: broker.watch_messages(),
            topology: broker.watch_topology(),
            backlog: false,
            reachable: true,
        }
    }

    async fn run(mut self) {
        let shutdown = self.deliverer.shutdown.clone();
        while !shutdown.is_requested() {
            let pause = self.start_due().await;
            if matches!(pause, Pause::Deleted) {
                // What is under way is cut: its result has no row left.
                return;
            }
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
        let ended = self.deliveries.try_join_next();
        self.finish(ended);
        let Some(room) = self.flow.room(self.backlog) else {
            return Pause::NoRoom;
        };
        // Before the file is asked: what comes from here on is noticed.
        self.messages.mark_unchanged();
        self.topology.mark_unchanged();
        let fetched = match self.fetch(room).await {
            Ok(fetched) => fetched,
            Err(pause) => return pause,
        };
        self.backlog = fetched.backlog;
        self.deliverer.subscription = Arc::new(fetched.subscription);
        for delivery in fetched.deliveries {
            let message_id = delivery.message_id;
            self.flow.started(message_id, delivery.bytes);
            let delivered = self.deliverer.clone().deliver(delivery);
            self.deliveries.spawn(message_id, delivered);
        }
        let wait = fetched
            .next_due
            .map(|due| due - self.deliverer.broker.now());
        let wait = wait.map_or(LONGEST_SLEEP, |wait| wait.to_std().unwrap_or_default());
        Pause::Idle(wait.min(LONGEST_SLEEP))
    }

    async fn fetch(&self, room: Room) -> Result<Fetched, Pause> {
        let (id, in_flight) = (self.deliverer.subscription.id, self.flow.in_flight());
        // Behind the commit of what it was woken for; it writes nothing, so it needs no sync.
        let broker = &self.deliverer.broker;
        let fetched =
            broker.call_lazily(move |broker, file| fetch(broker, file, id, &in_flight, room));
        fetched.await.unwrap_or_else(|error| {
            error!(error = error_chain(&error), "cannot fetch due messages");
            Err(Pause::Failed)
        })
    }

    async fn wait(&mut self, pause: Pause) {
        match pause {
            Pause::NoRoom => {
                let finished = self.deliveries.join_next().await;
                self.finish(finished);
            }
            Pause::Idle(time) => self.until_some_may_be_due(Instant::now() + time).await,
            Pause::NotPushing => {
                // Fails only without a broker, and this holds one.
                let _ = self.topology.changed().await;
            }
            Pause::Deleted => {}
            Pause::Failed => sleep(AFTER_FAULT).await,
        }
    }

    /// A message that was acked leaves nothing to look for: where no other waited, none waits now.
    async fn until_some_may_be_due(&mut self, time: Instant) {
        loop {
            let finished = tokio::select! {
                Some(finished) = self.deliveries.join_next() => Some(finished),
                _ = self.messages.changed() => return,
                () = sleep_until(time) => return,
            };
            if self.finish(finished) || self.backlog {
                return;
            }
        }
    }

    /// Takes note of a delivery that has ended, and of all others that have; whether messages may be
    /// due by them.
    fn finish(&mut self, first: Option<(i64, Result<Delivered, JoinError>)>) -> bool {
        let mut look_again = false;
        let mut next = first;
        while let Some((message, finished)) = next {
            match finished {
                Ok(delivered) => {
                    self.note(message, &delivered.answer);
                    look_again |= delivered.look_again;
                }
                Err(error) => {
                    error!(%error, "a delivery broke off; it starts again");
                    self.flow.finished(message, false);
                    look_again = true;
                }
            }
            next = self.deliveries.try_join_next();
        }
        look_again
    }

    fn note(&mut self, message: i64, answer: &PushAnswer) {
        self.flow.finished(message, *answer == PushAnswer::Acked);
        let subscription = self.deliverer.subscription.settings.name.as_str();
        match (answer, self.reachable) {
            (PushAnswer::Unreachable(reason), true) => {
                warn!(
                    subscription,
                    reason, "the push endpoint cannot be reached: messages wait"
                );
                self.reachable = false;
            }
            (PushAnswer::Acked | PushAnswer::Refused(_), false) => {
                info!(subscription, "the push endpoint can be reached again");
                self.reachable = true;
            }
            (PushAnswer::Unreachable(_), false)
            | (PushAnswer::DeadlineExceeded, _)
            | (PushAnswer::Acked | PushAnswer::Refused(_), true) => {}
        }
    }
}

/// Due messages, for which there is room; or why there is nothing to push.
fn fetch(
    broker: &Broker,
    file: &Connection,
    subscription: i64,
    in_flight: &HashSet<i64>,
    room: Room,
) -> Result<Result<Fetched, Pause>, BrokerError> {
    let Some(stored) = subscriptions::by_id(file, subscription)? else {
        return Ok(Err(Pause::Deleted));
    };
    if stored.settings.push_endpoint.is_none() {
        return Ok(Err(Pause::NotPushing));
    }
    let now = broker.now();
    let disturb = broker.mischief().reorder && !stored.settings.ordered;
    let most = room.messages + if disturb { DISTURBED } else { 0 };
    // One more than there is room for tells whether there are more.
    let mut due = lease::due(file, subscription, now, in_flight, most + 1)?;
    if disturb {
        broker.mischief().disturb_order(&mut due, broker.ids());
    }
    let deliveries = lease::load(broker, file, &stored, &due, room)?;
    Ok(Ok(Fetched {
        backlog: due.len() > deliveries.len(),
        deliveries,
        next_due: lease::next_due(file, subscription, now)?,
        subscription: stored,
    }))
}
