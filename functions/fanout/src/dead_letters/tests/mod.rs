//! Redriving in Google Cloud, on a stand-in for it: Pub/Sub and IAM that answer nobody without an
//! access token, a subscription that pushes with an identity, and a consumer that checks it.

mod chosen;
mod cloud;

use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use fanout_runtime::Shutdown;

use super::LookingAt;
use super::discard_letters::{DiscardArgs, discard};
use super::interrupt::Interrupt;
use super::list_letters::look;
use super::redrive_letters::{RedriveArgs, redrive};
use cloud::{AUDIENCE, Cloud, PUSHER};

#[derive(Parser)]
struct Redrive {
    #[command(flatten)]
    args: RedriveArgs,
}

#[derive(Parser)]
struct List {
    #[command(flatten)]
    args: LookingAt,
}

#[derive(Parser)]
struct Discard {
    #[command(flatten)]
    args: DiscardArgs,
}

fn arguments(more: &[&str]) -> RedriveArgs {
    let arguments = ["redrive", "--consumer", "email", "--rate", "1000"];
    Redrive::parse_from(arguments.iter().chain(more)).args
}

async fn redrive_all(cloud: &Cloud) -> anyhow::Result<bool> {
    let interrupt = Interrupt::new(Shutdown::default());
    let code = redrive(&cloud.operator(), &arguments(&["--all"]), &interrupt).await?;
    Ok(code == std::process::ExitCode::SUCCESS)
}

#[tokio::test]
async fn a_push_carries_the_token_of_the_subscriptions_identity() {
    let cloud = Cloud::start().await;
    cloud.park(&["17", "18"]).await;
    assert!(redrive_all(&cloud).await.unwrap());
    let asked = cloud.seen.tokens_asked_for.lock().unwrap().clone();
    let expected = (PUSHER.to_owned(), AUDIENCE.to_owned());
    assert_eq!(asked, [expected], "one token serves all pushes");
    let pushed = cloud.seen.pushed.lock().unwrap().clone();
    let mut ids: Vec<&str> = pushed.iter().map(|push| push.message_id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["17", "18"], "each under its own id");
    for push in &pushed {
        assert_eq!(
            push.subscription,
            "projects/p1/subscriptions/user-events-email"
        );
        assert!(
            push.attributes.keys().all(|name| name == "k"),
            "{:?}",
            push.attributes
        );
        assert_eq!(push.delivery_attempt, None);
    }
    assert_eq!(cloud.waiting().await, 0);
}

#[tokio::test]
async fn letters_are_pushed_beside_each_other_but_not_those_of_one_key() {
    let cloud = Cloud::start().await;
    let ids: Vec<String> = (100..124).map(|id| id.to_string()).collect();
    let (loose, keyed) = ids.split_at(20);
    for (ids, key) in [(keyed, "usr_1"), (loose, "")] {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        cloud.park_with_key(&ids, key).await;
    }
    // The first eight show what the consumer can take; then it answers four at a time.
    cloud.answer_together(8, 4);
    assert!(redrive_all(&cloud).await.unwrap());
    let pushed = cloud.seen.pushed.lock().unwrap().clone();
    let order = |key: &str| -> Vec<String> {
        let of_key = pushed.iter().filter(|push| push.ordering_key == key);
        of_key.map(|push| push.message_id.clone()).collect()
    };
    assert_eq!(order("usr_1"), keyed);
    assert_eq!(order("").len(), loose.len());
    assert_eq!(cloud.seen.most_of_a_key.load(Ordering::Relaxed), 1);
    assert_eq!(cloud.waiting().await, 0);
}

