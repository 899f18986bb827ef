//! The process dies at every step of every request, before and after the step has its effect.

use http::{Method, StatusCode};
use serde_json::json;
use user_service::USERS;

use super::bus::Mood;
use super::halting::{Death, Mortal};
use super::service::Service;

/// More steps than any request takes.
const MANY: u32 = 40;

fn deaths() -> impl Iterator<Item = Death> {
    (0..MANY).flat_map(|call| [false, true].map(|effective| Death { call, effective }))
}

/// After the crash: what is stored is what is published, in order and without gaps; nothing is
/// held for ever.
async fn assert_nothing_lost(service: &Service, death: Death) {
    service.relay_later().await;
    service.assert_outbox_empty().await;
    let published = service.bus.first_sequences();
    let users = service.stored(USERS).await;
    assert_eq!(published.len(), users.len(), "{death:?}");
    for user in users {
        let version = user.fields.count("version").unwrap();
        let expected: Vec<u64> = (1..=version).collect();
        assert_eq!(published[user.key.id()], expected, "{death:?}");
    }
    let all = service.bus.events().len() as u64;
    let needed: u64 = published.values().map(|it| it.len() as u64).sum();
    assert!(
        all <= needed + 1,
        "{death:?}: one repeat at most, where the step's end is unknown"
    );
}

#[tokio::test]
async fn a_sign_up_that_dies_is_stored_and_published_or_neither() {
    for death in deaths() {
        let service = Service::new().await;
        let mortal = Mortal::beside(&service, death);
        let body = json!({"email": "ada@example.com", "name": "Ada"});
        let key = [("idempotency-key", "key")];
        let sign_up = mortal.service.send(Method::POST, "/users", &key, &body);
        let lived = mortal.survives(sign_up).await;
        let again = service.send(Method::POST, "/users", &key, &body).await;
        assert_eq!(again.status, StatusCode::CREATED, "{death:?}");
        service.outbox.drain().await;
        assert_eq!(service.stored(USERS).await.len(), 1);
        assert_nothing_lost(&service, death).await;
        if lived {
            return;
        }
    }
    panic!("no request took less than {MANY} steps");
}

#[tokio::test]
async fn a_change_that_dies_is_stored_and_published_or_neither() {
    for death in deaths() {
        let service = Service::new().await;
        let user = service.new_user("ada@example.com").await;
        service.outbox.drain().await;
        let mortal = Mortal::beside(&service, death);
        let change = json!({"email": "new@example.com"});
        let lived = mortal.survives(mortal.service.patch(&user, &change)).await;
        // Sent again it changes nothing more, and later changes come behind it.
        assert_eq!(service.patch(&user, &change).await.body["version"], 2);
        let later = service.patch(&user, &json!({"name": "Later"})).await;
        assert_eq!(later.body["version"], 3);
        service.outbox.drain().await;
        assert_nothing_lost(&service, death).await;
        assert_eq!(
            service.sign_up("ada@example.com").await.status,
            StatusCode::CREATED
        );
        if lived {
            return;
        }
    }
    panic!("no request took less than {MANY} steps");
}

#[tokio::test]
async fn a_deletion_that_dies_is_stored_and_published_or_neither() {
    for death in deaths() {
        let service = Service::new().await;
        let user = service.new_user("ada@example.com").await;
        service.outbox.drain().await;
        let mortal = Mortal::beside(&service, death);
        let lived = mortal.survives(mortal.service.delete(&user)).await;
        service.delete(&user).await;
        assert_eq!(service.get(&user).await.status, StatusCode::NOT_FOUND);
        service.outbox.drain().await;
        assert_nothing_lost(&service, death).await;
        if lived {
            return;
        }
    }
    panic!("no request took less than {MANY} steps");
}

#[tokio::test]
async fn a_relay_that_dies_leaves_the_rest_to_the_next() {
    for death in deaths() {
        let service = Service::new().await;
        service.bus.turn(Mood::Refusing);
        for number in 0..2 {
            let user = service.new_user(&format!("user{number}@example.com")).await;
            service.patch(&user, &json!({"name": "Second"})).await;
            service.patch(&user, &json!({"name": "Third"})).await;
        }
        service.outbox.drain().await;
        service.bus.turn(Mood::Up);
        let mortal = Mortal::beside(&service, death);
        let lived = mortal.survives(mortal.service.relay()).await;
        // What was published and not yet removed is repeated, of each subject one at most.
        service.relay_later().await;
        service.assert_outbox_empty().await;
        let first = service.bus.first_sequences();
        assert_eq!(first.len(), 2, "{death:?}");
        assert!(
            first.values().all(|sequences| *sequences == [1, 2, 3]),
            "{death:?}"
        );
        assert!(service.bus.events().len() <= 8, "{death:?}");
        if lived {
            return;
        }
    }
    panic!("no run took less than {MANY} steps");
}
