//! `fanout trace` against a running system, on every engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::running::{Running, fanout, wait_until};

/// The command against the system that uses this data directory, or its emulators.
struct Tracer<'a> {
    data: &'a Path,
    variables: Vec<(String, String)>,
}

impl Tracer<'_> {
    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_fanout"))
            .arg("trace")
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data)
            .env_remove("PUBSUB_EMULATOR_HOST")
            .env_remove("FIRESTORE_EMULATOR_HOST")
            .env_remove("GOOGLE_CLOUD_PROJECT")
            .envs(self.variables.iter().cloned())
            .output()
            .unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('@') && !text.contains("Secret"), "{text}");
        text
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.text(&arguments)).unwrap()
    }

    /// The state of each consumer with the user's event of this type, as far as it is known.
    fn states(&self, user: &str, event_type: &str) -> Vec<(String, String)> {
        let output = self.output(&["--user", user, "--json"]);
        let trace: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let events = trace["events"].as_array().cloned().unwrap_or_default();
        let event = events.iter().find(|event| event["type"] == event_type);
        let published = event.is_some_and(|event| event["publication"]["state"] == "published");
        let consumers = event
            .and_then(|event| event["consumers"].as_array())
            .cloned();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let states = consumers.unwrap_or_default();
        let states = states.iter().filter(|_| published);
        states
            .map(|one| (text(&one["consumer"]), text(&one["state"])))
            .collect()
    }

    fn count(&self, user: &str, event_type: &str, state: &str) -> usize {
        let states = self.states(user, event_type);
        states.iter().filter(|(_, found)| found == state).count()
    }
}

/// A text whose ids and times are the same on each run.
fn steady(text: &str) -> String {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut word = String::new();
    let mut out = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || "_-:.".contains(c) {
            word.push(c);
            continue;
        }
        let (bare, end) = match word.strip_suffix(':') {
            Some(bare) => (bare, ":"),
            None => (word.as_str(), ""),
        };
        let prefix = ["evt_", "usr_", "req_"]
            .into_iter()
            .find(|prefix| bare.starts_with(prefix));
        let is_time = bare.len() == 24 && bare.starts_with("20") && bare.ends_with('Z');
        out.push_str(&match prefix {
            _ if is_time => "TIME".to_owned(),
            Some(prefix) => {
                let number = names.keys().filter(|id| id.starts_with(prefix)).count() + 1;
                let name = names.entry(bare.to_owned());
                name.or_insert_with(|| format!("{prefix}{number}")).clone()
            }
            None => bare.to_owned(),
        });
        out.push_str(end);
        out.push(c);
        word.clear();
    }
    out.pop();
    // How often a mail was tried depends on how quick this machine is.
    let more = (2..100).map(|number| format!("(attempt {number})"));
    more.fold(out, |text, attempt| {
        text.replace(&attempt, "(attempt MANY)")
    })
}

/// Signs up, updates and deletes; the mail fails at first; then somebody uses the event's id again.
fn an_eventful_life(running: &Running, tracer: &Tracer<'_>) -> String {
    let body = json!({"email": "secret@example.com", "name": "Secret Name"});
    // A file where the folder for mails should be.
    let mail = tracer.data.join("mail");
    std::fs::write(&mail, "").unwrap();
    let (status, user) = running.post("user", "/users", &body);
    assert_eq!(status, 201);
    let id = user["id"].as_str().unwrap();
    let (created, updated, deleted) = ("user.created", "user.updated", "user.deleted");
    let released = ("email".to_owned(), "released".to_owned());
    wait_until("a mail that fails", || {
        tracer.states(id, created).contains(&released)
    });
    std::fs::remove_file(&mail).unwrap();
    wait_until("the three effects", || {
        tracer.count(id, created, "done") == 3
    });

    let path = format!("/users/{id}");
    assert_eq!(
        running.call("PATCH", "user", &path, &json!({"name": "Secret Other"})),
        200
    );
    wait_until("the change", || tracer.count(id, updated, "done") == 2);
    assert_eq!(running.call("DELETE", "user", &path, &json!(null)), 204);
    wait_until("the end", || tracer.count(id, deleted, "done") == 2);

    let trace = tracer.json(&["--user", id]);
    let reused = json!({
        "id": trace["events"][0]["event_id"],
        "type": created,
        "source": "test",
        "subject": id,
        "sequence": 1,
        "timestamp": "2026-11-20T12:00:00.000Z",
        "data": {"user_id": id, "email": "secret.too@example.com", "name": "Secret Too"},
        "metadata": {"version": "1.0"},
    });
    let data = BASE64_STANDARD.encode(reused.to_string());
    let publish = "/v1/projects/fanout-local/topics/user-events:publish";
    let (status, _) = running.post("pubsub", publish, &json!({"messages": [{"data": data}]}));
    assert_eq!(status, 200);
    let notes = "other_payload_parked";
    wait_until("parked by all three", || {
        tracer.count(id, created, notes) == 3
    });
    id.to_owned()
}

