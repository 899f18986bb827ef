//! A running system, and the operator's commands on it as processes of their own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::{Running, fanout, wait_until};

/// A running system with an operator.
pub(crate) struct Operated {
    pub(crate) running: Running,
    data: TempDir,
    emulators: bool,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Expands into one test per engine, each with a fresh [`Operated`].
macro_rules! on_every_engine {
    ($($(#[$doc:meta])* fn $name:ident($system:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$doc])*
            fn case($system: crate::operated::Operated) $body

            #[test]
            fn on_the_embedded_engine() {
                case(crate::operated::Operated::embedded());
            }

            #[test]
            #[cfg_attr(not(emulators), ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator")]
            fn on_googles_emulators() {
                case(crate::operated::Operated::on_emulators());
            }
        }
    )*};
}

pub(crate) use on_every_engine;

impl Operated {
    /// On the embedded engine. What fails becomes a dead letter after five quick deliveries.
    pub(crate) fn embedded() -> Self {
        Self::start(false)
    }

    /// On Google's emulators, started for this test. What fails is tried for ever.
    pub(crate) fn on_emulators() -> Self {
        Self::start(true)
    }

    /// From now on what email fails to do becomes a dead letter after five deliveries, as it does on
    /// the embedded engine anyway. On the emulators its subscription is made anew for that, without
    /// ordering: on an ordered one the emulator drops what runs out of attempts.
    pub(crate) fn let_mails_give_up_soon(&self) {
        if !self.emulators {
            return;
        }
        let path = "/v1/projects/fanout-local/subscriptions/user-events-email";
        let url = self.running.url("pubsub", path);
        let unordered = json!({
            "topic": "projects/fanout-local/topics/user-events",
            "ackDeadlineSeconds": 60,
            "pushConfig": {"pushEndpoint": self.running.url("email", "/pubsub/push")},
            "deadLetterPolicy": {
                "deadLetterTopic": "projects/fanout-local/topics/user-events-email-dead-letters",
                "maxDeliveryAttempts": 5,
            },
        });
        let client = reqwest::Client::new();
        let requests = [client.delete(&url), client.put(&url).json(&unordered)];
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for request in requests {
            let answer = runtime.block_on(request.send()).unwrap();
            assert_eq!(answer.status(), 200);
        }
    }

    fn start(emulators: bool) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = fanout(data.path());
        command.args([
            "--min-backoff",
            "50ms",
            "--max-backoff",
            "100ms",
            "--max-attempts",
            "5",
        ]);
        if emulators {
            command.arg("--emulators");
        }
        Self {
            running: Running::of(command),
            data,
            emulators,
        }
    }

