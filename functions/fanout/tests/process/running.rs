//! `fanout` as a child process, and talking to it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take. On a machine that is busy enough a call to an emulator runs out of
/// time, and the claim that it leaves behind keeps its event away for a minute.
const DEADLINE: Duration = Duration::from_secs(150);

/// A running `fanout`, killed when dropped.
pub(crate) struct Running {
    child: Child,
    urls: Vec<(String, String)>,
    output: mpsc::Receiver<String>,
    seen: String,
}

/// The command on free ports and this data directory.
pub(crate) fn fanout(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command
        .args(["up", "--port", "all=0", "--data-dir"])
        .arg(data)
        .env_remove("PUBSUB_EMULATOR_HOST")
        .env_remove("FIRESTORE_EMULATOR_HOST")
        .env_remove("SMTP_URL")
        .env_remove("MAIL_FROM")
        .stdin(Stdio::null());
    command
}

/// Waits for a condition, with a deadline.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        pause();
    }
}

/// A moment between two looks at a condition.
fn pause() {
    let (_never, silence) = mpsc::channel::<()>();
    let _ = silence.recv_timeout(Duration::from_millis(10));
}

impl Running {
    pub(crate) fn start(data: &Path) -> Self {
        Self::of(fanout(data))
    }

    /// Starts the command and waits until it says that it is ready.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (lines, output) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let mut running = Self {
            child,
            urls: Vec::new(),
            output,
            seen: String::new(),
        };
        loop {
            let line = running
                .output
                .recv_timeout(DEADLINE)
                .expect("the ready line");
            running.seen.push_str(&line);
            running.seen.push('\n');
            let named = line
                .trim()
                .split_once("-service")
                .or(line.trim().split_once(" REST"))
                .or(["ticker", "console"].into_iter().find_map(|name| {
                    let rest = line.trim_start().strip_prefix(name)?;
                    Some((name, rest))
                }));
            if let Some((name, rest)) = named {
                let base = rest
                    .trim()
                    .splitn(4, '/')
                    .take(3)
                    .collect::<Vec<_>>()
                    .join("/");
                let name = name.replace("Pub/Sub", "pubsub");
                running
                    .urls
                    .push((name, base.replace("localhost", "127.0.0.1")));
            }
            let logged: Value = serde_json::from_str(&line).unwrap_or_default();
            if logged["message"] == "listening" {
                let text = |field: &str| logged[field].as_str().unwrap().to_owned();
                running.urls.push((text("name"), text("url")));
            }
            if line.starts_with("ready") || logged["message"] == "ready" {
                return running;
            }
        }
    }

    pub(crate) fn url(&self, name: &str, path: &str) -> String {
        let (_, base) = self.urls.iter().find(|(found, _)| found == name).unwrap();
        format!("{base}{path}")
    }

    pub(crate) fn get(&self, name: &str, path: &str) -> (u16, Value) {
        request("GET", &self.url(name, path), None).expect("an answer")
    }

    pub(crate) fn post(&self, name: &str, path: &str, body: &Value) -> (u16, Value) {
        try_post(&self.url(name, path), body).expect("an answer")
    }

    /// Any other call.
    pub(crate) fn call(&self, method: &str, name: &str, path: &str, body: &Value) -> u16 {
        let answer = request(method, &self.url(name, path), Some(&body.to_string()));
        answer.expect("an answer").0
    }

    /// The variables that lead to the emulators that the command has started; none on the embedded
    /// engine.
    pub(crate) fn emulator_variables(&self) -> Vec<(String, String)> {
        let line = self
            .seen
            .lines()
            .find_map(|line| line.split_once(": export "));
        let pairs = line.map(|(_, pairs)| pairs).unwrap_or_default();
        let pairs = pairs.split(' ').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Sign-ups that analytics has counted.
    pub(crate) fn count(&self) -> usize {
        let (_, counts) = self.get("analytics", "/signups");
        usize::try_from(counts["total"].as_u64().unwrap()).unwrap()
    }

    /// What the command has said so far.
    pub(crate) fn said(&self) -> &str {
        &self.seen
    }

    pub(crate) fn kill_nine(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ctrl-C; gives the exit code and all of the output.
    pub(crate) fn interrupt(self) -> (Option<i32>, String) {
        send_signal("-INT", self.id());
        self.ended()
    }

    /// Waits for the end; gives the exit code and all of the output.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        let mut seen = std::mem::take(&mut self.seen);
        while let Ok(line) = self.output.recv_timeout(DEADLINE) {
            seen.push_str(&line);
            seen.push('\n');
        }
        (status.code(), seen)
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of output with this text.
    pub(crate) fn says(&mut self, text: &str) {
        loop {
            let line = self.output.recv_timeout(DEADLINE).expect(text);
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(text) {
                return;
            }
        }
    }
}

/// Sends a signal to a process: `-INT` is Ctrl-C.
pub(crate) fn send_signal(signal: &str, process: u32) {
    let process = process.to_string();
    let sent = Command::new("kill").args([signal, &process]).status();
    assert!(sent.unwrap().success());
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `POST`; `None` if the connection broke.
pub(crate) fn try_post(url: &str, body: &Value) -> Option<(u16, Value)> {
    request("POST", url, Some(&body.to_string()))
}

/// `POST` of any text; `None` if the connection broke.
pub(crate) fn try_post_text(url: &str, body: &str) -> Option<(u16, Value)> {
    request("POST", url, Some(body))
}

/// `POST` with an `Idempotency-Key`; `None` if the connection broke.
pub(crate) fn try_post_once(url: &str, body: &Value, key: &str) -> Option<(u16, Value)> {
    let header = format!("Idempotency-Key: {key}\r\n");
    request_with("POST", url, &header, Some(&body.to_string()))
}

/// Any call; `None` if the connection broke.
pub(crate) fn request(method: &str, url: &str, body: Option<&str>) -> Option<(u16, Value)> {
    request_with(method, url, "", body)
}

/// One HTTP/1.1 exchange on a connection of its own: enough for these tests, and no runtime needed.
fn request_with(
    method: &str,
    url: &str,
    headers: &str,
    body: Option<&str>,
) -> Option<(u16, Value)> {
    use std::io::Write;
    let (host, path) = url.strip_prefix("http://")?.split_at(url[7..].find('/')?);
    let mut stream = std::net::TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let body = body.unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok()?;
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while !is_whole(&bytes) {
        match stream.read(&mut part).ok()? {
            0 => break,
            length => bytes.extend(&part[..length]),
        }
    }
    let answer = String::from_utf8(bytes).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// Whether all of an answer is there: Google's emulator keeps the connection open.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
    match length {
        Some(length) => body.len() >= length,
        None => body.ends_with("0\r\n\r\n"),
    }
}
