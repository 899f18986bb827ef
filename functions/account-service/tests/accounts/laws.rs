//! What holds of every history of several accounts.

use futures_util::future::join_all;
use proptest::prelude::*;

use crate::scene::Scene;

/// Who does what, with how much.
#[derive(Debug, Clone)]
enum Asked {
    Deposit(usize, u32),
    Withdraw(usize, u32),
    Transfer(usize, usize, u32),
}

const ACCOUNTS: usize = 3;

fn asked() -> impl Strategy<Value = Asked> {
    let cents = 1_u32..5_000;
    prop_oneof![
        (0..ACCOUNTS, cents.clone()).prop_map(|(of, cents)| Asked::Deposit(of, cents)),
        (0..ACCOUNTS, cents.clone()).prop_map(|(of, cents)| Asked::Withdraw(of, cents)),
        (0..ACCOUNTS, 1..ACCOUNTS, cents).prop_map(|(from, by, cents)| Asked::Transfer(
            from,
            (from + by) % ACCOUNTS,
            cents
        )),
    ]
}

fn cents(decimal: &str) -> i64 {
    decimal.replace('.', "").parse().unwrap()
}

async fn ask(scene: &Scene, ids: &[String], asked: &Asked) -> u16 {
    let decimal = |cents: u32| format!("{}.{:02}", cents / 100, cents % 100);
    let answer = match *asked {
        Asked::Deposit(of, cents) => scene.deposit(&ids[of], &decimal(cents)).await,
        Asked::Withdraw(of, cents) => scene.withdraw(&ids[of], &decimal(cents)).await,
        Asked::Transfer(from, to, cents) => {
            scene.transfer(&ids[from], &ids[to], &decimal(cents)).await
        }
    };
    answer.0
}

/// What a history that was done makes of the balances.
fn apply(balances: &mut [i64], asked: &Asked) {
    match *asked {
        Asked::Deposit(of, cents) => balances[of] += i64::from(cents),
        Asked::Withdraw(of, cents) => balances[of] -= i64::from(cents),
        Asked::Transfer(from, to, cents) => {
            balances[from] -= i64::from(cents);
            balances[to] += i64::from(cents);
        }
    }
}

async fn balances(scene: &Scene, ids: &[String]) -> Vec<i64> {
    let mut balances = Vec::new();
    for id in ids {
        balances.push(cents(&scene.balance(id, "").await));
    }
    balances
}

async fn accounts(scene: &Scene) -> Vec<String> {
    let mut ids = Vec::new();
    for owner in 0..ACCOUNTS {
        let id = scene.open(&format!("owner-{owner}")).await;
        scene.deposit(&id, "20.00").await;
        ids.push(id);
    }
    ids
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn balances_are_the_sums_of_what_was_answered_201(
        history in prop::collection::vec(asked(), 20..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new().await;
            let ids = accounts(&scene).await;
            let mut expected = vec![2_000; ACCOUNTS];
            for asked in &history {
                let mut after = expected.clone();
                apply(&mut after, asked);
                let allowed = after.iter().all(|balance| *balance >= 0);
                let status = ask(&scene, &ids, asked).await;
                prop_assert_eq!(status, if allowed { 201 } else { 422 });
                if allowed {
                    expected = after;
                }
                prop_assert_eq!(balances(&scene, &ids).await, expected.clone());
            }
            prop_assert_eq!(scene.verified().await.faults, vec![]);
            Ok(())
        })?;
    }

    #[test]
    fn at_once_they_are_too_and_none_falls_below_nothing(
        history in prop::collection::vec(asked(), 16..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new().await;
            let ids = accounts(&scene).await;
            let answers = join_all(history.iter().map(|asked| ask(&scene, &ids, asked))).await;
            let mut expected = vec![2_000; ACCOUNTS];
            for (asked, status) in history.iter().zip(answers) {
                prop_assert!([201, 409, 422].contains(&status), "{}", status);
                if status == 201 {
                    apply(&mut expected, asked);
                }
            }
            let found = balances(&scene, &ids).await;
            prop_assert!(found.iter().all(|balance| *balance >= 0));
            prop_assert_eq!(found, expected);
            prop_assert_eq!(scene.verified().await.faults, vec![]);
            Ok(())
        })?;
    }
}
