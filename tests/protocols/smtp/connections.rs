//! Connections are kept, lost, and hang.

use std::time::Duration;

use fanout_dedup::MarkState;
use fanout_mail::SmtpLimits;
use futures_util::future::join_all;
use tokio::net::TcpListener;

use super::post::{MOMENT, Post};
use super::server::{MailServer, Reaction, Stage};
use crate::support::eventually;

const BEFORE_THE_MAIL: [Stage; 4] = [
    Stage::Greeting,
    Stage::Sender,
    Stage::Recipient,
    Stage::Data,
];

#[tokio::test]
async fn mails_one_after_the_other_share_one_connection() {
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    for number in 0..5 {
        let delivered = post.deliver(&format!("evt_{number}"), "usr_1").await;
        assert_eq!(delivered.outcome, "done");
    }
    assert_eq!((server.mails().len(), server.seen().connections), (5, 1));
}

#[tokio::test]
async fn an_idle_connection_is_closed_with_a_goodbye() {
    let server = MailServer::open().await;
    let limits = SmtpLimits {
        idle: MOMENT,
        ..SmtpLimits::PRODUCTION
    };
    let post = Post::with_limits(server.port(), limits).await;
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "done");
    eventually("the goodbye", || async {
        (server.seen().open == 0).then_some(())
    })
    .await;
    assert_eq!(server.seen().commands.last().unwrap(), "QUIT");
    assert_eq!(post.deliver("evt_2", "usr_1").await.outcome, "done");
    assert_eq!(server.seen().connections, 2);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_no_failure_of_the_next_mail() {
    let server = MailServer::open().await;
    let post = Post::to(server.port()).await;
    assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "done");
    server.closes_all();
    eventually("the end of the connection", || async {
        (server.seen().open == 0).then_some(())
    })
    .await;
    assert_eq!(post.deliver("evt_2", "usr_1").await.outcome, "done");
    assert_eq!((server.mails().len(), server.seen().connections), (2, 2));
}

#[tokio::test]
async fn many_mails_at_once_use_no_more_connections_than_allowed() {
    let server = MailServer::open().await;
    let limits = SmtpLimits {
        sessions: 2,
        ..SmtpLimits::PRODUCTION
    };
    let post = Post::with_limits(server.port(), limits).await;
    let users: Vec<String> = (0..20).map(|number| format!("usr_{number}")).collect();
    let deliveries = users.iter().map(|user| post.deliver(user, user));
    let delivered = join_all(deliveries).await;
    assert!(delivered.iter().all(|it| it.outcome == "done"));
    assert_eq!((server.mails().len(), server.seen().most), (20, 2));
}

#[tokio::test]
async fn where_no_server_listens_the_mail_waits_for_the_next_delivery() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let post = Post::to(port).await;
    let delivered = post.deliver("evt_1", "usr_1").await;
    assert_eq!(delivered.outcome, "failed");
    assert!(delivered.logs.contains("refused"), "{}", delivered.logs);
    let mark = post.scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(
        (mark.state, mark.may_have_repeated),
        (MarkState::Released, false)
    );
}

/// Short where the server hangs, and patient elsewhere.
fn hasty_at(stage: Stage) -> SmtpLimits {
    let usual = SmtpLimits::PRODUCTION;
    let limit = |hangs_here: bool, usual: Duration| if hangs_here { MOMENT } else { usual };
    SmtpLimits {
        opening: limit(stage == Stage::Greeting, usual.opening),
        envelope: limit(stage != Stage::Greeting, usual.envelope),
        ..usual
    }
}

#[tokio::test]
async fn a_server_that_hangs_before_the_mail_is_given_up_and_has_not_sent_it() {
    for stage in BEFORE_THE_MAIL {
        let server = MailServer::open().await;
        let post = Post::with_limits(server.port(), hasty_at(stage)).await;
        server.next(stage, Reaction::Hangs);
        let delivered = post.deliver("evt_1", "usr_1").await;
        assert_eq!(delivered.outcome, "failed", "{stage:?}");
        let logs = delivered.logs;
        assert!(logs.contains("did not answer in time"), "{logs}");
        let mark = post.scene.mark("email", "evt_1").await.unwrap();
        assert_eq!(mark.state, MarkState::Released, "{stage:?}");
        assert!(!mark.may_have_repeated, "{stage:?}");
        assert!(post.scene.dead_letters.take().is_empty(), "{stage:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_mail_leaves_nothing_open() {
    for stage in BEFORE_THE_MAIL {
        let server = MailServer::open().await;
        let post = Post::to(server.port()).await;
        server.next(stage, Reaction::HangsUp);
        let outcome = post.deliver("evt_1", "usr_1").await.outcome;
        assert_eq!(outcome, "failed", "{stage:?}");
        let outcome = post.deliver("evt_1", "usr_1").await.outcome;
        assert_eq!(outcome, "done", "{stage:?}");
        let mark = post.scene.mark("email", "evt_1").await.unwrap();
        assert!(!mark.may_have_repeated, "{stage:?}");
        assert_eq!(server.mails().len(), 1, "{stage:?}");
    }
}
