//! An order as it is stored and answered.

use fanout_contracts::order::OrderCreated;
use fanout_processes::{Instance, Status, StepStatus};
use fanout_runtime::{Timestamp, serialize_rfc3339};
use fanout_store::{
    Collection, Document, Fields, Key, MalformedDocument, Precondition, Value, Write, ascending,
    descending,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The collection of orders.
pub const ORDERS: &Collection = &Collection::named("orders")
    .indexes(&[&[ascending("user_id"), descending("created_at")]])
    .no_automatic_indexes();

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) user_id: String,
    /// `placed`, `reserved`, `paid`, `shipped`, `confirmed`, `cancelling`, `cancelled` or `stuck`.
    pub(crate) status: String,
    /// Why it was cancelled, or is stuck.
    pub(crate) reason: Option<String>,
    pub(crate) items: Vec<Item>,
    pub(crate) currency: String,
    /// A decimal.
    pub(crate) total: String,
    pub(crate) steps: Vec<ShownStep>,
    #[serde(serialize_with = "serialize_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    #[serde(serialize_with = "serialize_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Item {
    pub(crate) product_id: String,
    pub(crate) quantity: u64,
    /// A decimal.
    pub(crate) price: String,
}

/// A step of the order's process, as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ShownStep {
    pub(crate) step: String,
    pub(crate) status: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    pub(crate) reason: Option<String>,
}

impl Order {
    /// An order that has just been placed, and whose process begins like this.
    pub(crate) fn placed<S>(order: &OrderCreated, begun: &Instance<S>, now: Timestamp) -> Self {
        let items = order.items.iter().map(|item| Item {
            product_id: item.product_id.clone(),
            quantity: item.quantity,
            price: item.price.to_string(),
        });
        Self {
            id: order.order_id.clone(),
            user_id: order.user_id.clone(),
            status: status(begun).to_owned(),
            reason: None,
            items: items.collect(),
            currency: order.currency.to_string(),
            total: order.total.to_string(),
            steps: steps(begun),
            created_at: now,
            updated_at: now,
        }
    }

    /// Where an order is.
    pub(crate) fn key(id: &str) -> Key {
        Key::new(ORDERS, id)
    }

    /// Stores it where there is none.
    pub(crate) fn create(&self) -> Write {
        let items = self.items.iter().map(|item| {
            let line = Fields::new()
                .with("product_id", item.product_id.as_str())
                .with("quantity", item.quantity)
                .with("price", item.price.as_str());
            Value::Map(line)
        });
        let fields = Fields::new()
            .with("id", self.id.as_str())
            .with("user_id", self.user_id.as_str())
            .with("status", self.status.as_str())
            .with("items", Value::Array(items.collect()))
            .with("currency", self.currency.as_str())
            .with("total", self.total.as_str())
            .with("steps", stored(&self.steps))
            .with("created_at", self.created_at)
            .with("updated_at", self.updated_at);
        Write::create(Self::key(&self.id), fields)
    }

    /// The order in a document.
    pub(crate) fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        let fields = &document.fields;
        let items = maps(fields, "items")?.map(|item| {
            let item = item?;
            Ok(Item {
                product_id: item.text("product_id")?.to_owned(),
                quantity: item.count("quantity")?,
                price: item.text("price")?.to_owned(),
            })
        });
        let steps = maps(fields, "steps")?.map(|step| {
            let step = step?;
            Ok(ShownStep {
                step: step.text("step")?.to_owned(),
                status: step.text("status")?.to_owned(),
                at: step.timestamp("at")?,
                reason: step.optional_text("reason")?.map(str::to_owned),
            })
        });
        Ok(Self {
            id: fields.text("id")?.to_owned(),
            user_id: fields.text("user_id")?.to_owned(),
            status: fields.text("status")?.to_owned(),
            reason: fields.optional_text("reason")?.map(str::to_owned),
            items: items.collect::<Result<_, MalformedDocument>>()?,
            currency: fields.text("currency")?.to_owned(),
            total: fields.text("total")?.to_owned(),
            steps: steps.collect::<Result<_, MalformedDocument>>()?,
            created_at: fields.timestamp("created_at")?,
            updated_at: fields.timestamp("updated_at")?,
        })
    }
}

/// What an order's document says of its process: nothing else writes these fields.
pub(crate) fn mirrored(instance: &Instance<()>, now: Timestamp) -> Write {
    let reason = instance.failure.as_ref().map(|it| it.reason.as_str());
    let fields = Fields::new()
        .with("status", status(instance))
        .with("reason", reason.map_or(Value::Null, Value::from))
        .with("steps", stored(&steps(instance)))
        .with("updated_at", now);
    Write::merge(Order::key(&instance.key), fields).only_if(Precondition::Exists)
}

/// The order's status follows from its process alone.
fn status<S>(instance: &Instance<S>) -> &'static str {
    let done = |step| instance.stands(step, StepStatus::Done);
    match instance.status {
        Status::Running if done("ship") => "shipped",
        Status::Running if done("charge") => "paid",
        Status::Running if done("reserve") => "reserved",
        Status::Running => "placed",
        Status::Compensating => "cancelling",
        Status::Completed => "confirmed",
        Status::Compensated => "cancelled",
        Status::Stuck | Status::Abandoned => "stuck",
    }
}

fn steps<S>(instance: &Instance<S>) -> Vec<ShownStep> {
    let records = instance.steps.iter().map(|record| ShownStep {
        step: record.step.clone(),
        status: record.status.as_str().to_owned(),
        at: record.at,
        reason: record.reason.clone(),
    });
    records.collect()
}

fn stored(steps: &[ShownStep]) -> Value {
    let steps = steps.iter().map(|step| {
        let fields = Fields::new()
            .with("step", step.step.as_str())
            .with("status", step.status.as_str())
            .with("at", step.at)
            .with("reason", step.reason.as_deref());
        Value::Map(fields)
    });
    Value::Array(steps.collect())
}

fn maps<'a>(
    fields: &'a Fields,
    name: &'static str,
) -> Result<impl Iterator<Item = Result<&'a Fields, MalformedDocument>>, MalformedDocument> {
    let wrong = move || MalformedDocument {
        field: name.to_owned(),
        expected: "an array of maps",
    };
    let Some(Value::Array(items)) = fields.get(name) else {
        return Err(wrong());
    };
    Ok(items.iter().map(move |item| match item {
        Value::Map(map) => Ok(map),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Text(_)
        | Value::Timestamp(_)
        | Value::Array(_)
        | Value::Foreign(_) => Err(wrong()),
    }))
}
