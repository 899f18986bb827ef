//! Food delivery, choreographed: payment, restaurant and driver react to each other's facts, and
//! nothing tells them to. The order's process owns what none of them can: the time. It waits for the
//! critical facts (the payment, the restaurant) up to a deadline each, and for the others not at all.
//!
//! What is known of an order is a set of facts that only grows, so its status is the same in whatever
//! order they come.
//!
//! ```sh
//! cargo run --example food_delivery
//! ```

mod timeline;

use std::collections::BTreeMap;
use std::time::Duration;

use fanout_events::{Domain, Event, EventType, JsonFields, KnownType};
use fanout_outbox::Draft;
use fanout_processes::{
    Emit, Input, Instance, OperateError, Process, ProcessError, Route, Status, Step, StoredProcess,
    Verb, machine,
};
use fanout_runtime::{BoxError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use timeline::{Said, Story, Told, events, minutes, print, seconds};

events! {
    OrderPlaced = "order.placed" { order_id };
    Authorized = "payment.authorized" { order_id };
    Declined = "payment.declined" { order_id };
    Voided = "payment.voided" { order_id };
    Accepted = "order.accepted" { order_id };
    Rejected = "order.rejected" { order_id };
    Confirmed = "order.confirmed" { order_id };
    Cancelled = "order.cancelled" { order_id, reason };
    Assigned = "driver.assigned" { order_id };
    PickedUp = "order.picked_up" { order_id };
    Delivered = "order.delivered" { order_id };
    Rated = "order.rated" { order_id };
}

/// How long the payment may take.
const PAYMENT: Duration = seconds(30);
/// How long the restaurant may take, once it is paid.
const RESTAURANT: Duration = minutes(10);

/// The facts of an order, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fact {
    Paid,
    Accepted,
    DriverAssigned,
    PickedUp,
    Delivered,
    Rated,
}

/// What is known of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    placed_at: Timestamp,
    /// When each fact happened.
    facts: BTreeMap<Fact, Timestamp>,
    /// Why it is cancelled, if it is.
    cancelled: Option<String>,
}

/// What an event says of its order.
enum Says {
    Fact(Fact),
    Refused(&'static str),
}

impl Says {
    fn of(event_type: &str) -> Option<Self> {
        Some(match event_type {
            Authorized::TYPE => Self::Fact(Fact::Paid),
            Accepted::TYPE => Self::Fact(Fact::Accepted),
            Assigned::TYPE => Self::Fact(Fact::DriverAssigned),
            PickedUp::TYPE => Self::Fact(Fact::PickedUp),
            Delivered::TYPE => Self::Fact(Fact::Delivered),
            Rated::TYPE => Self::Fact(Fact::Rated),
            Declined::TYPE => Self::Refused("declined"),
            Rejected::TYPE => Self::Refused("rejected"),
            _ => return None,
        })
    }
}

impl Known {
    /// The critical fact that is waited for: until when, and what it is to miss it. None: nothing
    /// that is still to come can fail the order.
    fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        let Some(paid_at) = self.facts.get(&Fact::Paid) else {
            return Some((self.placed_at + PAYMENT, "payment_timed_out"));
        };
        let accepted = self.facts.contains_key(&Fact::Accepted);
        (!accepted).then_some((*paid_at + RESTAURANT, "restaurant_timed_out"))
    }

    /// The join: a cancelled order stays so; otherwise the last of the facts is the status.
    fn status(&self) -> String {
        match (&self.cancelled, self.facts.last_key_value()) {
            (Some(reason), _) => format!("cancelled: {reason}"),
            (None, None) => "placed".to_owned(),
            (None, Some((fact, _))) => json!(fact).as_str().unwrap_or_default().to_owned(),
        }
    }
}

/// The process of an order.
struct FoodOrder;

impl FoodOrder {
    /// What follows from what is known.
    fn settled(mut instance: Instance<Known>) -> Result<Step<Known>, ProcessError> {
        let (id, known) = (instance.key.clone(), &instance.state);
        let (status, wake) = match (&known.cancelled, known.deadline()) {
            (Some(_), _) => (Status::Compensated, None),
            (None, Some((until, _))) => (Status::Running, Some(until)),
            (None, None) => (Status::Completed, None),
        };
        let mut emit = Vec::new();
        if instance.status == Status::Running {
            let order_id = id.clone();
            if let Some(reason) = known.cancelled.clone() {
                let cancelled = Cancelled { order_id, reason };
                emit.push(Emit::Fact(Draft::of(id, 2, &cancelled)?));
            } else if status == Status::Completed {
                emit.push(Emit::Fact(Draft::of(id, 2, &Confirmed { order_id })?));
            }
        }
        instance.status = status;
        Ok(Step {
            instance,
            emit,
            writes: Vec::new(),
            wake,
        })
    }
}

