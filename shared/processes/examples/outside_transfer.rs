//! A transfer to an outside bank: debit, fraud check, submit to the clearing, settle. What was debited
//! and cannot be sent goes back as an entry of its own: the ledger forgets nothing. Once the clearing
//! has been asked and has not refused there is no way back, however long it is silent: the money may
//! be there.
//!
//! Between two accounts of one database a transfer is one commit, and a saga would be a mistake.
//!
//! ```sh
//! cargo run --example outside_transfer
//! ```

mod timeline;

use std::sync::Arc;

use fanout_outbox::Draft;
use fanout_processes::{Machine, Pace, Saga, machine};
use fanout_runtime::BoxError;

use timeline::participants::{Conduct, Effect, Participants, shown};
use timeline::{Story, Told, events, minutes, print, seconds};

events! {
    TransferRequested = "transfer.requested" { transfer_id, account_id, cents };
    DebitRequested = "account.debit_requested" { account_id, cents } + step;
    Debited = "account.debited" { } + step;
    NotCovered = "account.debit_refused" { } + step;
    ReversalRequested = "account.reversal_requested" { account_id, cents } + step;
    Reversed = "account.debit_reversed" { } + step;
    CheckRequested = "fraud.check_requested" { transfer_id } + step;
    Cleared = "fraud.cleared" { } + step;
    Suspected = "fraud.suspected" { } + step;
    CloseRequested = "fraud.close_requested" { transfer_id } + step;
    Closed = "fraud.case_closed" { } + step;
    SubmitRequested = "clearing.submit_requested" { transfer_id } + step;
    Accepted = "clearing.accepted" { } + step;
    Rejected = "clearing.rejected" { } + step;
    SettleRequested = "account.settle_requested" { transfer_id } + step;
    Settled = "account.settled" { } + step;
    TransferSettled = "transfer.settled" { transfer_id };
    TransferReturned = "transfer.returned" { transfer_id, reason };
}

fn transfer() -> Arc<dyn Machine> {
    machine(
        Saga::<TransferRequested>::named("transfer", 1, Pace::REAL)
            .step("debit", |ask| {
                DebitRequested::new(&ask.of.account_id, &ask.of.cents, ask.step)
            })
            .done_by::<Debited>()
            .refused_by::<NotCovered>()
            .undo(|ask| ReversalRequested::new(&ask.of.account_id, &ask.of.cents, ask.step))
            .undone_by::<Reversed>()
            .step("check", |ask| {
                CheckRequested::new(&ask.of.transfer_id, ask.step)
            })
            .done_by::<Cleared>()
            .refused_by::<Suspected>()
            .undo(|ask| CloseRequested::new(&ask.of.transfer_id, ask.step))
            .undone_by::<Closed>()
            .within(minutes(15))
            .attempts(2)
            .step("submit", |ask| {
                SubmitRequested::new(&ask.of.transfer_id, ask.step)
            })
            .done_by::<Accepted>()
            .refused_by::<Rejected>()
            .pivot()
            .within(minutes(60))
            .step("settle", |ask| {
                SettleRequested::new(&ask.of.transfer_id, ask.step)
            })
            .done_by::<Settled>()
            .ended(
                |it| Draft::of(&it.transfer_id, 2, &TransferSettled::new(&it.transfer_id)),
                |it, why| {
                    let returned = TransferReturned::new(&it.transfer_id, &why.reason);
                    Draft::of(&it.transfer_id, 2, &returned)
                },
            ),
    )
}

const TRANSFER: &str = "trf_1";
const CENTS: &str = "25000";

fn requested() -> TransferRequested {
    TransferRequested::new(TRANSFER, "acc_1", CENTS)
}

fn well() -> Participants {
    let all = [
        ("debit", "accounts", Conduct::Does(seconds(1))),
        ("check", "fraud", Conduct::Does(seconds(40))),
        ("submit", "clearing", Conduct::Does(minutes(20))),
        ("settle", "accounts", Conduct::Does(seconds(1))),
    ];
    Participants::of(&transfer(), &all)
}