    /// `fanout` with these arguments, on this system.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = operator_command(arguments);
        if self.emulators {
            let said = self.running.said().split_whitespace();
            let variables = said.filter_map(|word| word.split_once("_EMULATOR_HOST="));
            for (name, value) in variables {
                command.env(format!("{name}_EMULATOR_HOST"), value);
            }
        } else {
            // On one machine no certificates are needed.
            command
                .env("SSL_CERT_FILE", "/absent")
                .env("SSL_CERT_DIR", "/absent");
            command.env("FANOUT_PUBSUB_URL", self.running.url("pubsub", ""));
            command.env("FANOUT_TICKER_URL", self.running.url("ticker", ""));
            command.env("FANOUT_DATA_DIR", self.data.path());
        }
        command.current_dir(self.data.path());
        command
    }

    /// Runs `fanout` with these arguments to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments))
    }

    /// Runs it with `--json`, and reads the answer.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
    }

    /// Starts it and leaves it running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A file in the folder that commands run in.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// What has become of a user: sign-ups counted in all, mails to this one, the contact's status.
    pub(crate) fn effects(&self, user_id: &str) -> (usize, usize, u16) {
        let contact = self.running.get("crm", &format!("/contacts/{user_id}")).0;
        (self.running.count(), self.mails_to(user_id), contact)
    }

    /// Waits until the counted sign-ups, the mails to this user and its contact are these.
    pub(crate) fn wait_for_effects(&self, user_id: &str, expected: (usize, usize, u16)) {
        wait_until("the effects", || self.effects(user_id) == expected);
    }

    /// Publishes `user.created` of this user.
    pub(crate) fn publish(&self, event_id: &str, user_id: &str, name: &str) {
        let data =
            json!({"user_id": user_id, "email": format!("{user_id}@example.com"), "name": name});
        let data = data.to_string();
        let ended = self.run(&[
            "publish",
            "user.created",
            "--event-id",
            event_id,
            "--data",
            &data,
        ]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Deletes or creates the topic of users' events.
    pub(crate) fn topic_of_users(&self, method: &str) {
        let path = "/v1/projects/fanout-local/topics/user-events";
        let answer = self.running.call(method, "pubsub", path, &json!({}));
        assert_eq!(answer, 200);
    }

    /// Publishes text as people do by hand.
    pub(crate) fn publish_raw(&self, text: &str) {
        let ended = self.run(&["publish", "--raw", "--data", text]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// How many dead letters a consumer has that nobody holds.
    pub(crate) fn dead_letters(&self, consumer: &str) -> u64 {
        let listed = self.json(&["dead-letters", "list", "--consumer", consumer]);
        listed["consumers"][0]["count"].as_u64().unwrap()
    }

    pub(crate) fn wait_for_dead_letters(&self, consumer: &str, count: u64) {
        wait_until("the dead letters", || self.dead_letters(consumer) == count);
    }

    /// How many mails were sent to a user.
    pub(crate) fn mails_to(&self, user_id: &str) -> usize {
        let (_, mails) = self
            .running
            .get("email", &format!("/emails?user_id={user_id}"));
        mails["emails"].as_array().map_or(0, Vec::len)
    }

    /// Makes every mail fail, in a way that may work later.
    pub(crate) fn break_mail(&self) {
        let mail = self.data.path().join("mail");
        assert!(!mail.exists(), "mails were sent before");
        std::fs::write(mail, "in the way").unwrap();
    }

    /// Lets mails be sent again.
    pub(crate) fn repair_mail(&self) {
        std::fs::remove_file(self.data.path().join("mail")).unwrap();
    }
}

/// `fanout` with these arguments and nothing else of this process's environment that it reads.
pub(crate) fn operator_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command
        .args(arguments)
        .env_remove("PUBSUB_EMULATOR_HOST")
        .env_remove("FIRESTORE_EMULATOR_HOST")
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .stdin(Stdio::null());
    command
}

impl Ended {
    /// Runs a command to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Waits for a command that runs already.
    pub(crate) fn wait(child: Child) -> Self {
        Self::from(child.wait_with_output().unwrap())
    }
}

impl From<std::process::Output> for Ended {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Times, ages and message ids are different every time. And the emulator's pushes carry no ordering
/// key, so what was parked there has none.
pub(crate) fn scrubbed(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("ordering key"));
    let lines: Vec<String> = lines.map(scrubbed_line).collect();
    lines.join("\n")
}

fn scrubbed_line(line: &str) -> String {
    if let Some((start, _)) = line.split_once("the oldest ") {
        return format!("{start}the oldest [age] old");
    }
    let names_a_message = line.contains("message ") || line.starts_with("dead letter ");
    let mut words = Vec::new();
    for word in line.split(' ') {
        let bare = word.trim_end_matches(',');
        if bare.starts_with("20") && bare.ends_with('Z') {
            // Behind a time is its age.
            words.push("[time]");
            break;
        }
        let is_number = !word.is_empty() && word.chars().all(|digit| digit.is_ascii_digit());
        words.push(match word {
            _ if word.starts_with("msg_") => "msg_[id]",
            _ if is_number && names_a_message => "[id]",
            _ => word,
        });
    }
    words.join(" ")
}
