//! Many requests at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use http::{Method, StatusCode};
use serde_json::json;
use user_service::{USER_EMAILS, USERS};

use super::service::{Service, on_every_store};

on_every_store! {
    async fn five_hundred_sign_ups_with_fifty_addresses_make_fifty_users(service) {
        let service = Arc::new(service);
        let sign_ups = (0..500).map(|number| {
            let service = Arc::clone(&service);
            let address = match number % 2 {
                0 => format!("user{}@example.com", number / 10),
                _ => format!("USER{}@Example.com", number / 10),
            };
            tokio::spawn(async move { service.sign_up(&address).await })
        });
        // Those with one address side by side.
        let mut answers = stream::iter(sign_ups).buffer_unordered(service.keeps_up_with());
        let mut by_status: BTreeMap<StatusCode, u32> = BTreeMap::new();
        while let Some(answer) = answers.next().await {
            let answer = answer.unwrap();
            *by_status.entry(answer.status).or_default() += 1;
            if answer.status == StatusCode::CONFLICT {
                assert_eq!(answer.body["type"], "email_taken");
            }
        }
        let expected = BTreeMap::from([(StatusCode::CREATED, 50), (StatusCode::CONFLICT, 450)]);
        assert_eq!(by_status, expected);
        service.outbox.drain().await;
        assert_eq!(service.stored(USERS).await.len(), 50);
        assert_eq!(service.stored(USER_EMAILS).await.len(), 50);
        assert_eq!(service.bus.events().len(), 50);
        service.assert_outbox_empty().await;
    }

    async fn a_thousand_updates_from_eight_clients_are_numbered_without_gap_or_repeat(service) {
        let service = Arc::new(service);
        let user = service.new_user("ada@example.com").await;
        let clients = (0..8).map(|client| {
            let (service, user) = (Arc::clone(&service), user.clone());
            tokio::spawn(async move {
                let mut versions = Vec::new();
                for change in 0..125 {
                    let body = json!({"name": format!("Name {client} {change}")});
                    let answer = service.patch(&user, &body).await;
                    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
                    assert_eq!(answer.body["name"], body["name"]);
                    versions.push(answer.body["version"].as_u64().unwrap());
                }
                assert!(versions.is_sorted());
                versions
            })
        });
        let mut versions = Vec::new();
        for client in join_all(clients).await {
            versions.extend(client.unwrap());
        }
        versions.sort_unstable();
        assert_eq!(versions, (2..=1001).collect::<Vec<u64>>());
        service.outbox.drain().await;
        service.relay_later().await;
        let published = service.bus.sequences();
        assert_eq!(published[&user], (1..=1001).collect::<Vec<u64>>());
        service.assert_outbox_empty().await;
    }

    async fn the_same_request_with_one_key_at_once_makes_one_user(service) {
        let service = Arc::new(service);
        for round in 0..20 {
            let body = json!({"email": format!("user{round}@example.com"), "name": "Ada"});
            let key = format!("key {round}");
            let both = (0..4).map(|_| {
                let (service, body, key) = (Arc::clone(&service), body.clone(), key.clone());
                tokio::spawn(async move {
                    let headers = [("idempotency-key", key.as_str())];
                    service.send(Method::POST, "/users", &headers, &body).await
                })
            });
            let answers: Vec<_> = join_all(both)
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect();
            for answer in &answers {
                assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
                assert_eq!(answer.body, answers[0].body);
                assert_eq!(answer.headers["location"], answers[0].headers["location"]);
            }
        }
        assert_eq!(service.stored(USERS).await.len(), 20);
        service.outbox.drain().await;
        assert_eq!(service.bus.events().len(), 20);
    }

    async fn two_users_who_want_one_address_at_once_do_not_both_get_it(service) {
        let service = Arc::new(service);
        for round in 0..20 {
            let mut users = Vec::new();
            for number in 0..3 {
                let address = format!("old{round}.{number}@example.com");
                users.push(service.new_user(&address).await);
            }
            let wanted = json!({"email": format!("wanted{round}@example.com")});
            let answers = join_all(users.iter().map(|user| service.patch(user, &wanted))).await;
            let got = answers.iter().filter(|it| it.status == StatusCode::OK);
            assert_eq!(got.count(), 1);
            let taken = answers.iter().filter(|it| it.body["type"] == "email_taken");
            assert_eq!(taken.count(), 2);
        }
        assert_eq!(service.stored(USER_EMAILS).await.len(), 60);
    }

    async fn of_many_changes_of_the_same_version_one_is_made(service) {
        let user = service.new_user("ada@example.com").await;
        let path = format!("/users/{user}");
        let changes = (0..8).map(|number| {
            let body = json!({"name": format!("Name {number}")});
            let (service, path) = (&service, &path);
            async move {
                let tag = [("if-match", "\"1\"")];
                service.send(Method::PATCH, path, &tag, &body).await
            }
        });
        let answers = join_all(changes).await;
        let made = answers.iter().filter(|it| it.status == StatusCode::OK);
        assert_eq!(made.count(), 1);
        let stale = answers.iter().filter(|it| it.body["type"] == "version_mismatch");
        assert_eq!(stale.count(), 7);
    }
}
