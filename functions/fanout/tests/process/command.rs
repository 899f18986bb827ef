//! The command as its users run it: a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::running::{Running, fanout, try_post, wait_until};
use fanout_outbox::EVENTS;
use fanout_runtime::SystemClock;
use fanout_store::{Document, Query, all_documents};
use fanout_store_sqlite::{Database, DatabaseError, SqliteDocuments};
use serde_json::{Value, json};

#[test]
fn it_is_ready_serves_and_stops_at_ctrl_c() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let (status, user) = running.post(
        "user",
        "/users",
        &json!({"email": "a@example.com", "name": "A"}),
    );
    assert_eq!(status, 201);
    let contact = format!("/contacts/{}", user["id"].as_str().unwrap());
    wait_until("the contact", || running.get("crm", &contact).0 == 200);
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("stopping"), "{output}");
}

#[test]
fn it_drains_at_ctrl_c_even_if_nobody_reads_its_output_any_more() {
    let data = tempfile::tempdir().unwrap();
    let mut child = fanout(data.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("ready")));
    drop(lines);
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let data = tempfile::tempdir().unwrap();
    let output = fanout(data.path())
        .args(["--port", &format!("email={port}")])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains(&format!("port {port} is already in use")),
        "{errors}"
    );
    assert!(errors.contains("--port NAME=PORT"), "{errors}");
}

#[test]
fn a_data_directory_in_use_is_left_alone_even_by_fresh() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let output = fanout(data.path()).arg("--fresh").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("stop that one first"), "{errors}");
    let user = json!({"email": "a@example.com", "name": "A"});
    assert_eq!(running.post("user", "/users", &user).0, 201);
    wait_until("the count", || running.count() == 1);
    running.interrupt();
    let running = Running::start(data.path());
    assert_eq!(running.count(), 1);
}

#[test]
fn with_a_mail_server_it_says_where_mails_go_and_never_the_password() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command
        .env("SMTP_URL", "smtps://user:secret@mail.example.com:4465")
        .env("MAIL_FROM", "hello@example.com");
    let (code, output) = Running::of(command).interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.contains("mails go to mail.example.com:4465."),
        "{output}"
    );
    assert!(!output.contains("secret"), "{output}");
}

#[test]
fn a_bad_address_of_a_mail_server_and_a_missing_sender_are_errors_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let bad = [
        ("smtp:/secret", "SMTP_URL is set to something else than"),
        ("smtps://mail.example.com", "MAIL_FROM is not set"),
    ];
    for (url, error) in bad {
        let output = fanout(data.path()).env("SMTP_URL", url).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(errors.contains(error), "{errors}");
        assert!(!errors.contains("secret"), "{errors}");
    }
}

#[test]
fn half_a_pair_of_emulator_variables_is_an_error_that_names_the_other() {
    let data = tempfile::tempdir().unwrap();
    let output = fanout(data.path())
        .env("PUBSUB_EMULATOR_HOST", "localhost:1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains("FIRESTORE_EMULATOR_HOST is not"),
        "{errors}"
    );
}

#[test]
fn a_log_filter_that_cannot_be_read_is_an_error() {
    let data = tempfile::tempdir().unwrap();
    let output = fanout(data.path())
        .env("RUST_LOG", "fanout=loud")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains("RUST_LOG is set to something else"),
        "{errors}"
    );
}

