//! `fanout up` with a mail server.

use std::collections::HashMap;

use super::server::MailServer;
use crate::engines::on_every_engine;
use crate::support::{TestSystem, eventually};

/// Deletes a user and waits until nothing is kept of the mails to them.
async fn delete(system: &TestSystem, user: &str) {
    let path = format!("/users/{user}");
    let gone = system.client.delete(system.url("user", &path)).send().await;
    assert_eq!(gone.unwrap().status(), 204);
    eventually("nothing is kept of the user's mails", || async {
        system.mails_to(user).await.is_empty().then_some(())
    })
    .await;
}

on_every_engine! {
    async fn a_deleted_user_has_no_record_of_mails_and_others_keep_theirs(system) {
        let users = [system.sign_up("a@example.com").await, system.sign_up("b@example.com").await];
        system.assert_reacted_once(&users).await;
        delete(&system, &users[0]).await;
        assert_eq!(system.mails_to(&users[1]).await.len(), 1);
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_one_mail_at_the_mail_server_and_none_in_a_file() {
    let server = MailServer::open().await;
    let variables = HashMap::from([
        (
            "SMTP_URL".to_owned(),
            format!("smtp://127.0.0.1:{}", server.port()),
        ),
        (
            "MAIL_FROM".to_owned(),
            "Us <hello@our.example.com>".to_owned(),
        ),
        (
            "MAIL_REPLY_TO".to_owned(),
            "support@our.example.com".to_owned(),
        ),
        (
            "MAIL_LIST_UNSUBSCRIBE".to_owned(),
            "https://our.example.com/leave/{user_id}".to_owned(),
        ),
    ]);
    let system = TestSystem::with_mail(&variables).await;
    let user = system.sign_up("test@example.com").await;
    system
        .assert_reacted_once(std::slice::from_ref(&user))
        .await;
    let record = &system.mails_to(&user).await[0];
    let mails = server.mails();
    let [mail] = mails.as_slice() else {
        panic!("{} mails", mails.len());
    };
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        (
            "hello@our.example.com",
            ["test@example.com".to_owned()].as_slice()
        )
    );
    let event_id = record["event_id"].as_str().unwrap();
    let message_id = format!("<{event_id}@our.example.com>");
    let leave = format!("<https://our.example.com/leave/{user}>");
    for (name, value) in [
        ("Message-ID", message_id.as_str()),
        ("Reply-To", "support@our.example.com"),
        ("List-Unsubscribe", &leave),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ] {
        assert_eq!(mail.header(name), Some(value));
    }
    assert!(system.mail_files().is_empty());

    delete(&system, &user).await;
    assert_eq!(server.mails().len(), 1);
    system.stop().await;
}
