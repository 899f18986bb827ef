//! Making something happen: a sign-up, an order, an event by hand, and everything that goes wrong.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use fanout_bus::OutgoingMessage;
use fanout_bus_local::Mischief;
use fanout_runtime::{IdGenerator as _, SystemIds, error_chain};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Came, answer};
use crate::console::Page;
use crate::console::find_message::find_message;
use crate::console::guard::Fields;
use crate::console::switches::{ATTEMPTS_WHILE_BROKEN, Fault};
use crate::console::words::escaped;
use crate::publish::{EventParts, compose, topic_of};

/// How long an action waits for its event, to lead to it.
const SOON: Duration = Duration::from_secs(1);
/// The longest that a consumer is slowed by, below its ack deadline.
const SLOWEST_MS: u64 = 30_000;

/// `POST /try/sign-up`
pub(crate) async fn sign_up(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let person = json!({ "email": fields.get("email"), "name": fields.get("name") });
    let came = post(&page, "user", "users", &person, "signed up").await;
    answer(&page, &fields, "sign_up", came)
}

/// `POST /try/order`
pub(crate) async fn order(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let price = fields.get("price").parse::<f64>().unwrap_or_default();
    let mut order = json!({
        "user_id": fields.get("user_id"),
        "product_id": fields.get("product_id"),
        "quantity": fields.number::<u32>("quantity"),
        "price": price,
    });
    let country = fields.get("country");
    if !country.is_empty() {
        order["ship_to"] = json!({ "country": country });
    }
    let came = post(&page, "order", "orders", &order, "ordered").await;
    answer(&page, &fields, "order", came)
}

/// Sends this to a service, and finds the event that it led to.
async fn post(page: &Page, service: &str, path: &str, body: &Value, done: &str) -> Came {
    let base = page.urls.of(service);
    if base.is_empty() {
        return Came::badly(format!("{service}-service does not run here"));
    }
    let request = SystemIds.new_id("req");
    let sent = { page.operator.http.post(format!("{base}/{path}")) }
        .header("X-Request-Id", &request)
        .json(body)
        .send();
    let answered = match sent.await.map_err(reqwest::Error::without_url) {
        Ok(answered) => answered,
        Err(error) => return Came::badly(format!("no answer: {}", error_chain(&error))),
    };
    let status = answered.status();
    if status.is_success() {
        let event = event_of_request(page, &request).await;
        let href = event.map_or_else(|| format!("/requests/{request}"), |id| event_at(&id));
        return Came::well(format!("{done}: {}", status.as_u16()), Some(href));
    }
    let problem: Value = answered.json().await.unwrap_or_default();
    let said = problem["title"].as_str().unwrap_or("it was refused");
    let faults = problem["errors"].as_array().into_iter().flatten();
    let faults = faults.filter_map(|it| {
        let (field, message) = (it["field"].as_str()?, it["message"].as_str()?);
        Some(format!("; {field} {message}"))
    });
    let faults: String = faults.collect();
    Came::badly(format!("{}: {said}{faults}", status.as_u16()))
}

fn event_at(id: &str) -> String {
    format!("/events/{}", escaped(id))
}

async fn event_of_request(page: &Page, request: &str) -> Option<String> {
    wait_for(page, |page| {
        let seen = page.hub.look();
        let mut events = seen.latest().take(200);
        let found = events.find(|it| it.correlation_id.as_deref() == Some(request));
        found.map(|it| it.id.clone())
    })
    .await
}

/// The event that this message turned out to be, once a consumer has looked at it.
async fn event_of_message(page: &Page, message: &str) -> Option<String> {
    wait_for(page, |page| {
        let seen = page.hub.look();
        let mut events = seen.latest().take(200);
        let found = events.find(|it| it.messages.iter().any(|it| it == message));
        found.map(|it| it.id.clone())
    })
    .await
}

async fn wait_for(page: &Page, look: impl Fn(&Page) -> Option<String>) -> Option<String> {
    let mut version = page.hub.version();
    let found = async {
        loop {
            version.mark_unchanged();
            if let Some(found) = look(page) {
                return Some(found);
            }
            version.changed().await.ok()?;
        }
    };
    timeout(SOON, found).await.ok().flatten()
}

/// `POST /try/publish`: a whole event around the data, checked by the decoder that consumers use.
pub(crate) async fn publish(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let given = |name: &str| Some(fields.get(name)).filter(|it| !it.is_empty());
    let event_type = fields.get("type").to_owned();
    let parts = EventParts {
        id: given("event_id").map_or_else(|| SystemIds.new_id("evt"), str::to_owned),
        event_type: &event_type,
        subject: given("subject"),
        sequence: fields.number::<u64>("sequence").max(1),
        timestamp: page.now(),
        correlation_id: SystemIds.new_id("req"),
    };
    let came = match compose(parts, fields.get("data").as_bytes()) {
        Ok(composed) => {
            let topic = topic_of(&event_type).unwrap_or_default();
            let id = composed.event.id.clone();
            page.log
                .keep(&id, (topic.to_owned(), composed.message.clone()));
            send(&page, topic, composed.message, Some(id), "published").await
        }
        Err(wrong) => Came::badly(wrong.to_string()),
    };
    answer(&page, &fields, "publish", came)
}