#[tokio::test]
async fn all_letters_are_counted_and_every_reason_is_shown() {
    let cloud = Cloud::start().await;
    cloud.park_many(1_500, "undecodable").await;
    cloud.park_many(2_000, "attempts_exhausted").await;
    cloud.park_many(1, "id_reused").await;
    let operator = cloud.operator();
    let interrupt = Interrupt::new(Shutdown::default());
    let args = List::parse_from(["list", "--consumer", "email"]).args;
    let listing = look(&operator, &args, &interrupt).await.unwrap();
    let of_email = &listing.consumers[0];
    assert_eq!((of_email.count, of_email.more), (3_501, false));
    let reasons: Vec<_> = of_email
        .reasons
        .iter()
        .map(|of| (of.reason.as_str(), of.count))
        .collect();
    let expected = [
        ("attempts_exhausted", 2_000),
        ("undecodable", 1_500),
        ("id_reused", 1),
    ];
    assert_eq!(reasons, expected);
    assert!(of_email.oldest.is_some());
    assert_eq!(
        cloud.waiting().await,
        1_000,
        "as many as one pull gives: all are given back"
    );

    let args = List::parse_from(["list", "--consumer", "email", "--limit", "1200"]).args;
    let listing = look(&operator, &args, &interrupt).await.unwrap();
    let of_email = &listing.consumers[0];
    assert_eq!((of_email.count, of_email.more), (1_200, true));
}

#[tokio::test]
async fn who_may_not_borrow_the_identity_is_told_the_role_and_loses_no_letter() {
    let cloud = Cloud::start().await;
    cloud.park(&["17"]).await;
    cloud.seen.may_borrow.store(false, Ordering::Relaxed);
    let error = redrive_all(&cloud).await.unwrap_err();
    insta::assert_snapshot!(format!("{error:#}"), @"you may not make tokens of push-email@p1.iam.gserviceaccount.com: it takes the role roles/iam.serviceAccountOpenIdTokenCreator on that account, which Terraform gives to the members of `operators`: Permission 'iam.serviceAccounts.getOpenIdToken' denied on resource (or it may not exist). (status 403)");
    assert!(cloud.seen.pushed.lock().unwrap().is_empty());
    assert_eq!(cloud.waiting().await, 1);
}

#[tokio::test]
async fn a_consumer_that_refuses_the_identity_ends_the_redrive() {
    let cloud = Cloud::start().await;
    cloud.park(&["17", "18"]).await;
    cloud.answer(403, None);
    let error = redrive_all(&cloud).await.unwrap_err();
    assert!(error.to_string().contains("roles/run.invoker"), "{error:#}");
    assert_eq!(cloud.seen.pushed.lock().unwrap().len(), 1);
    assert_eq!(cloud.waiting().await, 2);
}

#[tokio::test]
async fn only_a_consumers_own_answer_takes_a_letter_away() {
    let left = [
        (200, None),
        (204, Some("unheard-of")),
        (302, None),
        (404, None),
        (429, Some("busy")),
        (503, Some("failed")),
    ];
    for (status, outcome) in left {
        let cloud = Cloud::start().await;
        cloud.park(&["17"]).await;
        cloud.answer(status, outcome);
        let well = redrive_all(&cloud).await;
        assert!(!matches!(well, Ok(true)), "{status} {outcome:?}");
        assert_eq!(cloud.waiting().await, 1, "{status} {outcome:?}");
    }
    for (outcome, well) in [
        ("done", true),
        ("duplicate", true),
        ("ignored", true),
        ("stale", true),
        ("parked", false),
    ] {
        let cloud = Cloud::start().await;
        cloud.park(&["17"]).await;
        cloud.answer(204, Some(outcome));
        assert_eq!(redrive_all(&cloud).await.unwrap(), well, "{outcome}");
        assert_eq!(cloud.waiting().await, 0, "{outcome}");
    }
}

#[tokio::test]
async fn an_ack_that_fails_is_tried_again() {
    let cloud = Cloud::start().await;
    cloud.park(&["17"]).await;
    cloud.seen.failing_acks.store(2, Ordering::Relaxed);
    assert!(redrive_all(&cloud).await.unwrap());
    assert_eq!(cloud.waiting().await, 0);
}

