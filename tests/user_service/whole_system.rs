//! The service within the whole system, on every engine: what it publishes arrives.

use http::StatusCode;
use serde_json::{Value, json};

use crate::engines::on_every_engine;
use crate::support::{TestSystem, eventually};

async fn version_of(system: &TestSystem, user: &str, wanted: u64) -> Value {
    eventually("the contact's version", || async {
        let contact = system.contact(user).await;
        contact.filter(|contact| contact["version"] == wanted)
    })
    .await
}

on_every_engine! {
    async fn changes_of_a_user_reach_the_contact_and_a_deletion_removes_it(system) {
        let user = system.sign_up("old@example.com").await;
        let url = system.url("user", &format!("/users/{user}"));
        let change = json!({"email": "new@example.com", "name": "New Name"});
        let answer = system.client.patch(&url).json(&change).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["etag"], "\"2\"");
        let contact = version_of(&system, &user, 2).await;
        assert_eq!(contact["email"], "new@example.com");
        assert_eq!(contact["name"], "New Name");
        // The old address is free, the new one is not.
        system.sign_up("old@example.com").await;
        let taken = json!({"email": "NEW@example.com", "name": "Eve"});
        assert_eq!(system.post_user(&taken).await.status(), StatusCode::CONFLICT);
        let deleted = system.client.delete(&url).send().await.unwrap();
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
        eventually("the contact to go", || async {
            system.contact(&user).await.is_none().then_some(())
        })
        .await;
        let again = system.client.delete(&url).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_FOUND);
        system.sign_up("new@example.com").await;
        system.stop().await;
    }

    async fn updates_from_several_clients_are_numbered_without_gap(system) {
        let user = system.sign_up("ada@example.com").await;
        let url = system.url("user", &format!("/users/{user}"));
        let clients = (0..4).map(|client| {
            let (url, http) = (url.clone(), system.client.clone());
            async move {
                let mut versions = Vec::new();
                for change in 0..5 {
                    let name = json!({"name": format!("Name {client} {change}")});
                    let answer = http.patch(&url).json(&name).send().await.unwrap();
                    assert_eq!(answer.status(), StatusCode::OK);
                    let user: Value = answer.json().await.unwrap();
                    versions.push(user["version"].as_u64().unwrap());
                }
                versions
            }
        });
        let versions = futures_util::future::join_all(clients).await;
        let mut versions: Vec<u64> = versions.into_iter().flatten().collect();
        versions.sort_unstable();
        assert_eq!(versions, (2..=21).collect::<Vec<u64>>());
        version_of(&system, &user, 21).await;
        system.stop().await;
    }

    async fn one_key_is_one_user_however_often_it_is_sent_at_once(system) {
        let url = system.url("user", "/users");
        let body = json!({"email": "ada@example.com", "name": "Ada"});
        let requests = (0..6).map(|_| {
            let request = system.client.post(&url).header("idempotency-key", "one");
            request.json(&body).send()
        });
        let mut users = std::collections::BTreeSet::new();
        for answer in futures_util::future::join_all(requests).await {
            let answer = answer.unwrap();
            let status = answer.status();
            let body: Value = answer.json().await.unwrap();
            match status {
                StatusCode::CREATED => drop(users.insert(body["id"].to_string())),
                _ => assert_eq!(body["type"], "request_in_progress"),
            }
        }
        assert_eq!(users.len(), 1);
        let again = system.client.post(&url).header("idempotency-key", "one");
        let again = again.json(&body).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::CREATED);
        system.stop().await;
    }
}
