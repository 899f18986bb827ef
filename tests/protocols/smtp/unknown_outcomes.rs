//! After a mail's end nothing but an answer says whether it was taken. Without one it may have been
//! sent: it is tried once more, and then an operator decides.

use std::time::{Duration, Instant};

use fanout_dedup::MarkState;

use super::post::Post;
use super::server::{MailServer, Reaction, Stage};

/// Every way of not answering but silence, which takes time.
const NO_ANSWERS: [Reaction; 7] = [
    Reaction::HangsUp,
    Reaction::Says("ok"),
    Reaction::Says("2"),
    Reaction::Says("354 go on"),
    Reaction::Says("250-2.0.0 taken\r\nand that is it"),
    Reaction::SaysBytes(b"\xff\xfe\xff\r\n"),
    Reaction::SaysBytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
];

#[tokio::test]
async fn a_mail_without_an_answer_is_repeated_once_under_the_same_id_and_says_so() {
    for no_answer in NO_ANSWERS {
        let server = MailServer::open().await;
        let post = Post::to(server.port()).await;
        server.next(Stage::Content, no_answer);
        let first = post.deliver("evt_1", "usr_1").await;
        assert_eq!(first.outcome, "failed", "{no_answer:?}");
        assert!(!first.logs.contains("TLS"), "{}", first.logs);
        assert!(post.statuses("usr_1").await.is_empty());
        let repeated = post.deliver("evt_1", "usr_1").await;
        assert_eq!(repeated.outcome, "done", "{no_answer:?}");
        let logs = repeated.logs;
        assert!(logs.contains(r#""may_have_repeated":true"#), "{logs}");
        let mark = post.scene.mark("email", "evt_1").await.unwrap();
        assert!(mark.may_have_repeated);
        let mails = server.mails();
        let ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
        assert_eq!(ids, [Some("<evt_1@example.com>"); 2], "{no_answer:?}");
        assert_eq!(post.statuses("usr_1").await, ["sent"]);
    }
}

#[tokio::test]
async fn a_second_mail_without_an_answer_is_parked_until_an_operator_redrives_it() {
    for no_answer in NO_ANSWERS {
        let server = MailServer::open().await;
        let post = Post::to(server.port()).await;
        for outcome in ["failed", "parked", "parked"] {
            if server.mails().len() < 2 {
                server.next(Stage::Content, no_answer);
            }
            let delivered = post.deliver("evt_1", "usr_1").await;
            assert_eq!(delivered.outcome, outcome, "{no_answer:?}");
        }
        let mark = post.scene.mark("email", "evt_1").await.unwrap();
        assert_eq!(mark.state, MarkState::Parked);
        assert_eq!(mark.outcome.as_deref(), Some("outcome_unknown"));
        assert!(mark.may_have_repeated);
        assert_eq!(post.statuses("usr_1").await, ["unknown"]);
        let letters = post.scene.dead_letters.take();
        let reason =
            |letter: &fanout_bus::OutgoingMessage| letter.attributes["dead-letter-reason"].clone();
        let reasons: Vec<_> = letters.iter().map(reason).collect();
        assert_eq!(reasons, ["outcome_unknown"; 2]);
        assert_eq!(server.mails().len(), 2, "nobody has decided yet");
        assert_eq!(post.redrive("evt_1", "usr_1").await, "done");
        assert_eq!(post.statuses("usr_1").await, ["sent"]);
        assert_eq!(server.mails().len(), 3);
    }
}

/// What happens in between does not count: only a mail that was handed over may have been sent.
#[tokio::test]
async fn there_is_one_more_try_however_late_it_comes() {
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    server.next(Stage::Content, Reaction::HangsUp);
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "failed");
    server.next(Stage::Recipient, Reaction::Says("451 4.7.1 greylisted"));
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "deferred");
    server.next(Stage::Sender, Reaction::HangsUp);
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "failed");
    server.next(Stage::Content, Reaction::Says("451 4.3.0 try again"));
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "deferred");
    server.next(Stage::Content, Reaction::HangsUp);
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "parked");
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn a_server_that_is_silent_after_the_mail_is_waited_for_as_long_as_the_delivery_may_take() {
    let budget = Duration::from_secs(2);
    let server = MailServer::open().await;
    let post = Post::with_budget(server.port(), budget).await;
    for outcome in ["failed", "parked"] {
        server.next(Stage::Content, Reaction::Hangs);
        let began = Instant::now();
        let delivered = post.deliver("evt_1", "usr_1").await;
        assert!(began.elapsed() > budget / 2, "{:?}", began.elapsed());
        assert_eq!(delivered.outcome, outcome);
        let logs = delivered.logs;
        assert!(
            logs.contains("did not answer in time after the mail"),
            "{logs}"
        );
    }
    assert_eq!(post.statuses("usr_1").await, ["unknown"]);
    assert_eq!(server.mails().len(), 2);
}
