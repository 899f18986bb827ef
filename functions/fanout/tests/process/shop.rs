//! The shop, as whoever orders and operates meets it: one order, many services.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::operated::{Ended, operator_command};
use crate::running::{Running, fanout, try_post_text, wait_until};

/// What a product has in stock at first.
const FIRST_STOCK: u64 = 50;
/// What is fixed between two runs of one test.
const ITEM: (u64, &str) = (2, "999.99");

/// A running shop, whose deadlines come soon.
pub(crate) struct Shop {
    pub(crate) running: Running,
    data: TempDir,
    flow: &'static str,
}

impl Shop {
    pub(crate) fn start() -> Self {
        Self::of("orchestrated")
    }

    /// Whose orders are seen through like this.
    pub(crate) fn of(flow: &'static str) -> Self {
        Self::on(tempfile::tempdir().unwrap(), flow)
    }

    fn on(data: TempDir, flow: &'static str) -> Self {
        let mut command = fanout(data.path());
        // Reserved within 1.2 s, charged within 3 s: longer than the provider is waited for.
        command.args(["--system", "shop", "--step-deadlines", "100"]);
        command.args(["--order-flow", flow]);
        command.args(["--min-backoff", "50ms", "--max-backoff", "500ms"]);
        let running = Running::of(command);
        Self {
            running,
            data,
            flow,
        }
    }

    /// The machine fails, and starts again.
    pub(crate) fn killed(mut self) -> Self {
        self.running.kill_nine();
        let Self {
            running,
            data,
            flow,
        } = self;
        drop(running);
        Self::on(data, flow)
    }

    /// Places an order of product 1 with these further fields; gives its id.
    pub(crate) fn order(&self, further: &Value) -> String {
        let (quantity, price) = ITEM;
        let mut body = json!({"user_id": 123, "product_id": 1, "quantity": quantity});
        body["price"] = serde_json::from_str(price).unwrap();
        for (name, value) in further.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, order) = self.running.post("order", "/orders", &body);
        assert_eq!(status, 202, "{order}");
        order["id"].as_str().unwrap().to_owned()
    }

    fn get(&self, id: &str) -> Value {
        let (status, order) = self.running.get("order", &format!("/orders/{id}"));
        assert_eq!(status, 200, "{order}");
        order
    }

    /// Waits until an order stands like this.
    pub(crate) fn wait_for(&self, id: &str, status: &str) -> Value {
        wait_until(status, || self.get(id)["status"] == status);
        self.get(id)
    }

    /// How the payments of an order stand, in any order.
    fn payments(&self, id: &str) -> Vec<String> {
        let path = format!("/payments?order_id={id}");
        let payments = self.running.get("payment", &path).1;
        let payments = payments["payments"].as_array().unwrap().iter();
        let statuses = payments.map(|it| it["status"].as_str().unwrap().to_owned());
        statuses.collect()
    }

    pub(crate) fn stock(&self, product: u64) -> (u64, u64) {
        let stock = self
            .running
            .get("inventory", &format!("/stock/{product}"))
            .1;
        let of = |name: &str| stock[name].as_u64().unwrap();
        assert_eq!(of("available") + of("reserved"), of("on_hand"), "{stock}");
        (of("on_hand"), of("reserved"))
    }

    fn mails(&self, user_id: &str, template: &str) -> Vec<String> {
        let path = format!("/emails?user_id={user_id}");
        let mails = self.running.get("email", &path).1;
        let mails = mails["emails"].as_array().unwrap().iter();
        let wanted = mails.filter(|mail| mail["template"] == template);
        let statuses = wanted.map(|mail| mail["status"].as_str().unwrap().to_owned());
        statuses.collect()
    }

    /// Runs `fanout` with these arguments, on this shop.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        // Who keeps what the command changes.
        let service = if arguments.first() == Some(&"stock") {
            "inventory"
        } else {
            "order"
        };
        let mut command = operator_command(arguments);
        command
            .env("FANOUT_DATA_DIR", self.data.path())
            .env("FANOUT_PUBSUB_URL", self.running.url("pubsub", ""))
            .env("FANOUT_SERVICE_URL", self.running.url(service, ""))
            .current_dir(self.data.path());
        Ended::of(command)
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
    }
}