async fn told(participants: &mut Participants) -> Result<Told, BoxError> {
    let story = Story {
        machine: transfer(),
        key: TRANSFER,
        fact: &requested(),
        shown,
    };
    story.told(|event| participants.hear(event)).await
}

/// The account's entries, in cents: a debit is one, and so is its reversal.
fn entries(effects: &[Effect]) -> Vec<i64> {
    let entry = |effect: &Effect| {
        let (event, sign) = match effect {
            Effect::Did(event) => (event, -1),
            Effect::Undid(event) => (event, 1),
        };
        let cents = event.data.0.get("cents")?.as_str()?;
        Some(sign * cents.parse::<i64>().ok()?)
    };
    effects.iter().filter_map(entry).collect()
}

/// A good run, and each failure.
async fn stories() -> Result<String, BoxError> {
    let refuses = |reason| Conduct::Refuses(reason, seconds(30));
    let tales = [
        ("All goes well", well()),
        (
            "The account does not cover it",
            well().but("debit", refuses("not_covered")),
        ),
        (
            "Fraud is suspected",
            well().but("check", refuses("suspected")),
        ),
        (
            "The fraud check is away",
            well().but("check", Conduct::IsAway),
        ),
        (
            "The clearing rejects it",
            well().but("submit", refuses("unknown_account")),
        ),
        (
            "The clearing's answer is lost: it is asked again, never reversed",
            well().but("submit", Conduct::AnswerLost),
        ),
        (
            "The clearing is away for good: an operator has to find out",
            well().but("submit", Conduct::IsAway),
        ),
    ];
    let mut all = Vec::new();
    for (title, mut participants) in tales {
        let timeline = told(&mut participants).await?.timeline;
        let entries = entries(&participants.effects);
        all.push(format!("{title}\n{timeline}  entries: {entries:?}\n"));
    }
    Ok(all.join("\n"))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    print(&stories().await?)
}

#[cfg(test)]
mod tests {
    use fanout_processes::Status;
    use fanout_testkit::saga_laws;
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_good_run_and_each_failure_go_like_this() {
        insta::assert_snapshot!(stories().await.unwrap());
    }

    #[test]
    fn a_transfer_keeps_the_laws_of_all_sagas() {
        saga_laws::hold(&transfer(), TRANSFER, &requested());
    }

    fn conduct() -> impl Strategy<Value = Conduct> {
        prop_oneof![
            3 => (0..7_000_u64).prop_map(|after| Conduct::Does(seconds(after))),
            1 => Just(Conduct::AnswerLost),
            1 => (0..300_u64).prop_map(|after| Conduct::Refuses("refused", seconds(after))),
            1 => Just(Conduct::IsAway),
            1 => (1..5_u64).prop_map(|attempt| Conduct::IsBackAt(attempt, seconds(1))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// Money leaves once, if the transfer is or may be on its way, and otherwise comes back; no
        /// entry is ever taken out.
        #[test]
        fn the_entries_are_what_the_end_says(
            debit in conduct(), check in conduct(), submit in conduct(), settle in conduct(),
        ) {
            let settles = match settle {
                // Nothing refuses to settle what was accepted.
                Conduct::Refuses(_, after) => Conduct::Does(after),
                other => other,
            };
            let mut participants = well()
                .but("debit", debit)
                .but("check", check)
                .but("submit", submit)
                .but("settle", settles);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let end = runtime.block_on(told(&mut participants)).unwrap().end;
            let entries = entries(&participants.effects);
            match end.instance.status {
                Status::Completed | Status::Stuck => prop_assert_eq!(entries, [-25_000]),
                Status::Compensated => {
                    prop_assert!(entries.is_empty() || entries == [-25_000, 25_000]);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
