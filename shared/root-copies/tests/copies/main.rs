//! One suite over both places, and what only a bucket can do.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod stand_in;

use chrono::NaiveDate;
use fanout_event_sourcing::{CopyError, RootCopies};
use fanout_root_copies::{Folder, ReadCopies};

use stand_in::{CloudStorage, TOKEN};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What every place of copies does.
async fn conforms(copies: &(impl RootCopies + ReadCopies)) {
    assert!(copies.all().await.unwrap().is_empty());
    assert!(copies.keep(day("2026-11-20"), "aa").await.unwrap());
    // Twice is once, and nothing takes the place of what is there.
    assert!(!copies.keep(day("2026-11-20"), "aa").await.unwrap());
    assert!(!copies.keep(day("2026-11-20"), "bb").await.unwrap());
    assert!(copies.keep(day("2026-11-21"), "cc").await.unwrap());
    let all = copies.all().await.unwrap().into_iter();
    let all: Vec<_> = all.map(|(day, root)| (day.to_string(), root)).collect();
    let kept = [("2026-11-20", "aa"), ("2026-11-21", "cc")];
    assert_eq!(
        all,
        kept.map(|(day, root)| (day.to_owned(), root.to_owned()))
    );
}

#[tokio::test]
async fn a_folder_keeps_the_first_copy_of_each_day() {
    let data = tempfile::tempdir().unwrap();
    conforms(&Folder::at(data.path().join("roots"))).await;
    // Nothing but the copies is left, and what else lies there is none.
    let entries = std::fs::read_dir(data.path().join("roots")).unwrap();
    assert_eq!(entries.count(), 2);
    std::fs::write(data.path().join("roots/README"), "mine").unwrap();
    let all = Folder::at(data.path().join("roots")).all().await.unwrap();
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_bucket_keeps_the_first_copy_of_each_day() {
    let cloud = CloudStorage::start().await;
    conforms(&cloud.bucket(TOKEN)).await;
    assert_eq!(cloud.names(), ["roots/2026-11-20", "roots/2026-11-21"]);
}

#[tokio::test]
async fn a_bucket_is_read_page_by_page() {
    let cloud = CloudStorage::start().await;
    let copies = cloud.bucket(TOKEN);
    for number in 1..=7 {
        let day = NaiveDate::from_ymd_opt(2026, 11, number).unwrap();
        copies.keep(day, &number.to_string()).await.unwrap();
    }
    let all = copies.all().await.unwrap();
    assert_eq!(all.into_values().collect::<String>(), "1234567");
}

#[tokio::test]
async fn a_copy_whose_answer_was_lost_is_there_once_when_it_is_made_again() {
    let cloud = CloudStorage::start().await;
    let copies = cloud.bucket(TOKEN);
    cloud.answer_next(503);
    let lost = copies.keep(day("2026-11-20"), "aa").await;
    assert!(matches!(lost, Err(CopyError::Unavailable(_))), "{lost:?}");
    assert!(!copies.keep(day("2026-11-20"), "aa").await.unwrap());
    assert_eq!(copies.all().await.unwrap()[&day("2026-11-20")], "aa");
}

#[tokio::test]
async fn who_may_not_replace_a_copy_is_told_so_because_there_is_one() {
    let cloud = CloudStorage::start().await;
    let copies = cloud.bucket(TOKEN);
    let lacks = "does not have storage.objects.delete access to the Google Cloud Storage object.";
    cloud.answer_next_with(403, lacks);
    assert!(!copies.keep(day("2026-11-20"), "aa").await.unwrap());
    cloud.answer_next_with(403, "does not have storage.objects.create access");
    let refused = copies.keep(day("2026-11-20"), "aa").await;
    assert!(matches!(refused, Err(CopyError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn who_shows_another_token_is_refused_and_who_is_to_wait_may_try_again() {
    let cloud = CloudStorage::start().await;
    let stranger = cloud.bucket("another");
    for refused in [
        stranger.keep(day("2026-11-20"), "aa").await.err(),
        stranger.all().await.err(),
    ] {
        assert!(
            matches!(refused, Some(CopyError::Refused(_))),
            "{refused:?}"
        );
    }
    assert!(cloud.names().is_empty());
    let copies = cloud.bucket(TOKEN);
    for (status, passes) in [
        (408, true),
        (429, true),
        (500, true),
        (403, false),
        (404, false),
    ] {
        cloud.answer_next(status);
        let error = copies.all().await.unwrap_err();
        assert_eq!(
            matches!(error, CopyError::Unavailable(_)),
            passes,
            "{status}"
        );
    }
}