#[tokio::test]
async fn without_an_ack_the_letter_stays_and_the_user_is_told() {
    let cloud = Cloud::start().await;
    cloud.park(&["17"]).await;
    cloud.seen.failing_acks.store(u32::MAX, Ordering::Relaxed);
    let error = redrive_all(&cloud).await.unwrap_err();
    insta::assert_snapshot!(format!("{error:#}"), @"the consumer has taken letters that could not be acked; redriven again they are duplicates: The service was unable to fulfill your request. (status 503)");
    cloud.seen.failing_acks.store(0, Ordering::Relaxed);
    assert_eq!(cloud.waiting().await, 1);
    cloud.answer(204, Some("duplicate"));
    assert!(redrive_all(&cloud).await.unwrap());
}

/// A redrive that dies anywhere leaves every letter that has no answer yet where it was.
#[tokio::test]
async fn dropped_in_the_middle_it_comes_back_when_the_lease_ends() {
    let cloud = Cloud::start().await;
    cloud.park(&["17", "18"]).await;
    cloud.seen.hang.store(true, Ordering::Relaxed);
    let (operator, arguments) = (cloud.operator(), arguments(&["--all"]));
    let interrupt = Interrupt::new(Shutdown::default());
    tokio::select! {
        _ = redrive(&operator, &arguments, &interrupt) => panic!("it hangs"),
        () = cloud.first_push() => {}
    }
    cloud.seen.hang.store(false, Ordering::Relaxed);
    assert_eq!(cloud.waiting().await, 0, "still leased");
    cloud.clock.advance(Duration::from_secs(31));
    assert!(redrive_all(&cloud).await.unwrap());
    assert_eq!(cloud.waiting().await, 0);
    let mut ids: Vec<String> = cloud
        .seen
        .pushed
        .lock()
        .unwrap()
        .iter()
        .map(|push| push.message_id.clone())
        .collect();
    ids.sort();
    assert!(
        ids == ["17", "17", "18"] || ids == ["17", "18", "18"],
        "{ids:?}"
    );
}

#[tokio::test]
async fn a_hanging_consumer_is_left_soon_after_ctrl_c() {
    let cloud = Cloud::start().await;
    cloud.park(&["17"]).await;
    cloud.seen.hang.store(true, Ordering::Relaxed);
    let shutdown = Shutdown::default();
    let interrupt = Interrupt::new(shutdown.clone());
    let (operator, arguments) = (cloud.operator(), arguments(&["--all"]));
    let (ended, ()) = tokio::join!(redrive(&operator, &arguments, &interrupt), async {
        cloud.first_push().await;
        shutdown.start();
    });
    let error = ended.unwrap_err();
    assert_eq!(
        error.to_string(),
        "interrupted: what was held has been given back"
    );
    assert_eq!(cloud.waiting().await, 1);
}

#[tokio::test]
async fn what_could_not_be_written_is_not_dropped_and_what_could_not_be_dropped_is_written() {
    let cloud = Cloud::start().await;
    cloud.park(&["17"]).await;
    let folder = tempfile::tempdir().unwrap();
    let discard_to = async |path: &std::path::Path| {
        let path = path.display().to_string();
        let arguments = [
            "discard",
            "--consumer",
            "email",
            "--all",
            "--yes",
            "--to",
            &path,
        ];
        let args = Discard::parse_from(arguments).args;
        discard(
            &cloud.operator(),
            &args,
            &Interrupt::new(Shutdown::default()),
        )
        .await
    };
    let error = discard_to(&folder.path().join("absent/letters.jsonl"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be created"), "{error:#}");
    assert_eq!(cloud.waiting().await, 1);

    cloud.seen.failing_acks.store(u32::MAX, Ordering::Relaxed);
    let written = folder.path().join("letters.jsonl");
    let error = discard_to(&written).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("still lie on the dead-letter topic"),
        "{error:#}"
    );
    assert_eq!(
        std::fs::read_to_string(&written).unwrap().lines().count(),
        1
    );
    cloud.seen.failing_acks.store(0, Ordering::Relaxed);
    assert_eq!(cloud.waiting().await, 1);
}
