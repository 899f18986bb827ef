//! The main job: sign up once, three services react once.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::engines::on_every_engine;
use crate::support::{TestSystem, get_json};

on_every_engine! {
    async fn one_sign_up_is_one_contact_one_mail_and_one_count(system) {
        let user = system.sign_up("test@example.com").await;
        system.assert_reacted_once(std::slice::from_ref(&user)).await;
        let contact = system.contact(&user).await.unwrap();
        assert_eq!(contact["email"], "test@example.com");
        assert_eq!(contact["source"], "user-service");
        assert_eq!(system.mails_to(&user).await[0]["status"], "sent");
        assert_eq!(system.mail_files().len(), 1);
        system.stop().await;
    }

    async fn an_address_belongs_to_one_user_whatever_its_case(system) {
        system.sign_up("ada@example.com").await;
        let again = json!({"email": "Ada@Example.COM", "name": "Ada"});
        let answer = system.post_user(&again).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], "email_taken");
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_user_is_answered_and_can_be_fetched() {
    let system = TestSystem::embedded().await;
    let body = json!({"email": "Test@example.com", "name": " Test User "});
    let answer = system.post_user(&body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = answer.json().await.unwrap();
    assert_eq!(
        location,
        format!("/users/{}", created["id"].as_str().unwrap())
    );
    insta::assert_json_snapshot!(created, {
        ".id" => "[id]", ".created_at" => "[time]", ".updated_at" => "[time]"
    }, @r#"
    {
      "created_at": "[time]",
      "email": "Test@example.com",
      "id": "[id]",
      "name": "Test User",
      "updated_at": "[time]",
      "version": 1
    }
    "#);
    let fetched = system
        .client
        .get(system.url("user", &location))
        .send()
        .await
        .unwrap();
    assert_eq!(fetched.headers()["etag"], "\"1\"");
    assert_eq!(fetched.json::<Value>().await.unwrap(), created);
    let (missing, _) = get_json(&system.client, &system.url("user", "/users/nobody")).await;
    assert_eq!(missing, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_and_repeats_nothing() {
    let system = TestSystem::embedded().await;
    let user = system.sign_up("test@example.com").await;
    system
        .assert_reacted_once(std::slice::from_ref(&user))
        .await;
    let data = system.stop().await;
    let system = TestSystem::restarted(data).await;
    system
        .assert_reacted_once(std::slice::from_ref(&user))
        .await;
    assert_eq!(system.mail_files().len(), 1);
}
