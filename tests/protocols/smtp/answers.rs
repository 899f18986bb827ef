//! What the mail server says decides what becomes of the event.

use fanout_dedup::MarkState;
use fanout_mail::{SmtpLimits, SmtpMailer, SmtpServer};

use super::post::{ADDRESS, Post, sign_up};
use super::server::{MailServer, Reaction, Stage};

#[tokio::test]
async fn a_mail_that_is_taken_has_its_envelope_both_texts_and_a_record() {
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "done");
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "duplicate");
    let mails = server.mails();
    let [mail] = mails.as_slice() else {
        panic!("{} mails", mails.len());
    };
    assert_eq!(mail.from, "hello@example.com");
    assert_eq!(mail.to, [ADDRESS]);
    assert_eq!(mail.header("Message-ID"), Some("<evt_1@example.com>"));
    assert_eq!(mail.header("Auto-Submitted"), Some("auto-generated"));
    assert!(mail.content.contains("text/plain") && mail.content.contains("text/html"));
    assert_eq!(post.statuses("usr_1").await, ["sent"]);
}

#[tokio::test]
async fn a_refused_mailbox_is_parked_and_recorded_and_a_redrive_can_succeed() {
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    let refusal = "550 5.1.1 <secret.person@example.org>: no such user";
    server.next(Stage::Recipient, Reaction::Says(refusal));
    let refused = post.deliver("evt_1", "usr_1").await;
    assert_eq!(refused.outcome, "parked");
    assert!(refused.logs.contains("mailbox_refused"), "{}", refused.logs);
    assert!(refused.logs.contains("550 5.1.1"), "{}", refused.logs);
    assert_eq!(post.statuses("usr_1").await, ["failed"]);
    let mark = post.scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Parked);
    let letters = post.scene.dead_letters.take();
    let [letter] = letters.as_slice() else {
        panic!("{} dead letters", letters.len());
    };
    assert_eq!(letter.attributes["dead-letter-reason"], "mailbox_refused");
    assert!(!format!("{:?}", letter.attributes).contains("secret.person"));

    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "done");
    assert_eq!(post.statuses("usr_1").await, ["sent"]);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_mail_that_is_deferred_is_sent_at_the_next_delivery() {
    let deferrals = [
        (Stage::Greeting, "421 4.3.2 too busy"),
        (Stage::Sender, "451 4.3.0 try again later"),
        (
            Stage::Recipient,
            "451 4.7.1 <secret.person@example.org>: greylisted",
        ),
        (Stage::Data, "451 4.3.0 try again later"),
        (Stage::Content, "452 4.3.1 no space left"),
    ];
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    for (number, (stage, words)) in deferrals.into_iter().enumerate() {
        let (event, user) = (format!("evt_{number}"), format!("usr_{number}"));
        // The greeting comes on a new connection only.
        server.closes_all();
        server.next(stage, Reaction::Says(words));
        let deferred = post.deliver(&event, &user).await;
        assert_eq!(deferred.outcome, "deferred", "{words}");
        let logs = deferred.logs;
        assert!(logs.contains(r#""severity":"WARNING""#), "{logs}");
        assert!(!logs.contains(r#""severity":"ERROR""#), "{logs}");
        assert!(post.statuses(&user).await.is_empty(), "{words}");
        let mark = post.scene.mark("email", &event).await.unwrap();
        assert_eq!(mark.state, MarkState::Released, "{words}");
        assert!(!mark.may_have_repeated, "the server said no: {words}");
        assert_eq!(post.deliver(&event, &user).await.outcome, "done", "{words}");
        assert_eq!(post.statuses(&user).await, ["sent"], "{words}");
        assert_eq!(server.mails().len(), number + 1, "{words}");
    }
    assert!(post.scene.dead_letters.take().is_empty());
}

#[tokio::test]
async fn what_is_not_the_recipients_fault_is_logged_as_an_error_and_never_parked() {
    let refusals = [
        (Stage::Greeting, "554 5.3.2 no service"),
        (Stage::Sender, "530 5.7.0 authentication required"),
        (Stage::Sender, "550 5.7.1 you may not send as this sender"),
        (Stage::Sender, "553 5.1.8 no such domain"),
        (
            Stage::Recipient,
            "554 5.7.1 <secret.person@example.org>: relay access denied",
        ),
        (Stage::Recipient, "550 5.1.8 sender's domain not found"),
        (Stage::Recipient, "550 5.1.0 Sender address rejected"),
        (
            Stage::Recipient,
            "550 5.4.5 Daily SMTP relay sending limit exceeded",
        ),
        (Stage::Data, "503 5.5.1 bad sequence of commands"),
        (Stage::Content, "550 5.7.1 looks like spam"),
        (Stage::Content, "554 transaction failed"),
        (Stage::Content, "554 5.4.6 Too many hops"),
        (
            Stage::Content,
            "554 5.2.252 SendAsDenied; not allowed to send as hello@example.com",
        ),
        (
            Stage::Content,
            "550-5.4.5 Daily user sending limit exceeded\r\n550 5.4.5 gsmtp",
        ),
        (
            Stage::Content,
            "552 Message would take you over your relay quota of 500",
        ),
    ];
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    for (number, (stage, words)) in refusals.into_iter().enumerate() {
        let (event, user) = (format!("evt_{number}"), format!("usr_{number}"));
        server.closes_all();
        server.next(stage, Reaction::Says(words));
        let delivered = post.deliver(&event, &user).await;
        assert_eq!(delivered.outcome, "failed", "{words}");
        let logs = delivered.logs;
        assert!(logs.contains(r#""severity":"ERROR""#), "{logs}");
        assert!(logs.contains("check SMTP_URL, MAIL_FROM"), "{logs}");
        assert!(logs.contains(&words[..3]), "{logs}");
        assert_eq!(post.deliver(&event, &user).await.outcome, "done", "{words}");
    }
    assert!(post.scene.dead_letters.take().is_empty());
    assert_eq!(server.mails().len(), refusals.len());
}

#[tokio::test]
async fn an_answer_in_another_encoding_is_its_three_digits_at_every_stage() {
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    for (stage, answer) in [
        (Stage::Greeting, &b"220 test \xe9\r\n"[..]),
        (Stage::Sender, b"250-\xe9\r\n250\r\n"),
        (Stage::Recipient, b"251 \x80\xff\n"),
        (Stage::Data, b"354 \xe9\r\n"),
        (Stage::Content, b"250 2.0.0 Message accept\xe9\r\n"),
    ] {
        server.next(stage, Reaction::SaysBytes(answer));
    }
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "done");
    assert_eq!(server.mails().len(), 1);
    let refusal = b"550 5.1.1 <\xe9>: bo\xeete inconnue\r\n";
    server.next(Stage::Recipient, Reaction::SaysBytes(refusal));
    assert_eq!(post.deliver("evt_2", "usr_2").await.outcome, "parked");
    assert_eq!(post.statuses("usr_2").await, ["failed"]);
}

#[tokio::test]
async fn an_international_address_goes_where_the_server_takes_it_and_is_not_its_owners_fault() {
    let mut event = sign_up("evt_1", "usr_1");
    event["data"]["email"] = "हिन्दी@डाटामेल.भारत".into();
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    assert_eq!(post.deliver_event(&event).await.outcome, "done");
    assert_eq!(server.mails()[0].to, ["हिन्दी@xn--c2bd4bq1db8d.xn--h2brj9c"]);

    let server = MailServer::of_ascii().await;
    let post = Post::to(server.port()).await;
    let parked = post.deliver_event(&event).await;
    assert_eq!(parked.outcome, "parked");
    assert!(
        parked.logs.contains("address_not_supported"),
        "{}",
        parked.logs
    );
    event["id"] = "evt_2".into();
    event["data"]["email"] = "ada@डाटामेल.भारत".into();
    assert_eq!(post.deliver_event(&event).await.outcome, "done");
    assert_eq!(server.mails()[0].to, ["ada@xn--c2bd4bq1db8d.xn--h2brj9c"]);
}

#[tokio::test]
async fn a_wrong_password_is_our_fault_and_not_shown() {
    let server = MailServer::with_account("user:right").await;
    for (account, outcome) in [("user:wrong", "failed"), ("user:right", "done")] {
        let url = format!("smtp://{account}@127.0.0.1:{}", server.port());
        let mailer =
            SmtpMailer::new(SmtpServer::parse(&url).unwrap(), SmtpLimits::PRODUCTION).unwrap();
        let post = Post::by(mailer).await;
        let delivered = post.deliver("evt_1", "usr_1").await;
        assert_eq!(delivered.outcome, outcome);
        if outcome == "failed" {
            let logs = delivered.logs;
            assert!(logs.contains("535 5.7.8"), "{logs}");
            assert!(logs.contains(r#""severity":"ERROR""#), "{logs}");
            assert!(!logs.contains("wrong"), "{logs}");
            assert!(post.scene.dead_letters.take().is_empty());
        }
    }
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_password_that_the_server_does_not_want_is_our_fault() {
    let server = MailServer::open().await;
    let url = format!("smtp://user:password@127.0.0.1:{}", server.port());
    let mailer = SmtpMailer::new(SmtpServer::parse(&url).unwrap(), SmtpLimits::PRODUCTION).unwrap();
    let delivered = Post::by(mailer).await.deliver("evt_1", "usr_1").await;
    assert_eq!(delivered.outcome, "failed");
    assert!(
        delivered.logs.contains("offers no AUTH"),
        "{}",
        delivered.logs
    );
}
