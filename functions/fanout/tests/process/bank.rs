//! The bank under clients at once and kills, and its ledger after.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fanout_runtime::{Environment as _, ProcessEnvironment};
use serde_json::{Value, json};

use crate::running::{Running, fanout, try_post_once, wait_until};

const CLIENTS: usize = 16;
/// How many movements, unless `FANOUT_TEST_MOVEMENTS` says so: a thousand take minutes.
const MOVEMENTS: usize = 96;
const KILLS: usize = 3;
/// An amount that occurs once.
const RARE: &str = "7654321.09";

fn start(data: &Path) -> Running {
    let mut command = fanout(data);
    command.args(["--system", "bank"]);
    Running::of(command)
}

/// Exit code and output.
fn verify(data: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    let output = command
        .args(["ledger", "verify", "--data-dir"])
        .arg(data)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

fn open(running: &Running, owner: &str) -> String {
    let body = json!({"owner": owner, "currency": "USD"});
    let (status, account) = running.post("account", "/accounts", &body);
    assert_eq!(status, 201, "{account}");
    account["id"].as_str().unwrap().to_owned()
}

/// What is asked, and what it makes of the two balances, in cents.
struct Asked {
    path: String,
    body: Value,
    makes: [i64; 2],
}

/// The `number`th movement: all kinds, of amounts that add up to nothing by chance only.
fn asked(number: usize, accounts: &[String; 2]) -> Asked {
    let cents = i64::try_from(number * 37 % 900 + 1).unwrap();
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    let of = number / 4 % 2;
    let account = &accounts[of];
    let mut makes = [0, 0];
    let (path, body) = match number % 4 {
        0 => {
            makes[of] = cents;
            (
                format!("/accounts/{account}/deposits"),
                json!({"amount": amount}),
            )
        }
        1 => {
            makes[of] = -cents;
            (
                format!("/accounts/{account}/withdrawals"),
                json!({"amount": amount}),
            )
        }
        _ => {
            makes[of] = -cents;
            makes[1 - of] = cents;
            let to = &accounts[1 - of];
            (
                "/transfers".to_owned(),
                json!({"from": account, "to": to, "amount": amount}),
            )
        }
    };
    Asked { path, body, makes }
}

/// What came of all movements.
#[derive(Default)]
struct Ledger {
    balances: [i64; 2],
    events: usize,
}

/// Asks until there is an answer that says what came of it.
fn insist(base: &Mutex<String>, asked: &Asked, key: &str) -> bool {
    let done = Mutex::new(None);
    wait_until("an answer", || {
        let url = format!("{}{}", base.lock().unwrap(), asked.path);
        match try_post_once(&url, &asked.body, key) {
            Some((status @ (201 | 422), _)) => {
                *done.lock().unwrap() = Some(status == 201);
                true
            }
            Some((409 | 503, _)) | None => false,
            Some((status, body)) => panic!("{status}: {body}"),
        }
    });
    done.into_inner().unwrap().unwrap()
}

/// Moves money by many clients at once, and kills the process meanwhile.
fn move_money(data: &Path, running: Running, accounts: &[String; 2]) -> (Running, Ledger) {
    let movements = ProcessEnvironment.get("FANOUT_TEST_MOVEMENTS");
    let movements: usize = movements.map_or(MOVEMENTS, |number| number.parse().unwrap());
    let base = Mutex::new(running.url("account", ""));
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ledger = Mutex::new(Ledger::default());
    let mut running = running;
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= movements {
                        return;
                    }
                    let asked = asked(number, accounts);
                    if insist(&base, &asked, &format!("movement-{number}")) {
                        let mut ledger = ledger.lock().unwrap();
                        for (balance, by) in ledger.balances.iter_mut().zip(asked.makes) {
                            *balance += by;
                        }
                        ledger.events += asked.makes.iter().filter(|by| **by != 0).count();
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for kill in 1..=KILLS {
            let so_far = movements * kill / (KILLS + 1);
            wait_until("movements", || done.load(Ordering::SeqCst) >= so_far);
            running.kill_nine();
            running = start(data);
            *base.lock().unwrap() = running.url("account", "");
        }
    });
    (running, ledger.into_inner().unwrap())
}

#[test]
fn no_kill_loses_or_doubles_a_movement_and_a_changed_byte_is_found() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let running = start(data);
    let accounts = [open(&running, "alice"), open(&running, "bob")];
    let (running, ledger) = move_money(data, running, &accounts);
    for (account, cents) in accounts.iter().zip(ledger.balances) {
        let (_, account) = running.get("account", &format!("/accounts/{account}"));
        let balance = format!("{}.{:02}", cents / 100, cents % 100);
        assert_eq!(account["balance"], json!(balance), "{account}");
    }
    let rare = format!("/accounts/{}/deposits", open(&running, "carol"));
    let (status, carol) = running.post("account", &rare, &json!({"amount": RARE}));
    assert_eq!(status, 201, "{carol}");

    let (code, report) = verify(data);
    let events = ledger.events + 4;
    let counted = format!("3 accounts, {events} events, ");
    assert!(report.starts_with(&counted), "{counted}: {report}");
    assert_eq!(code, Some(0), "{report}");

    assert_eq!(running.interrupt().0, Some(0));
    assert!(change(data, RARE, "7654321.08") > 0);
    let (code, report) = verify(data);
    let named = format!("BROKEN {}, event 2: ", carol["id"].as_str().unwrap());
    assert!(report.contains(&named), "{named}: {report}");
    assert_eq!(code, Some(1));
}

/// Changes these bytes wherever they are in the data directory's files; answers in how many.
fn change(data: &Path, from: &str, to: &str) -> usize {
    let mut changed = 0;
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        let places: Vec<usize> = bytes
            .windows(from.len())
            .enumerate()
            .filter(|(_, found)| *found == from.as_bytes())
            .map(|(place, _)| place)
            .collect();
        for place in &places {
            bytes[*place..place + to.len()].copy_from_slice(to.as_bytes());
        }
        if !places.is_empty() {
            fs::write(&path, bytes).unwrap();
            changed += 1;
        }
    }
    changed
}