async fn send(
    page: &Page,
    topic: &str,
    message: OutgoingMessage,
    id: Option<String>,
    done: &str,
) -> Came {
    match page.publisher.publish(topic, message).await {
        Ok(message) => {
            let found = match id {
                Some(id) => Some(id),
                None => event_of_message(page, &message.0).await,
            };
            let href = found.map(|id| event_at(&id));
            Came::well(format!("{done} on {topic}, message {}", message.0), href)
        }
        Err(error) => Came::badly(format!("not {done}: {}", error_chain(&error))),
    }
}

/// `POST /try/garbage`: what no consumer can make anything of.
pub(crate) async fn garbage(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let topic = fields.get("topic").to_owned();
    if !page.wanted.topics.contains(&topic) || topic.ends_with("-dead-letters") {
        let came = Came::badly("there is no such topic");
        return answer(&page, &fields, "garbage", came);
    }
    let (user, id) = (SystemIds.new_id("usr"), SystemIds.new_id("evt"));
    let event = |version: &str, data: Value| {
        json!({
            "id": id, "type": "user.created", "source": "page", "subject": user, "sequence": 1,
            "timestamp": page.now().to_rfc3339(), "metadata": { "version": version }, "data": data,
        })
    };
    let right = json!({ "user_id": user, "email": "garbage@example.com", "name": "Garbage" });
    let text = match fields.get("what") {
        "not_json" => "this is not JSON".to_owned(),
        "version" => event("9.0", right).to_string(),
        "invalid" => event("1.0", json!({ "user_id": user, "email": 7 })).to_string(),
        "reused" => return reuse(&page, &fields).await,
        _ => fields.get("text").to_owned(),
    };
    let message = OutgoingMessage {
        data: text.into(),
        ..OutgoingMessage::default()
    };
    let came = send(&page, &topic, message, None, "published as it is").await;
    answer(&page, &fields, "garbage", came)
}

/// Another payload under the id of the latest sign-up.
async fn reuse(page: &Page, fields: &Fields) -> Response {
    let latest = {
        let seen = page.hub.look();
        let mut users = seen.latest().filter(|it| it.event_type == "user.created");
        users.next().map(|it| it.id.clone())
    };
    let came = match find_message(page, latest.as_deref().unwrap_or_default()).await {
        None => Came::badly("nobody has signed up yet, so there is no id to use again"),
        Some((topic, mut message)) => {
            let mut event: Value = serde_json::from_slice(&message.data).unwrap_or_default();
            event["data"]["name"] = json!("Another Name");
            message.data = event.to_string().into();
            send(page, &topic, message, latest, "published under a known id").await
        }
    };
    answer(page, fields, "garbage", came)
}

/// `POST /events/{id}/again`: the same message once more, byte for byte.
pub(crate) async fn again(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let came = match find_message(&page, &id).await {
        Some((topic, message)) => send(&page, &topic, message, Some(id), "sent once more").await,
        None => Came::badly("it is not kept, so it cannot be sent again"),
    };
    answer(&page, &fields, "again", came)
}

/// `POST /try/fault`: breaks or mends a consumer.
pub(crate) async fn fault(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let found = page.consumer(fields.get("consumer"));
    let (subscriber, broker) = match (found, &page.broker) {
        (Some(subscriber), Some(broker)) => (subscriber, broker),
        (None, _) => {
            let came = Came::badly("there is no such consumer");
            return answer(&page, &fields, "fault", came);
        }
        (Some(_), None) => {
            let came = Came::badly("nothing can be broken here: it runs on Google's emulators");
            return answer(&page, &fields, "fault", came);
        }
    };
    let consumer = subscriber.consumer;
    let fault = Fault {
        fails: fields.number::<u8>("fails").min(100),
        slow_ms: fields.number::<u64>("slow_ms").min(SLOWEST_MS),
        paused: fields.get("paused") == "yes",
    };
    let set = page.switches.set(subscriber, fault, &page.wanted, broker);
    let words = crate::console::views::flow::in_words(fault);
    let said = match (fault.is_any(), fault.fails > 0) {
        (false, _) => format!("{consumer} is mended, and its subscription as it was"),
        (true, false) => format!("{consumer}: {words}"),
        (true, true) => format!(
            "{consumer}: {words}; until it is mended its subscription gives up after {ATTEMPTS_WHILE_BROKEN} tries, 1 s apart"
        ),
    };
    let came = match set.await {
        Ok(()) => Came::well(said, None),
        Err(error) => Came::badly(format!("{consumer} is as it was: {}", error_chain(&error))),
    };
    answer(&page, &fields, "fault", came)
}

/// `POST /try/mischief`: what the bus does to everybody.
pub(crate) async fn mischief(
    State(page): State<Arc<Page>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let share = |name: &str| f64::from(fields.number::<u8>(name).min(100)) / 100.0;
    let mischief = Mischief {
        duplicates: share("duplicates"),
        errors: share("errors"),
        reorder: fields.get("reorder") == "yes",
    };
    let came = match &page.broker {
        Some(broker) => {
            broker.set_mischief(mischief);
            Came::well(
                format!(
                    "the bus delivers {:.0} % twice, loses {:.0} % of the answers{}",
                    mischief.duplicates * 100.0,
                    mischief.errors * 100.0,
                    if mischief.reorder {
                        ", and disturbs the order"
                    } else {
                        ""
                    }
                ),
                None,
            )
        }
        None => Came::badly("Google's emulator cannot be made to misbehave"),
    };
    answer(&page, &fields, "mischief", came)
}