fn steps(order: &Value) -> Vec<String> {
    let steps = order["steps"].as_array().unwrap().iter();
    let text = |step: &Value, field: &str| step[field].as_str().unwrap().to_owned();
    steps
        .map(|step| format!("{} {}", text(step, "step"), text(step, "status")))
        .collect()
}

#[test]
fn an_order_is_confirmed_and_everything_that_reacts_has_done_so_once() {
    let shop = Shop::start();
    let user = json!({"email": "test@example.com", "name": "Test User"});
    let (_, user) = shop.running.post("user", "/users", &user);
    let user_id = user["id"].as_str().unwrap();
    wait_until("the address", || shop.mails(user_id, "welcome").len() == 1);
    let id = shop.order(&json!({"user_id": user_id}));
    let order = shop.wait_for(&id, "confirmed");
    assert_eq!(order["total"], "1999.98");
    assert_eq!(order["reason"], Value::Null);
    let done = ["reserve done", "charge done", "ship done", "confirm done"];
    assert_eq!(steps(&order), done);
    wait_until("the stock", || shop.stock(1) == (FIRST_STOCK - ITEM.0, 0));
    assert_eq!(shop.payments(&id), ["captured"]);
    let shipments = shop
        .running
        .get("shipping", &format!("/shipments?order_id={id}"))
        .1;
    assert_eq!(shipments["shipments"].as_array().unwrap().len(), 1);
    wait_until("search", || {
        let found = shop.running.get("search", &format!("/search?q={id}")).1;
        found["results"][0]["id"] == id.as_str()
    });
    wait_until("sales", || {
        let sales = shop.running.get("analytics", "/sales").1;
        let days = sales["days"].as_array().unwrap().iter();
        let mut revenues = days.map(|day| &day["revenue"]["USD"]);
        revenues.any(|revenue| revenue == "1999.98")
    });
    wait_until("the mail", || {
        shop.mails(user_id, "order_confirmation") == ["sent"]
    });
    let listed = shop
        .running
        .get("order", &format!("/orders?user_id={user_id}"))
        .1;
    assert_eq!(listed["orders"][0], order);
    let (status, problem) = shop
        .running
        .post("order", &format!("/orders/{id}/cancel"), &json!({}));
    assert_eq!((status, &problem["type"]), (409, &json!("past_pivot")));
    let trace = shop.run(&["trace", "--order", &id]);
    assert_eq!(trace.code, Some(0), "{trace:?}");
    for event in [
        "order.created",
        "payment.captured",
        "mail.sent",
        "order.confirmed",
    ] {
        assert!(trace.stdout.contains(event), "{event}: {}", trace.stdout);
    }
}

#[test]
fn what_cannot_be_done_is_undone_in_reverse_order_and_says_why() {
    let shop = Shop::start();
    let declined = shop.order(&json!({"payment_method": "tok_declined"}));
    let nowhere = shop.order(&json!({"ship_to": {"country": "ZZ"}}));
    let unknown = shop.order(&json!({"product_id": "none"}));
    let many = shop.order(&json!({"quantity": 51}));
    let order = shop.wait_for(&declined, "cancelled");
    assert_eq!(order["reason"], "declined");
    assert_eq!(steps(&order), ["reserve undone", "charge refused"]);
    assert_eq!(shop.payments(&declined), ["declined"]);
    let order = shop.wait_for(&nowhere, "cancelled");
    assert_eq!(
        steps(&order),
        ["reserve undone", "charge undone", "ship refused"]
    );
    assert_eq!(shop.payments(&nowhere), ["refunded"]);
    let times: Vec<&str> = { order["steps"].as_array().unwrap().iter() }
        .map(|step| step["at"].as_str().unwrap())
        .collect();
    assert!(times[0] > times[1] && times[1] > times[2], "{times:?}");
    let reason = |id: &str| shop.wait_for(id, "cancelled")["reason"].clone();
    assert_eq!(reason(&unknown), "unknown_product");
    assert_eq!(reason(&many), "out_of_stock");
    assert_eq!(shop.stock(1), (FIRST_STOCK, 0));
    wait_until("a mail for each", || {
        shop.mails("123", "order_cancelled").len() == 4
    });
}