#[test]
fn without_an_sdk_emulators_says_how_to_install_one() {
    let (data, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = fanout(data.path())
        .arg("--emulators")
        .env("PATH", empty.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    // The SDK itself may be found in its usual place; the java it needs is not on this PATH.
    assert!(
        errors.contains("a `java` on PATH") && errors.contains("default-jre-headless`"),
        "{errors}"
    );
}

#[test]
fn the_help_has_an_example() {
    let help = Command::new(env!("CARGO_BIN_EXE_fanout"))
        .arg("--help")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(
        text.contains("Examples:") && text.contains("curl -X POST"),
        "{text}"
    );
}

/// Every user that was answered 201 before the kill has exactly one contact, mail and count after.
#[test]
fn kill_nine_under_load_loses_nothing_and_repeats_nothing() {
    const SIGN_UPS: usize = 320;
    const CLIENTS: usize = 32;
    let data = tempfile::tempdir().unwrap();
    let mut running = Running::start(data.path());
    let url = running.url("user", "/users");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let url = url.clone();
            std::thread::spawn(move || sign_up_until_dead(&url, client, SIGN_UPS / CLIENTS))
        })
        .collect();
    // In the middle: some have been answered, some are under way.
    wait_until("some sign-ups", || running.count() >= 20);
    running.kill_nine();
    let mut accepted: Vec<String> = Vec::new();
    for client in clients {
        accepted.extend(client.join().unwrap());
    }
    assert!(
        accepted.len() >= 20 && accepted.len() < SIGN_UPS,
        "{} accepted",
        accepted.len()
    );

    let running = Running::start(data.path());
    for user in &accepted {
        let contact = format!("/contacts/{user}");
        wait_until("the contact", || running.get("crm", &contact).0 == 200);
        let mails = format!("/emails?user_id={user}");
        let sent = || {
            running.get("email", &mails).1["emails"]
                .as_array()
                .map_or(0, Vec::len)
        };
        wait_until("the mail", || sent() > 0);
        assert_eq!(sent(), 1, "mails to {user}");
    }
    wait_until("quiet", || nothing_waits(data.path()));
    // A sign-up whose answer the kill cut off counts too, if it was committed.
    let contacts = contacts(&running);
    assert!(accepted.iter().all(|user| contacts.contains(user)));
    let mails = std::fs::read_dir(data.path().join("mail")).unwrap().count();
    assert_eq!((running.count(), mails), (contacts.len(), contacts.len()));
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
}

/// Whether no event waits to be published or to be delivered, again or for the first time.
fn nothing_waits(data: &Path) -> bool {
    let database = Database::open_to_read(&data.join("fanout.db")).unwrap();
    let deliveries = "SELECT count(*) FROM deliveries";
    let counted = database.call(move |database| {
        let waiting: i64 = database.query_row(deliveries, [], |row| row.get(0))?;
        Ok::<_, DatabaseError>(waiting)
    });
    let reader = SqliteDocuments::reading(database.clone(), Arc::new(SystemClock));
    let rows = all_documents(&reader, Query::of(EVENTS));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (deliveries, rows) = runtime
        .unwrap()
        .block_on(async { (counted.await, rows.await) });
    let published = |row: &Document| row.fields.get("waiting").is_none();
    rows.unwrap().iter().all(published) && deliveries.unwrap() == 0
}

/// The ids of all contacts.
fn contacts(running: &Running) -> Vec<String> {
    let (mut found, mut page) = (Vec::new(), String::new());
    loop {
        let (_, answer) = running.get("crm", &format!("/contacts?page_token={page}"));
        for contact in answer["contacts"].as_array().unwrap() {
            found.push(contact["user_id"].as_str().unwrap().to_owned());
        }
        match answer["next_page_token"].as_str() {
            Some(next) => page = next.to_owned(),
            None => return found,
        }
    }
}

fn sign_up_until_dead(url: &str, client: usize, most: usize) -> Vec<String> {
    let mut accepted = Vec::new();
    for number in 0..most {
        let body =
            json!({"email": format!("user-{client}-{number}@example.com"), "name": "Test User"});
        let Some((201, user)) = try_post(url, &body) else {
            return accepted;
        };
        accepted.push(user["id"].as_str().unwrap().to_owned());
    }
    accepted
}

#[test]
fn logs_are_json_when_asked_for() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command.args(["--log", "json"]).stdout(Stdio::piped());
    let running = Running::of(command);
    running.post(
        "user",
        "/users",
        &json!({"email": "a@example.com", "name": "Secret Name"}),
    );
    wait_until("the count", || running.count() == 1);
    let (_, output) = running.interrupt();
    let lines = output.lines().map(serde_json::from_str);
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().expect("nothing but JSON");
    assert!(
        lines
            .iter()
            .any(|line| line["outcome"] == "done" && line["consumer"] == "analytics"),
        "{output}"
    );
    assert!(
        !output.contains("a@example.com") && !output.contains("Secret Name"),
        "{output}"
    );
}
