//! What must be true of every commit that changes a process, whatever has failed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fanout_contracts::order::CHOREOGRAPHED;
use fanout_events::CANCELLED;
use fanout_processes::{Pace, Status, StepOutline, StepStatus, StoredProcess, process_subject};
use serde_json::Value;

use super::commit::Commit;
use super::deploys::MOVES;
use super::orders::total;
use super::{Kind, Shop};
use crate::crash_simulation::facts::StoredEvent;

/// The steps of an order's process, in order.
static STEPS: LazyLock<Vec<StepOutline>> =
    LazyLock::new(|| order_service::order_process(Pace::REAL).outline());

impl Shop {
    /// What a commit breaks; the processes are still as they were before it.
    pub(super) fn check_processes(
        &self,
        commit: &Commit<'_>,
        events: &BTreeMap<String, StoredEvent>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for (order, _) in &commit.orders {
            let begins = |it: &StoredProcess| it.instance.key == *order;
            if !commit.processes.iter().any(begins) {
                found.push(format!("{order} is stored without its process"));
            }
        }
        for after in &commit.processes {
            let before = self.processes.get(&after.instance.key);
            let broken = [
                self.begins_with_its_order(before, after, commit),
                ended_before(before),
                wakes(after),
                version(before, after),
                emits(before, after, commit),
                in_reverse_order(before, after),
                self.money(after),
                self.stuck(after),
                self.given_up(after),
            ];
            let key = &after.instance.key;
            let broken = broken.into_iter().flatten();
            found.extend(broken.map(|what| format!("the process of {key} {what}")));
        }
        let answers = commit.done.iter().filter_map(|id| events.get(id));
        found.extend(answers.filter_map(|event| self.answered(event, commit)));
        found
    }

    /// S1: an order and its process begin together, and change together.
    fn begins_with_its_order(
        &self,
        before: Option<&StoredProcess>,
        after: &StoredProcess,
        commit: &Commit<'_>,
    ) -> Option<String> {
        let key = &after.instance.key;
        let with_it = match before {
            None => commit.orders.iter().any(|(order, _)| order == key),
            Some(_) => commit.changed_orders.contains(key),
        };
        (!with_it).then(|| "changes, and its order does not".to_owned())
    }

    /// S3: what is captured stays so if the order is completed, and else none of it.
    fn money(&self, after: &StoredProcess) -> Option<String> {
        let number = self.orders.get(&after.instance.key)?;
        if self.is_by_hand(&after.instance.key) {
            return None;
        }
        let (ever, kept) = self.ledger.captures(total(*number));
        let right = match after.instance.status {
            Status::Completed => (ever, kept) == (1, 1),
            Status::Compensated => kept == 0,
            Status::Running | Status::Compensating | Status::Stuck | Status::Abandoned => true,
        };
        let status = after.instance.status.as_str();
        (!right).then(|| format!("is {status}, and of {ever} captures {kept} are kept"))
    }

    /// S1 and S11: only what cannot be undone is stuck, and it says why.
    fn stuck(&self, after: &StoredProcess) -> Option<String> {
        if after.instance.status != Status::Stuck {
            return None;
        }
        let kind = self.orders.get(&after.instance.key);
        let kind = kind.and_then(|number| self.kinds.get(number));
        if kind != Some(&Kind::Unrefundable) {
            return Some("is stuck, and nothing kept it from its undo".to_owned());
        }
        let silent = after.instance.failure.is_none();
        silent.then(|| "is stuck and says not why".to_owned())
    }

    /// Only an operator gives up.
    fn given_up(&self, after: &StoredProcess) -> Option<String> {
        let is_given_up = after.instance.status == Status::Abandoned;
        let unsaid = is_given_up && !self.is_said(&after.instance.key, "abandon");
        unsaid.then(|| "is given up, and no operator said so in the same commit".to_owned())
    }

    /// An answer counts as what it says, if it is waited for; else for nothing.
    fn answered(&self, event: &StoredEvent, commit: &Commit<'_>) -> Option<String> {
        let data: Value = serde_json::from_slice(&event.message.data).unwrap();
        let step = &data["data"]["step"];
        let (key, name) = (step["key"].as_str()?, step["name"].as_str()?);
        let outline = STEPS.iter().find(|it| it.name == name)?;
        let before = self.processes.get(key)?;
        let mut changed = commit.processes.iter();
        let after = changed.find(|it| it.instance.key == key);
        let status = |it: &StoredProcess| it.instance.step(name).map(|step| step.status);
        let (was, is) = (status(before), status(after.unwrap_or(before)));
        if before.name == CHOREOGRAPHED {
            // Whether its undo, which came before it, has left nothing, the undo says.
            let is_late = outline.undo_by.is_some() && data["data"]["reason"] == CANCELLED;
            let broken = joined(event, before, is).filter(|_| !is_late);
            return broken.map(|what| format!("{name} of {key} {what}"));
        }
        let awaited = matches!(was, Some(StepStatus::Requested | StepStatus::Unknown));
        let undo_awaited = matches!(was, Some(StepStatus::Undoing | StepStatus::UndoFailed));
        let event_type = Some(event.event_type.as_str());
        let expected = match before.instance.status.is_open() {
            true if event_type == outline.done_by && awaited => Some(StepStatus::Done),
            true if event_type == outline.refused_by && awaited => Some(StepStatus::Refused),
            true if event_type == outline.undone_by && undo_awaited => Some(StepStatus::Undone),
            true | false => was,
        };
        let said = &event.event_type;
        (is != expected).then(|| {
            format!(
                "{said} makes of {name} of {key}, which was {was:?}, {is:?} and not {expected:?}"
            )
        })
    }
}

