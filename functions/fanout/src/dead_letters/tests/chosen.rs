//! Letters that were shown before they are dealt with.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use fanout_runtime::Shutdown;

use super::cloud::Cloud;
use crate::dead_letters::chosen::{discard, look, redrive};
use crate::dead_letters::{Interrupt, Outcome, Outcomes, Rate};

#[tokio::test]
async fn letters_that_are_not_there_any_more_are_counted_as_such() {
    let cloud = Cloud::start().await;
    cloud.park(&["17"]).await;
    let (operator, interrupt) = (cloud.operator(), Interrupt::new(Shutdown::default()));
    let email = system::consumer("email").unwrap();
    let (letters, _) = look(&operator, email, &interrupt).await.unwrap();
    let there = letters.into_iter().map(|it| it.message_id);
    let ids = there.chain(["gone".to_owned()]).collect();
    let (mut outcomes, rate) = (Outcomes::default(), Rate { per_second: 100 });
    let redriven = redrive(&operator, email, &ids, rate, &mut outcomes, &interrupt);
    redriven.await.unwrap();
    let counted = [(Outcome::Done, 1), (Outcome::NotHeld, 1)];
    assert_eq!(outcomes.outcomes, counted.into());
    assert!(!outcomes.all_is_well());
}

#[tokio::test]
async fn letters_that_are_in_the_file_and_could_not_be_dropped_are_told_of_with_the_file() {
    let cloud = Cloud::start().await;
    cloud.park(&["17"]).await;
    let (operator, interrupt) = (cloud.operator(), Interrupt::new(Shutdown::default()));
    let email = system::consumer("email").unwrap();
    let (letters, _) = look(&operator, email, &interrupt).await.unwrap();
    let ids: BTreeSet<String> = letters.into_iter().map(|it| it.message_id).collect();
    let folder = tempfile::tempdir().unwrap();
    cloud.seen.failing_acks.store(u32::MAX, Ordering::Relaxed);
    let discarded = discard(&operator, email, &ids, folder.path(), &interrupt).await;
    let error = discarded.unwrap_err().to_string();
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
    let file = file.unwrap().path();
    assert!(error.contains(&*file.to_string_lossy()), "{error}");
    assert!(error.contains("some or all of them still lie"), "{error}");
}