#[test]
fn a_payment_that_is_never_answered_times_out_and_an_operator_can_step_in() {
    let shop = Shop::start();
    let silent = || shop.order(&json!({"payment_method": "tok_silent"}));
    let [left, skipped, abandoned, cancelled] = [silent(), silent(), silent(), silent()];
    wait_until("the charge", || {
        shop.get(&abandoned)["status"] == "reserved"
    });
    let open = shop.json(&["processes", "list"]);
    assert_eq!(open["processes"].as_array().unwrap().len(), 4, "{open}");
    let shown = shop.run(&["processes", "show", &left]);
    assert!(
        shown.stdout.contains("charge       requested since"),
        "{shown:?}"
    );

    let (status, order) =
        shop.running
            .post("order", &format!("/orders/{cancelled}/cancel"), &json!({}));
    assert_eq!(
        (status, &order["reason"]),
        (202, &json!("cancelled_by_user"))
    );
    wait_until("the skipped step", || {
        let ended = shop.run(&["processes", "skip", &skipped, "--step", "charge"]);
        ended.code == Some(0) || shop.get(&skipped)["status"] != "placed"
    });
    let ended = shop.run(&["processes", "abandon", &abandoned, "--reason", "of no use"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(shop.get(&abandoned)["status"], "stuck");
    let again = shop.run(&["processes", "retry", &abandoned]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("the process has ended"), "{again:?}");
    let said = shop.run(&["trace", "--order", &abandoned]);
    assert!(said.stdout.contains("operator.intervened"), "{said:?}");
    let none = shop.run(&["processes", "show", "ord_none"]);
    assert_eq!(none.code, Some(1), "{none:?}");

    let order = shop.wait_for(&left, "cancelled");
    assert_eq!(order["reason"], "timed_out");
    assert_eq!(steps(&order), ["reserve undone", "charge undone"]);
    shop.wait_for(&cancelled, "cancelled");
}

#[test]
fn bad_input_is_refused_with_its_fields_and_leaves_nothing_behind() {
    let shop = Shop::start();
    let item = json!({"product_id": 1, "quantity": 1, "price": 1});
    let order = |fields: &str| format!("{{\"user_id\":1,\"product_id\":1,{fields}}}");
    let many = json!({"user_id": 1, "items": vec![&item; 101]}).to_string();
    for (body, status, field) in [
        (r#"{"user_id":1}"#.to_owned(), 422, "items"),
        (r#"{"user_id":1,"items":[]}"#.to_owned(), 422, "items"),
        (many, 422, "items"),
        (order(r#""quantity":0,"price":1"#), 422, "quantity"),
        (order(r#""quantity":1.5,"price":1"#), 422, "quantity"),
        (order(r#""quantity":1,"price":-1"#), 422, "price"),
        (order(r#""quantity":1,"price":1e400"#), 422, "price"),
        (order(r#""quantity":1,"price":"abc""#), 422, "price"),
        (order(r#""quantity":1,"price":0.001"#), 422, "price"),
        (
            order(r#""quantity":1,"price":1,"currency":"XXX""#),
            422,
            "currency",
        ),
        (
            order(r#""quantity":1,"price":1,"ship_to":"US""#),
            422,
            "ship_to",
        ),
        (order(r#""quantity":1,"price":1,"items":[]"#), 422, "items"),
        (order(r#""quantity":1,"quantity":1"#), 400, ""),
        ("nope".to_owned(), 400, ""),
        (format!("{{{}}}", " ".repeat(65 * 1024)), 413, ""),
    ] {
        let url = shop.running.url("order", "/orders");
        let (found, problem) = try_post_text(&url, &body).unwrap();
        let named = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert_eq!((found, named), (status, field), "{body}: {problem}");
    }
    let orders = shop.running.get("order", "/orders?user_id=1").1;
    assert_eq!(orders, json!({"orders": [], "next_page_token": null}));
    let open = shop.json(&["processes", "list"]);
    assert_eq!(
        open,
        json!({"processes": [], "unreadable": [], "next_page_tokens": {}})
    );
}
