//! The order's process: the laws of all sagas, and that what is stored today is read for ever.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use fanout_contracts::order::{OrderCreated, OrderItem};
use fanout_contracts::{Currency, Money};
use fanout_processes::{Machine, Pace, StoredProcess};
use fanout_testkit::saga_laws::{self, Conduct, World, forms, name_of};
use order_service::order_process;

const KEY: &str = "ord_01JD2V7Q4KA1B2C3D4E5F6G7H8";
const GOLDEN: &str = "golden/order/1";

fn created() -> OrderCreated {
    let money = |text| Money::parse(text, Currency::USD).unwrap();
    OrderCreated {
        order_id: KEY.to_owned(),
        user_id: "123".to_owned(),
        items: vec![OrderItem {
            product_id: "1".to_owned(),
            quantity: 2,
            price: money("999.99"),
        }],
        currency: Currency::USD,
        total: money("1999.98"),
        payment_method: "tok_ok".to_owned(),
        country: "US".to_owned(),
        step: None,
    }
}

fn machine() -> Arc<dyn Machine> {
    order_process(Pace::REAL)
}

#[test]
fn an_order_keeps_the_laws_of_all_sagas() {
    saga_laws::hold(&machine(), KEY, &created());
}

/// With `WRITE_GOLDEN=1` it writes the files of forms that have none. A file is never changed: it
/// stands for what lies in a store.
#[test]
fn every_form_that_an_order_can_have_has_a_golden_file() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    for instance in forms(&machine(), KEY, &created()) {
        let path = Path::new(GOLDEN).join(format!("{}.json", name_of(&instance)));
        let open = instance.status.is_open();
        let waits = instance.steps.iter().filter_map(|step| step.due_at).min();
        let stored = StoredProcess {
            name: "order".to_owned(),
            version: 1,
            emitted: instance.steps.len() as u64,
            wake_at: waits.filter(|_| instance.status.is_under_way()),
            correlation_id: Some("req_01JD2V7Q4JZ9Y8X7W6V5T4S3R2".to_owned()),
            started_at: now,
            updated_at: now,
            ended_at: Some(now).filter(|_| !open),
            instance,
        };
        #[allow(clippy::disallowed_methods, reason = "it is for who runs the test")]
        let write = std::env::var_os("WRITE_GOLDEN").is_some();
        if write && !path.exists() {
            let text = serde_json::to_string_pretty(&stored.to_json()).unwrap();
            fs::write(&path, text + "\n").unwrap();
        }
        assert!(path.exists(), "{}: run with WRITE_GOLDEN=1", path.display());
    }
}

#[test]
fn every_golden_file_is_read_and_ends_whatever_is_answered() {
    let mut files = 0;
    for file in fs::read_dir(GOLDEN).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let json = serde_json::from_str(&text).unwrap();
        let stored = StoredProcess::from_json(&json).unwrap();
        assert_eq!(stored.to_json(), json);
        for conduct in saga_laws::conducts(&machine()) {
            World::resumed(&machine(), &stored, &conduct).run();
        }
        World::resumed(&machine(), &stored, &Conduct::default()).run();
        files += 1;
    }
    assert!(files >= 20, "{files}");
}
