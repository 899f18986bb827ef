//! The stock of a product that many orders want at once: divided over documents while orders come in,
//! it is never oversold, and adds up.

use fanout_store::{Documents, Query, all_documents};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{LoneConsumer, TestSystem, eventually};

/// How many lie in the warehouse.
const ON_HAND: u64 = 48;

impl TestSystem {
    async fn divide(&self, product: u64, shards: u64) -> Value {
        let path = format!("/stock/{product}/shards");
        let request = self.client.post(self.url("inventory", &path));
        let answer = request.json(&json!({"shards": shards})).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    async fn put_stock(&self, product: u64, on_hand: u64) -> u16 {
        let path = format!("/stock/{product}");
        let request = self.client.put(self.url("inventory", &path));
        let answer = request.json(&json!({"on_hand": on_hand})).send().await;
        answer.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn thirty_two_writers_of_divided_stock_sell_each_item_once_however_it_is_divided_meanwhile() {
    let system = TestSystem::shop().await;
    assert_eq!(system.put_stock(3, ON_HAND).await, 200);
    system.divide(3, 8).await;
    // More than there is, of one to three each: what a shard has left is less than some of them want.
    let order = |number: u64| {
        let quantity = 1 + number % 3;
        let order = json!({"user_id": 1, "product_id": 3, "quantity": quantity, "price": 1});
        let system = &system;
        async move { (system.place(&order).await, quantity) }
    };
    let orders = join_all((0..32).map(order));
    let dividing = async {
        for shards in [3, 1, 16, 5] {
            system.divide(3, shards).await;
        }
    };
    let (orders, ()) = tokio::join!(orders, dividing);
    let mut sold = 0;
    let mut refused = Vec::new();
    for (order, quantity) in &orders {
        let ended = system.ended(order).await;
        match ended["status"].as_str().unwrap() {
            "confirmed" => sold += quantity,
            _ => {
                assert_eq!(ended["reason"], "out_of_stock", "{ended}");
                refused.push(*quantity);
            }
        }
    }
    let left = ON_HAND - sold;
    eventually("the stock", || async {
        (system.stock(3).await == (left, 0)).then_some(())
    })
    .await;
    // None was sent away for what was there when all had been served.
    assert!(refused.iter().all(|quantity| *quantity > left), "{left}");
    system.divide(3, 1).await;
    assert_eq!(system.stock(3).await, (left, 0));
    system.stop().await;
}

#[tokio::test]
async fn divided_stock_is_put_in_reserved_and_released_as_if_it_were_not() {
    let system = TestSystem::shop().await;
    let divided = system.divide(2, 4).await;
    let parts = divided["shards"].as_array().unwrap();
    let on_hand: Vec<u64> = parts
        .iter()
        .map(|it| it["on_hand"].as_u64().unwrap())
        .collect();
    assert_eq!(on_hand, [12, 12, 13, 13]);
    // Of no shard is there as much.
    let order = json!({"user_id": 1, "product_id": 2, "quantity": 40, "price": 1, "ship_to": {"country": "ZZ"}});
    let order = system.place(&order).await;
    assert_eq!(system.ended(&order).await["reason"], "country_not_served");
    assert_eq!(system.stock(2).await, (50, 0));
    assert_eq!(system.put_stock(2, 7).await, 200);
    assert_eq!(system.stock(2).await, (7, 0));
    let order = json!({"user_id": 1, "product_id": 2, "quantity": 7, "price": 1});
    let order = system.place(&order).await;
    assert_eq!(system.ended(&order).await["status"], "confirmed");
    eventually("the stock", || async {
        (system.stock(2).await == (0, 0)).then_some(())
    })
    .await;
    let wrong = system
        .client
        .post(system.url("inventory", "/stock/2/shards"));
    let wrong = wrong.json(&json!({"shards": 101})).send().await.unwrap();
    assert_eq!(wrong.status(), 422);
    let none = system
        .client
        .post(system.url("inventory", "/stock/none/shards"));
    let none = none.json(&json!({"shards": 2})).send().await.unwrap();
    assert_eq!(none.status(), 404);
    system.stop().await;
}

#[tokio::test]
async fn stock_in_one_document_again_leaves_no_shard_behind() {
    let inventory = LoneConsumer::of(&inventory_service::SERVICE).await;
    let documents = inventory.documents.as_ref();
    inventory_service::stock_first_products(documents)
        .await
        .unwrap();
    let left = async || {
        let all = all_documents(
            documents as &dyn Documents,
            Query::of(inventory_service::STOCK_SHARDS),
        );
        all.await.unwrap().len()
    };
    for (shards, documents_of_shards) in [(7, 7), (3, 3), (100, 100), (1, 0), (1, 0), (2, 2)] {
        let divided = inventory_service::shard_stock(documents, "1", shards)
            .await
            .unwrap();
        let sum: u64 = divided.shards.iter().map(|part| part.on_hand).sum();
        assert_eq!((sum, left().await), (50, documents_of_shards));
        assert_eq!(
            inventory_service::division_of(documents, "1")
                .await
                .unwrap(),
            divided
        );
    }
}
