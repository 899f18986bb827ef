//! Orders of every kind under way while the machine fails: each ends as it should, and money and
//! stock add up whenever they are asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::running::wait_until;
use crate::shop::Shop;

/// Of this product there are few, which several orders want.
const LAST_PRODUCT: u64 = 10;
const LAST_ITEMS: u64 = 3;
/// Of these there are enough for every order but the largest.
const PLENTY: u64 = 10_000;
/// What each order costs that is charged.
const TOTAL: &str = "999.99";

/// What is ordered, and how that ends.
struct Kind {
    fields: Value,
    reason: Reason,
}

#[derive(Clone, Copy, PartialEq)]
enum Reason {
    /// None: it is confirmed.
    Confirmed,
    Cancelled(&'static str),
    /// Confirmed, while there is any.
    OneOfTheLast,
}

struct Order {
    id: String,
    product: u64,
    reason: Reason,
}

fn kinds() -> Vec<Kind> {
    let paid_with = |token: &str| json!({"payment_method": token});
    let kinds = [
        (json!({}), Reason::Confirmed),
        (paid_with("tok_silent"), Reason::Cancelled("timed_out")),
        (paid_with("tok_slow"), Reason::Confirmed),
        (paid_with("tok_declined"), Reason::Cancelled("declined")),
        (paid_with("tok_flaky"), Reason::Confirmed),
        (
            json!({"ship_to": {"country": "ZZ"}}),
            Reason::Cancelled("country_not_served"),
        ),
        (
            json!({"product_id": "none"}),
            Reason::Cancelled("unknown_product"),
        ),
        (
            json!({"quantity": PLENTY + 1}),
            Reason::Cancelled("out_of_stock"),
        ),
        (json!({"product_id": LAST_PRODUCT}), Reason::OneOfTheLast),
    ];
    let kinds = kinds.into_iter();
    kinds
        .map(|(fields, reason)| Kind { fields, reason })
        .collect()
}

/// What there was of a product at first.
fn first_stock(product: u64) -> u64 {
    if product == LAST_PRODUCT {
        LAST_ITEMS
    } else {
        PLENTY
    }
}

/// `SHOP_ORDERS` says how many orders.
#[test]
fn whatever_is_killed_each_order_ends_as_it_should_and_money_and_stock_always_add_up() {
    all_end_as_they_should(Shop::start(), orders(200));
}

/// `SHOP_ORDERS` says how many orders.
#[test]
fn whatever_is_killed_orders_that_nobody_is_asked_for_end_as_they_should_too() {
    all_end_as_they_should(Shop::of("choreographed"), orders(45));
}

fn orders(usual: usize) -> usize {
    #[allow(clippy::disallowed_methods, reason = "it is for who runs the test")]
    std::env::var("SHOP_ORDERS").map_or(usual, |count| count.parse().unwrap())
}

fn all_end_as_they_should(mut shop: Shop, orders: usize) {
    let kinds = kinds();
    for product in 1..=LAST_PRODUCT {
        let on_hand = json!({"on_hand": first_stock(product)});
        let path = format!("/stock/{product}");
        assert_eq!(shop.running.call("PUT", "inventory", &path, &on_hand), 200);
    }
    let mut placed: Vec<Order> = Vec::new();
    for part in 1..=4 {
        while placed.len() < orders * part / 4 {
            let number = placed.len();
            placed.push(place(&shop, &kinds[number % kinds.len()], number));
        }
        adds_up(&shop, &placed);
        if part < 4 {
            shop = shop.killed();
            adds_up(&shop, &placed);
        }
    }
    wait_until("the end of each order", || {
        adds_up(&shop, &placed).values().all(is_over)
    });
    let ended = adds_up(&shop, &placed);
    let mut confirmed = BTreeMap::new();
    for order in &placed {
        let Order { id, product, .. } = order;
        if ended_as_it_should(&ended[id], order.reason) {
            *confirmed.entry(*product).or_insert(0) += 1;
        }
    }
    assert_eq!(confirmed.get(&LAST_PRODUCT), Some(&LAST_ITEMS));
    for product in 1..=LAST_PRODUCT {
        let sold = confirmed.get(&product).copied().unwrap_or_default();
        // The stock hears of a shipment beside the order.
        wait_until("the stock", || {
            shop.stock(product) == (first_stock(product) - sold, 0)
        });
    }
    let open = shop.json(&["processes", "list"]);
    assert_eq!(
        open,
        json!({"processes": [], "unreadable": [], "next_page_tokens": {}})
    );
}

fn place(shop: &Shop, kind: &Kind, number: usize) -> Order {
    let mut fields = json!({"quantity": 1, "product_id": number % 9 + 1});
    for (name, value) in kind.fields.as_object().unwrap() {
        fields[name] = value.clone();
    }
    Order {
        id: shop.order(&fields),
        product: fields["product_id"].as_u64().unwrap_or_default(),
        reason: kind.reason,
    }
}

fn is_over(order: &Value) -> bool {
    ["confirmed", "cancelled", "stuck"]
        .iter()
        .any(|end| order["status"] == *end)
}

/// Whether it is confirmed.
fn ended_as_it_should(order: &Value, reason: Reason) -> bool {
    let sold_out = Reason::Cancelled("out_of_stock");
    let is_confirmed = order["status"] == "confirmed";
    let found = match order["reason"].as_str() {
        None => Reason::Confirmed,
        Some(found) => match reason {
            Reason::Cancelled(expected) if expected == found => reason,
            Reason::OneOfTheLast if found == "out_of_stock" => sold_out,
            Reason::Confirmed | Reason::Cancelled(_) | Reason::OneOfTheLast => {
                panic!("another reason: {order}")
            }
        },
    };
    let expected = match reason {
        Reason::OneOfTheLast => found,
        Reason::Confirmed | Reason::Cancelled(_) => reason,
    };
    assert!(found == expected, "{order}");
    assert_eq!(is_confirmed, found == Reason::Confirmed, "{order}");
    assert!(is_confirmed || order["status"] == "cancelled", "{order}");
    is_confirmed
}

/// At this moment, while everything moves on: gives the orders as they stood at its beginning.
///
/// What is shipped was captured before, and is taken out of the stock after; so what is read in that
/// order holds between what was read before and what is read after.
fn adds_up(shop: &Shop, placed: &[Order]) -> BTreeMap<String, Value> {
    let orders = all_orders(shop);
    let stock = |product| {
        let (on_hand, reserved) = shop.stock(product);
        assert!(reserved <= on_hand, "product {product} is oversold");
        (first_stock(product) - on_hand, reserved)
    };
    let all_stock = || -> BTreeMap<u64, (u64, u64)> {
        let products = 1..=LAST_PRODUCT;
        products.map(|product| (product, stock(product))).collect()
    };
    let before = all_stock();
    let mut shipped: BTreeMap<u64, u64> = BTreeMap::new();
    for Order { id, product, .. } in placed {
        let path = format!("/shipments?order_id={id}");
        let shipments = shop.running.get("shipping", &path).1;
        let shipments = shipments["shipments"].as_array().unwrap().len();
        let net = captured_and_not_refunded(shop, id);
        let status = orders[id]["status"].as_str().unwrap();
        assert!(shipments <= 1, "{id} is shipped twice");
        assert!(shipments <= net, "{id} is shipped, and not paid");
        assert!(status != "confirmed" || shipments == 1, "{id}");
        assert!(
            status != "cancelled" || net == 0,
            "{id} is paid for nothing"
        );
        *shipped.entry(*product).or_default() += shipments as u64;
    }
    for (product, (taken, reserved)) in all_stock() {
        let shipped = shipped.get(&product).copied().unwrap_or_default();
        assert!(before[&product].0 <= shipped, "taken, and not shipped");
        assert!(shipped <= taken + reserved, "shipped, and not out of stock");
    }
    orders
}

/// How many times the price of an order is ours: never or once.
fn captured_and_not_refunded(shop: &Shop, id: &str) -> usize {
    let path = format!("/payments?order_id={id}");
    let payments = shop.running.get("payment", &path).1;
    let payments = payments["payments"].as_array().unwrap();
    assert!(payments.len() <= 1, "{payments:?}");
    for payment in payments {
        assert!(payment["status"] == "declined" || payment["amount"] == TOTAL);
    }
    let captured = payments.iter().filter(|it| it["status"] == "captured");
    captured.count()
}

/// Every order, by its id.
fn all_orders(shop: &Shop) -> BTreeMap<String, Value> {
    let (mut orders, mut token) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/orders?user_id=123&limit=100&page_token={token}");
        let page = shop.running.get("order", &path).1;
        for order in page["orders"].as_array().unwrap() {
            let id = order["id"].as_str().unwrap().to_owned();
            orders.insert(id, order.clone());
        }
        match &page["next_page_token"] {
            Value::String(next) => token = next.clone(),
            _ => return orders,
        }
    }
}