impl Process for FoodOrder {
    type State = Known;

    fn name(&self) -> &'static str {
        "food_order"
    }

    fn version(&self) -> u32 {
        1
    }

    fn listens(&self) -> Vec<(&'static Domain, KnownType)> {
        let heard = DOMAIN.types.iter().filter(|it| Says::of(it.name).is_some());
        heard.map(|known| (&DOMAIN, *known)).collect()
    }

    fn route(&self, event: &Event) -> Option<Route> {
        let data = JsonFields::new("data.", &event.data.0);
        Some(Route {
            key: data.identifier("order_id").ok()?.to_owned(),
            starts: false,
        })
    }

    fn start(&self, key: &str, _: &Event, now: Timestamp) -> Result<Step<Known>, ProcessError> {
        Self::settled(Instance {
            key: key.to_owned(),
            status: Status::Running,
            state: Known {
                placed_at: now,
                facts: BTreeMap::new(),
                cancelled: None,
            },
            steps: Vec::new(),
            failure: None,
        })
    }

    fn on(
        &self,
        mut instance: Instance<Known>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<Known>>, ProcessError> {
        let is_open = instance.status.is_open();
        let known = &mut instance.state;
        match input {
            Input::Event(event) => match Says::of(&event.event_type) {
                Some(Says::Fact(fact)) => {
                    known.facts.entry(fact).or_insert(event.timestamp);
                }
                Some(Says::Refused(why)) if is_open => known.cancelled = Some(why.to_owned()),
                Some(Says::Refused(_)) | None => return Ok(None),
            },
            Input::Due => {
                let missed = known.deadline().filter(|(until, _)| *until <= now);
                known.cancelled = missed.map(|(_, why)| why.to_owned());
            }
        }
        Self::settled(instance).map(Some)
    }

    /// An order can be cancelled as long as it is not confirmed; there is nothing else to say.
    fn operate(
        &self,
        mut instance: Instance<Known>,
        verb: &Verb,
        _: Timestamp,
    ) -> Result<Step<Known>, OperateError> {
        let Verb::Compensate { reason } = verb else {
            return Err(OperateError::NotAwaited);
        };
        if !instance.status.is_open() {
            return Err(OperateError::Ended);
        }
        instance.state.cancelled = Some((*reason).to_owned());
        Ok(Self::settled(instance)?)
    }
}

/// How an actor takes what falls to it.
#[derive(Clone, Copy)]
enum Act {
    Does(Duration),
    Refuses(Duration),
    IsAway,
}

impl Act {
    fn says(self, by: &'static str, done: &impl EventType, refused: &impl EventType) -> Vec<Said> {
        match self {
            Self::Does(after) => vec![Said::new(by, after, done)],
            Self::Refuses(after) => vec![Said::new(by, after, refused)],
            Self::IsAway => Vec::new(),
        }
    }
}

/// Who takes part, and how.
#[derive(Clone, Copy)]
struct Town {
    payment: Act,
    restaurant: Act,
    driver: Option<Duration>,
}

const ORDER: &str = "ord_1";
const WELL: Town = Town {
    payment: Act::Does(seconds(2)),
    restaurant: Act::Does(minutes(3)),
    driver: Some(minutes(4)),
};
const DRIVERLESS: Town = Town {
    driver: None,
    ..WELL
};

