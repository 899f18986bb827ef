//! Commits of many writes: all or nothing.

use fanout_store::{CommitError, Fields, Key, Precondition, UpdateTime, Violation, Write};

use super::scene::{
    Store, assert_refused, conflict, exists, fields, new_collection, new_key, read, write,
};

/// More writes than any use of this system makes.
const MANY: usize = 100;

/// Of every kind, in different collections.
pub async fn a_commit_makes_all_of_its_writes(store: Store) {
    let collection = new_collection();
    let key = |n: usize| Key::new(collection, &format!("{n:03}"));
    let elsewhere = new_key();
    write(&store, Write::set(elsewhere.clone(), Fields::new())).await;
    let mut writes: Vec<Write> = (0..MANY)
        .map(|n| Write::create(key(n), Fields::new().with("n", n as u64)))
        .collect();
    writes.push(Write::delete(elsewhere.clone()));
    let receipt = store.commit(writes).await.unwrap();
    assert_eq!(receipt.update_times.len(), MANY + 1);
    for n in [0, MANY / 2, MANY - 1] {
        assert_eq!(fields(&store, &key(n)).await.count("n"), Ok(n as u64));
    }
    assert!(!exists(&store, &elsewhere).await);
}

/// Whatever the place of the violated one: no set, no increment, no delete happens.
pub async fn a_commit_with_a_violated_precondition_makes_none_of_its_writes(store: Store) {
    let collection = new_collection();
    let key = |id: &str| Key::new(collection, id);
    for id in ["taken", "counter", "kept"] {
        let content = Fields::new().with("n", 1_i64);
        write(&store, Write::create(key(id), content)).await;
    }
    let effects = [
        Write::create(key("new"), Fields::new()),
        Write::merge(key("counter"), Fields::new()).increment("n", 1),
        Write::delete(key("kept")),
    ];
    for place in 0..=effects.len() {
        let mut writes = effects.to_vec();
        writes.insert(place, Write::create(key("taken"), Fields::new()));
        let conflict = conflict(&store, writes).await;
        assert_eq!(conflict.index, place);
        assert_eq!(conflict.key, key("taken"));
        assert_eq!(conflict.violation, Violation::AlreadyExists);
        assert!(!exists(&store, &key("new")).await);
        assert_eq!(fields(&store, &key("counter")).await.integer("n"), Ok(1));
        assert_eq!(fields(&store, &key("kept")).await.integer("n"), Ok(1));
    }
}

/// All or nothing, seen by the next read, and by the next commit's preconditions.
pub async fn a_lazy_commit_does_what_any_commit_does(store: Store) {
    let (one, other) = (new_key(), new_key());
    let both = || [&one, &other].map(|key| Write::create(key.clone(), Fields::new()));
    let receipt = store.commit_lazily(both().into()).await.unwrap();
    assert!(exists(&store, &one).await && exists(&store, &other).await);
    let refused = store.commit_lazily(both().into()).await.unwrap_err();
    assert!(matches!(refused, CommitError::Conflict(at) if at.key == one));
    let versions = receipt.update_times.into_iter().map(Option::unwrap);
    let gone = versions
        .zip([&one, &other])
        .map(|(version, key)| Write::delete(key.clone()).only_if(Precondition::UpdatedAt(version)));
    store.commit(gone.collect()).await.unwrap();
    assert!(!exists(&store, &one).await && !exists(&store, &other).await);
}

/// In the order of the writes, for every pair of kinds, with a harmless write in front.
pub async fn of_two_violated_preconditions_the_first_is_named(store: Store) {
    let collection = new_collection();
    let key = |id: &str| Key::new(collection, id);
    for id in ["taken", "taken-too", "stale", "stale-too"] {
        write(&store, Write::create(key(id), Fields::new())).await;
    }
    let stale = Precondition::UpdatedAt(UpdateTime(1_000_000_000));
    let violations = [
        ("taken", Precondition::Absent, Violation::AlreadyExists),
        ("taken-too", Precondition::Absent, Violation::AlreadyExists),
        ("missing", Precondition::Exists, Violation::Missing),
        ("missing-too", Precondition::Exists, Violation::Missing),
        ("stale", stale, Violation::Changed),
        ("stale-too", stale, Violation::Changed),
        ("gone", stale, Violation::Changed),
    ];
    for (first, first_precondition, violation) in violations {
        for (second, second_precondition, _) in violations.into_iter().filter(|v| v.0 != first) {
            let set = |id| Write::set(key(id), Fields::new().with("n", 1_i64));
            let conflict = conflict(
                &store,
                vec![
                    set("harmless"),
                    set(first).only_if(first_precondition),
                    set(second).only_if(second_precondition),
                ],
            )
            .await;
            assert_eq!(conflict.index, 1, "{first}, {second}");
            assert_eq!(conflict.key, key(first), "{first}, {second}");
            assert_eq!(conflict.violation, violation, "{first}, {second}");
        }
    }
    assert!(!exists(&store, &key("harmless")).await);
}

/// Among others of the same kind that hold: what the error's code alone does not tell.
pub async fn the_violated_one_of_many_like_preconditions_is_named(store: Store) {
    let collection = new_collection();
    let ids = ["a", "ab", "abc", "b"];
    let key = |id: &str| Key::new(collection, id);
    for culprit in ids {
        let mut writes = Vec::new();
        for id in ids.into_iter().filter(|id| *id != culprit) {
            store.commit(vec![Write::delete(key(id))]).await.unwrap();
        }
        write(&store, Write::set(key(culprit), Fields::new())).await;
        for id in ids {
            writes.push(Write::create(key(id), Fields::new()));
        }
        let taken = conflict(&store, writes).await;
        assert_eq!(taken.key, key(culprit));
        assert_eq!(ids[taken.index], culprit);
        assert_eq!(taken.violation, Violation::AlreadyExists);
    }
    for id in ids {
        write(&store, Write::set(key(id), Fields::new())).await;
    }
    for culprit in ids {
        let mut writes = Vec::new();
        for id in ids {
            let UpdateTime(version) = read(&store, &key(id)).await.update_time;
            let version = UpdateTime(version - i64::from(id == culprit) * 1_000_000);
            writes.push(Write::replace(key(id), Fields::new(), version));
        }
        let changed = conflict(&store, writes).await;
        assert_eq!(changed.key, key(culprit));
        assert_eq!(ids[changed.index], culprit);
        assert_eq!(changed.violation, Violation::Changed);
    }
}

/// Which of the two comes first would matter otherwise.
pub async fn a_document_may_occur_once_only(store: Store) {
    let key = new_key();
    let set = Write::set(key.clone(), Fields::new());
    let twice = vec![
        set.clone(),
        Write::set(new_key(), Fields::new()),
        Write::delete(key.clone()),
    ];
    assert_refused(&store, twice, "set and delete").await;
    let count = set.clone().increment("n", 1);
    assert_refused(&store, vec![set, count], "set and count").await;
    assert!(!exists(&store, &key).await);
}

/// A caller with nothing to write need not know.
pub async fn an_empty_commit_does_nothing(store: Store) {
    let receipt = store.commit(Vec::new()).await.unwrap();
    assert_eq!(receipt.update_times, []);
}