/// What a participant says of its own step counts, whatever was heard before: what is undone or
/// refused stays so, and what is done was done, unless all of it is on its way back.
fn joined(event: &StoredEvent, before: &StoredProcess, is: Option<StepStatus>) -> Option<String> {
    let said = event.event_type.as_str();
    let (given_up, done) = match STEPS.iter().find_map(|step| says(step, said)) {
        Some(said) => (said != StepStatus::Done, said == StepStatus::Done),
        None => return None,
    };
    let is_given_up = matches!(is, Some(StepStatus::Refused | StepStatus::Undone));
    let is_open = before.instance.status.is_open();
    let goes_forward = before.instance.status == Status::Running;
    let counts = match is {
        _ if !is_open => true,
        _ if given_up => is_given_up,
        None | Some(StepStatus::Requested) => !(done && goes_forward),
        Some(_) => true,
    };
    (!counts).then(|| format!("is {is:?} after {said}"))
}

/// What an event of this type says of a step.
fn says(step: &StepOutline, event_type: &str) -> Option<StepStatus> {
    let all = [
        (step.done_by, StepStatus::Done),
        (step.refused_by, StepStatus::Refused),
        (step.undone_by, StepStatus::Undone),
    ];
    let mut all = all.into_iter();
    let found = all.find(|(by, _)| *by == Some(event_type));
    found.map(|(_, says)| says)
}

/// What has ended stays as it is.
fn ended_before(before: Option<&StoredProcess>) -> Option<String> {
    let ended = before.filter(|it| !it.instance.status.is_open())?;
    let status = ended.instance.status.as_str();
    Some(format!("changes after it was {status}"))
}

/// S6: what is under way wakes at its next deadline, and nothing else wakes.
fn wakes(after: &StoredProcess) -> Option<String> {
    let steps = after.instance.steps.iter();
    let next = steps.filter_map(|step| step.due_at).min();
    let status = after.instance.status;
    let expected = next.filter(|_| status.is_under_way());
    let forgotten = status.is_under_way() && next.is_none();
    (forgotten || after.wake_at != expected).then(|| {
        let (status, wakes) = (status.as_str(), after.wake_at);
        format!("is {status} and wakes at {wakes:?}, and its next deadline is {next:?}")
    })
}

/// S10: an instance stays with its version, and only code of that version moves it.
fn version(before: Option<&StoredProcess>, after: &StoredProcess) -> Option<String> {
    let moves = |it: &StoredProcess| it.instance.state.get(MOVES).and_then(Value::as_u64);
    let was = before.map_or(after.version, |before| before.version);
    if after.version != was {
        return Some(format!("was of version {was} and is of {}", after.version));
    }
    let expected = match after.version {
        2 => Some(1 + before.and_then(moves).unwrap_or_default()),
        _ => None,
    };
    let is = moves(after);
    (is != expected).then(|| {
        let version = after.version;
        format!("of version {version} was moved by other code: {is:?} and not {expected:?} moves")
    })
}

/// What a process emits is stored with what it has come to, each request without an ordering key.
fn emits(
    before: Option<&StoredProcess>,
    after: &StoredProcess,
    commit: &Commit<'_>,
) -> Option<String> {
    let subject = process_subject(&after.name, &after.instance.key);
    let stored = commit.emitted(&subject);
    let first = 1 + before.map_or(0, |before| before.emitted);
    let expected: Vec<(u64, bool)> = (first..=after.emitted).map(|it| (it, true)).collect();
    (stored != expected).then(|| {
        let last = after.emitted;
        format!("has emitted its events {first} to {last}, and with it {stored:?} are stored")
    })
}

/// S5: what was asked for last is undone first; what was refused, or never asked for, is not touched.
/// Where nobody is asked, the undo comes whether it is known of the step or not.
fn in_reverse_order(before: Option<&StoredProcess>, after: &StoredProcess) -> Option<String> {
    let status = |of: &StoredProcess, step: &str| of.instance.step(step).map(|it| it.status);
    let is_left = |step: &StepOutline| {
        step.undo_by.is_some()
            && !matches!(
                status(after, step.name),
                None | Some(StepStatus::Refused | StepStatus::Undone)
            )
    };
    let undoing = STEPS
        .iter()
        .filter(|step| status(after, step.name) == Some(StepStatus::Undoing));
    for step in undoing {
        let name = step.name;
        let was = before.and_then(|before| status(before, name));
        let is_asked = after.name != CHOREOGRAPHED;
        if was == Some(StepStatus::Refused) || (was.is_none() && is_asked) {
            return Some(format!("undoes {name}, which was {was:?}"));
        }
        let later = STEPS.iter().filter(|it| it.stage > step.stage);
        if let Some(later) = later.filter(|it| is_left(it)).map(|it| it.name).next() {
            return Some(format!("undoes {name} before {later}"));
        }
    }
    None
}
