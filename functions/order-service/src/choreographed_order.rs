//! The process of an order that nobody is asked for: participants react to each other's facts. It
//! joins what they say, in whatever order that comes, and is the one that keeps time: what does not
//! come to an end it withdraws.
//!
//! Forward, each fact makes the next participant act: `order.created` reserves, `inventory.reserved`
//! charges, `payment.captured` ships. Back, each makes the one before undo: `shipment.refused`
//! refunds, `payment.refunded` and `payment.declined` release. `order.withdrawn` begins the way back
//! at its far end: shipping ships it no more, or says that it has.

mod join;

use std::sync::Arc;

use fanout_contracts::order::{CHOREOGRAPHED, OrderCreated};
use fanout_contracts::{inventory, mail, payment, shipping};
use fanout_events::{Domain, Event, EventType, JsonFields, KnownType, StepRef, Version};
use fanout_processes::{
    Failed, Input, Instance, Machine, OperateError, Pace, Process, ProcessError, Route, Status,
    Step, StepOutline, StepStatus, Verb, machine,
};
use fanout_runtime::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use join::Join;

/// What a fact says of a step.
struct Fact {
    known: KnownType,
    domain: &'static Domain,
    step: &'static str,
    says: StepStatus,
}

impl Fact {
    const fn of<T: EventType>(step: &'static str, says: StepStatus) -> Self {
        Self {
            known: KnownType::of::<T>(),
            domain: T::DOMAIN,
            step,
            says,
        }
    }
}

/// The steps. Each has its participant.
pub(crate) const RESERVE: &str = "reserve";
const CHARGE: &str = "charge";
const SHIP: &str = "ship";
const CONFIRM: &str = "confirm";

/// All that is said of an order.
static FACTS: [Fact; 9] = [
    Fact::of::<inventory::Reserved>(RESERVE, StepStatus::Done),
    Fact::of::<inventory::ReservationRefused>(RESERVE, StepStatus::Refused),
    Fact::of::<inventory::Released>(RESERVE, StepStatus::Undone),
    Fact::of::<payment::Captured>(CHARGE, StepStatus::Done),
    Fact::of::<payment::Declined>(CHARGE, StepStatus::Refused),
    Fact::of::<payment::Refunded>(CHARGE, StepStatus::Undone),
    Fact::of::<shipping::ShipmentCreated>(SHIP, StepStatus::Done),
    Fact::of::<shipping::ShipmentRefused>(SHIP, StepStatus::Refused),
    Fact::of::<mail::MailSent>(CONFIRM, StepStatus::Done),
];

/// What is known of an order beside its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The version of the fact that began it.
    version: String,
    /// Its data.
    data: Map<String, Value>,
    /// How often it was withdrawn.
    withdrawn: u64,
    /// Why it comes to nothing, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turned: Option<Failed>,
}

struct ChoreographedOrder {
    pace: Pace,
}

/// reserve, charge, ship, confirm, as the participants tell of it. Version 1.
pub fn choreographed_order(pace: Pace) -> Arc<dyn Machine> {
    machine(ChoreographedOrder { pace })
}

impl ChoreographedOrder {
    fn join(&self, instance: Instance<Known>, now: Timestamp) -> Result<Join, ProcessError> {
        let known = &instance.state;
        let version: Version = known.version.parse().map_err(|_| {
            use serde::de::Error as _;
            ProcessError::State(serde_json::Error::custom("the version is none"))
        })?;
        let order = OrderCreated::decode(&JsonFields::new("data.", &known.data), version)?;
        Ok(Join {
            pace: self.pace,
            order,
            instance,
            emit: Vec::new(),
            now,
        })
    }
}

impl Process for ChoreographedOrder {
    type State = Known;

    fn name(&self) -> &'static str {
        CHOREOGRAPHED
    }

    fn version(&self) -> u32 {
        1
    }

    fn listens(&self) -> Vec<(&'static Domain, KnownType)> {
        let facts = FACTS.iter();
        facts.map(|fact| (fact.domain, fact.known)).collect()
    }

    fn outline(&self) -> Vec<StepOutline> {
        Vec::new()
    }

    fn route(&self, event: &Event) -> Option<Route> {
        let step = StepRef::read(&JsonFields::new("data.", &event.data.0)).ok()?;
        (step.process == CHOREOGRAPHED).then_some(Route {
            key: step.key,
            starts: false,
        })
    }

    fn start(&self, key: &str, event: &Event, now: Timestamp) -> Result<Step<Known>, ProcessError> {
        let state = Known {
            version: event.metadata.version.clone(),
            data: event.data.0.clone(),
            withdrawn: 0,
            turned: None,
        };
        let instance = Instance {
            key: key.to_owned(),
            status: Status::Running,
            state,
            steps: Vec::new(),
            failure: None,
        };
        let mut join = self.join(instance, now)?;
        join.go_on()?;
        // Who begins it writes the order.
        let writes = Vec::new();
        Ok(Step {
            writes,
            ..join.step()
        })
    }

    fn on(
        &self,
        instance: Instance<Known>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<Known>>, ProcessError> {
        if !instance.status.is_open() {
            return Ok(None);
        }
        let mut join = self.join(instance, now)?;
        let changed = match input {
            Input::Event(event) => join.hear(event)?,
            Input::Due => join.due()?,
        };
        Ok(changed.then(|| join.step()))
    }

    fn operate(
        &self,
        instance: Instance<Known>,
        verb: &Verb,
        now: Timestamp,
    ) -> Result<Step<Known>, OperateError> {
        if !instance.status.is_open() {
            return Err(OperateError::Ended);
        }
        let mut join = self.join(instance, now)?;
        join.operate(verb)?;
        Ok(join.step())
    }
}
