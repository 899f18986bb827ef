//! `fanout stock`, as whoever keeps the shop uses it.

use serde_json::{Value, json};

use crate::shop::Shop;

fn on_hand(division: &Value) -> Vec<u64> {
    let parts = division["shards"].as_array().unwrap().iter();
    parts
        .map(|part| part["on_hand"].as_u64().unwrap())
        .collect()
}

#[test]
fn the_stock_of_a_product_is_divided_and_put_together_again_while_the_shop_runs() {
    let shop = Shop::start();
    assert_eq!(on_hand(&shop.json(&["stock", "show", "4"])), [50]);
    let would = shop.json(&["stock", "shard", "4", "3", "--dry-run"]);
    assert_eq!(on_hand(&would["after"]), [16, 17, 17]);
    assert_eq!(on_hand(&shop.json(&["stock", "show", "4"])), [50]);
    let divided = shop.json(&["stock", "shard", "4", "3"]);
    assert_eq!(divided["dry_run"], false);
    assert_eq!(on_hand(&shop.json(&["stock", "show", "4"])), [16, 17, 17]);
    assert_eq!(shop.stock(4), (50, 0));
    let id = shop.order(&json!({"product_id": 4, "quantity": 30}));
    shop.wait_for(&id, "confirmed");
    crate::running::wait_until("the stock", || shop.stock(4) == (20, 0));
    let whole = shop.json(&["stock", "shard", "4", "1"]);
    assert_eq!(on_hand(&whole["after"]), [20]);
    let told = shop.run(&["stock", "show", "4"]);
    assert_eq!(
        told.stdout,
        "product 4: 1 document\n  20 on hand, 0 reserved\ntogether 20 on hand, 0 reserved\n"
    );
    let none = shop.run(&["stock", "shard", "none", "2"]);
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.stderr.contains("there is no such product"), "{none:?}");
}