/// The same on every engine, to the word.
fn shows_all_of_it(tracer: &Tracer<'_>, user: &str) {
    insta::assert_snapshot!("trace_of_a_user", steady(&tracer.text(&["--user", user])));
    let trace = tracer.json(&["--user", user]);
    let first = &trace["events"][0];
    let event = first["event_id"].as_str().unwrap();
    insta::assert_snapshot!("trace_of_an_event", steady(&tracer.text(&[event])));
    let correlation = first["correlation_id"].as_str().unwrap();
    let of_request = tracer.json(&["--correlation", correlation]);
    assert_eq!(of_request["events"], json!([first]));
    let of_event = tracer.json(&[event]);
    assert_eq!(of_event["events"], json!([first]));
    insta::assert_json_snapshot!("trace_in_json", of_event, {
        ".**.event" => "[id]",
        ".**.event_id" => "[id]",
        ".**.subject" => "[id]",
        ".**.user_id" => "[id]",
        ".**.correlation_id" => "[id]",
        ".**.publication.at" => "[time]",
        ".**.stored_at" => "[time]",
        ".**.deleted_at" => "[time]",
        ".**.finished_at" => "[time]",
        ".events[].consumers[0].attempts" => "[more than one]",
    });
    let attempts = of_event["events"][0]["consumers"][0]["attempts"].as_u64();
    assert!(attempts > Some(1), "{of_event:#}");
}

#[test]
fn an_eventful_life_on_the_embedded_engine_running_or_not() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let tracer = Tracer {
        data: data.path(),
        variables: Vec::new(),
    };
    let user = an_eventful_life(&running, &tracer);
    shows_all_of_it(&tracer, &user);
    let while_running = tracer.text(&["--user", &user]);
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(tracer.text(&["--user", &user]), while_running);
    // Reading has left nothing behind that would keep the owner out.
    let running = Running::start(data.path());
    assert_eq!(tracer.text(&["--user", &user]), while_running);
    drop(running);
    // Killed, with the last writes in the log only.
    assert_eq!(tracer.text(&["--user", &user]), while_running);
}

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
fn an_eventful_life_on_google_s_emulators() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command.arg("--emulators");
    let running = Running::of(command);
    let tracer = Tracer {
        data: data.path(),
        variables: running.emulator_variables(),
    };
    assert_eq!(tracer.variables.len(), 2);
    let user = an_eventful_life(&running, &tracer);
    shows_all_of_it(&tracer, &user);
}

#[test]
fn reading_never_disturbs_the_owner() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let tracer = Tracer {
        data: data.path(),
        variables: Vec::new(),
    };
    std::thread::scope(|scope| {
        let readers = scope.spawn(|| {
            for _ in 0..20 {
                assert_eq!(
                    tracer.output(&["--user", "usr_nobody"]).status.code(),
                    Some(1)
                );
            }
        });
        let mut number = 0;
        while !readers.is_finished() {
            let body = json!({"email": format!("a{number}@example.com"), "name": "A"});
            assert_eq!(running.post("user", "/users", &body).0, 201);
            number += 1;
        }
        wait_until("all counted", || running.count() == number);
    });
}

#[test]
fn what_nobody_knows_is_exit_code_one_with_the_next_step() {
    let data = tempfile::tempdir().unwrap();
    let tracer = Tracer {
        data: data.path(),
        variables: Vec::new(),
    };
    let output = tracer.output(&["evt_1"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("start `fanout up` first"), "{said}");
    let _running = Running::start(data.path());
    for arguments in [["--user", "usr_1"], ["--correlation", "req_1"]] {
        assert_eq!(tracer.output(&arguments).status.code(), Some(1));
    }
    let output = tracer.output(&["evt_1"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("no row and no mark knows the event evt_1"),
        "{said}"
    );
    assert!(said.contains("grep -F 'evt_1'"), "{said}");
}

#[test]
fn wrong_use_is_exit_code_two() {
    let data = tempfile::tempdir().unwrap();
    let tracer = Tracer {
        data: data.path(),
        variables: Vec::new(),
    };
    let wrong: [&[&str]; 4] = [
        &[],
        &["evt_1", "--user", "usr_1"],
        &[""],
        &["--user", "a", "--correlation", "b"],
    ];
    for arguments in wrong {
        assert_eq!(
            tracer.output(arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

#[test]
fn an_emulator_that_does_not_run_is_named() {
    let data = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let variable = |name: &str| (name.to_owned(), closed.to_string());
    let tracer = Tracer {
        data: data.path(),
        variables: vec![
            variable("PUBSUB_EMULATOR_HOST"),
            variable("FIRESTORE_EMULATOR_HOST"),
        ],
    };
    let output = tracer.output(&["evt_1"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("does the Firestore emulator run?") && said.contains(&closed.to_string()),
        "{said}"
    );
}