impl Town {
    /// What the actors say to events. One that has heard that the order is cancelled does nothing
    /// more for it, and takes back what it did.
    fn actors(self) -> impl FnMut(&Event) -> Vec<Said> {
        let mut cancelled = false;
        move |event| {
            cancelled |= event.event_type == Cancelled::TYPE;
            let said = match (event.event_type.as_str(), cancelled) {
                (Cancelled::TYPE, _) => Said::new("payment", seconds(20), &Voided::new(ORDER)),
                (OrderPlaced::TYPE, false) => {
                    let (done, refused) = (Authorized::new(ORDER), Declined::new(ORDER));
                    return self.payment.says("payment", &done, &refused);
                }
                (Authorized::TYPE, false) => {
                    let (done, refused) = (Accepted::new(ORDER), Rejected::new(ORDER));
                    return self.restaurant.says("restaurant", &done, &refused);
                }
                (Accepted::TYPE, false) => match self.driver {
                    Some(after) => Said::new("driver", after, &Assigned::new(ORDER)),
                    None => return Vec::new(),
                },
                (Assigned::TYPE, false) => Said::new("driver", minutes(9), &PickedUp::new(ORDER)),
                (PickedUp::TYPE, false) => Said::new("driver", minutes(14), &Delivered::new(ORDER)),
                (Delivered::TYPE, false) => Said::new("guest", minutes(50), &Rated::new(ORDER)),
                _ => return Vec::new(),
            };
            vec![said]
        }
    }
}

/// A bus that delivers each fact so many seconds after the order, in whatever order that is.
fn in_disorder(after: [u64; 6]) -> impl FnMut(&Event) -> Vec<Said> {
    move |event| {
        let [paid, accepted, assigned, picked_up, delivered, rated] = after.map(seconds);
        if event.event_type != OrderPlaced::TYPE {
            return Vec::new();
        }
        vec![
            Said::new("payment", paid, &Authorized::new(ORDER)),
            Said::new("restaurant", accepted, &Accepted::new(ORDER)),
            Said::new("driver", assigned, &Assigned::new(ORDER)),
            Said::new("driver", picked_up, &PickedUp::new(ORDER)),
            Said::new("driver", delivered, &Delivered::new(ORDER)),
            Said::new("guest", rated, &Rated::new(ORDER)),
        ]
    }
}

fn known(stored: &StoredProcess) -> Option<Known> {
    serde_json::from_value(stored.instance.state.clone()).ok()
}

async fn told(actors: impl FnMut(&Event) -> Vec<Said>) -> Result<Told, BoxError> {
    let story = Story {
        machine: machine(FoodOrder),
        key: ORDER,
        fact: &OrderPlaced::new(ORDER),
        shown: |stored| known(stored).map_or_else(String::new, |known| known.status()),
    };
    story.told(actors).await
}

/// A good run, and each failure.
async fn stories() -> Result<String, BoxError> {
    let paying = |payment| Town { payment, ..WELL };
    let eating_at = |restaurant| Town { restaurant, ..WELL };
    let rejects = eating_at(Act::Refuses(minutes(1)));
    let pays_late = paying(Act::Does(seconds(45)));
    let towns = [
        ("All goes well", WELL),
        ("No driver is there: the order does not wait", DRIVERLESS),
        ("The card is declined", paying(Act::Refuses(seconds(2)))),
        ("The restaurant rejects the order", rejects),
        ("The payment is silent", paying(Act::IsAway)),
        ("The payment comes too late, and is taken back", pays_late),
        ("The restaurant is silent", eating_at(Act::IsAway)),
    ];
    let mut all = String::new();
    for (title, town) in towns {
        all += &format!("{title}\n{}\n", told(town.actors()).await?.timeline);
    }
    let backwards = told(in_disorder([25, 20, 15, 10, 5, 1])).await?;
    Ok(all + "The bus delivers backwards\n" + &backwards.timeline)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    print(&stories().await?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_good_run_and_each_failure_go_like_this() {
        insta::assert_snapshot!(stories().await.unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn the_status_is_the_same_in_whatever_order_facts_come(
            paid in 0..30_u64,
            accepted in 0..300_u64,
            others in prop::array::uniform4(0..5000_u64),
        ) {
            let [assigned, picked_up, delivered, rated] = others;
            let after = [paid, accepted, assigned, picked_up, delivered, rated];
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let end = runtime.block_on(told(in_disorder(after))).unwrap().end;
            prop_assert_eq!(end.instance.status, Status::Completed);
            let known = known(&end).unwrap();
            prop_assert_eq!(known.status(), "rated");
            prop_assert_eq!(known.facts.len(), 6);
        }
    }

    #[tokio::test]
    async fn the_order_is_confirmed_at_the_same_moment_without_a_driver() {
        let confirmed = async |town: Town| {
            let told = told(town.actors()).await.unwrap();
            let mut lines = told.timeline.lines();
            lines
                .find(|line| line.contains(Confirmed::TYPE))
                .map(str::to_owned)
        };
        let without = confirmed(DRIVERLESS).await;
        assert!(without.is_some());
        assert_eq!(without, confirmed(WELL).await);
    }
}
