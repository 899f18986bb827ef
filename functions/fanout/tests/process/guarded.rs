//! What keeps a running system to its machine and its user, and what it does when the system under it
//! gives way.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::running::{Running, fanout, send_signal, try_post, wait_until};

const PORTS: [&str; 6] = ["user", "email", "analytics", "crm", "pubsub", "ticker"];

/// The status of a request with these lines.
pub(crate) fn status(url: &str, method: &str, headers: &str, body: &str) -> u16 {
    let (host, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn no_port_answers_to_another_host_or_to_a_web_page_from_elsewhere() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    for port in PORTS {
        let path = if port == "pubsub" {
            "/v1/projects/p/topics"
        } else {
            "/health"
        };
        let url = running.url(port, path);
        let ask = |headers: &str| status(&url, "GET", headers, "");
        assert_eq!(ask("Host: localhost\r\n"), 200, "{port}");
        assert_eq!(
            ask("Host: 127.0.0.1:1\r\nOrigin: http://localhost:8090\r\n"),
            200,
            "{port}"
        );
        assert_eq!(ask("Host: evil.example\r\n"), 403, "{port}");
        assert_eq!(
            ask("Host: localhost\r\nOrigin: http://evil.example\r\n"),
            403,
            "{port}"
        );
        assert_eq!(ask(""), 400, "{port}");
    }
    // What a page can send without being asked first.
    let simple = "Host: localhost\r\nContent-Type: text/plain\r\nOrigin: http://evil.example\r\n";
    for (port, path) in [
        ("user", "/users"),
        ("crm", "/pubsub/push"),
        ("ticker", "/outbox/evt_1/skip"),
        ("pubsub", "/v1/projects/p/topics/user-events:publish"),
    ] {
        let body = r#"{"messages":[{"data":"aGVsbG8="}]}"#;
        assert_eq!(
            status(&running.url(port, path), "POST", simple, body),
            403,
            "{path}"
        );
    }
    let text = "Host: localhost\r\nContent-Type: text/plain\r\n";
    assert_eq!(
        status(&running.url("crm", "/pubsub/push"), "POST", text, "{}"),
        415
    );
    running.interrupt();
}

#[test]
#[cfg(unix)]
fn files_and_folders_of_a_data_directory_are_its_users_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/data");
    let running = Running::start(&data);
    let user = json!({"email": "a@example.com", "name": "A"});
    assert_eq!(running.post("user", "/users", &user).0, 201);
    wait_until("the mail", || {
        fs::read_dir(data.join("mail")).is_ok_and(|mut it| it.next().is_some())
    });
    let mut seen = 0;
    assert_private(&data, &mut seen);
    assert!(seen >= 5, "{seen}");
    running.interrupt();
}

#[cfg(unix)]
fn assert_private(path: &Path, seen: &mut usize) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(file) = fs::metadata(path) else {
        return;
    };
    *seen += 1;
    let expected = if file.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(
        file.permissions().mode() & 0o777,
        expected,
        "{}",
        path.display()
    );
    if file.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            assert_private(&entry.unwrap().path(), seen);
        }
    }
}

#[test]
fn a_data_directory_that_is_removed_ends_the_system_and_nothing_is_accepted_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = fanout(&data);
    command.args(["--log", "json"]);
    let running = Running::of(command);
    let users = running.url("user", "/users");
    let user = |number: usize| json!({"email": format!("u{number}@example.com"), "name": "U"});
    // One that is accepted before, and of which the rest comes after.
    let host = running.url("user", "").replace("http://", "");
    let mut under_way = TcpStream::connect(host).unwrap();
    let body = user(0).to_string();
    let (first, rest) = body.split_at(1);
    write!(
        under_way,
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{first}",
        body.len()
    )
    .unwrap();
    assert_eq!(try_post(&users, &user(1)).unwrap().0, 201);
    fs::remove_dir_all(&data).unwrap();
    under_way.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    // Those that come before it has stopped listening, if any.
    let answers = (1..).map_while(|number| try_post(&users, &user(number)));
    assert!(answers.take(1000).all(|(status, _)| status == 503));
    let (code, output) = running.ended();
    assert_eq!(code, Some(1), "{output}");
    let logged = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let failed: Vec<Value> = logged
        .filter(|line: &Value| line["message"] == "fanout up failed")
        .collect();
    assert_eq!(failed.len(), 1, "{output}");
    assert!(failed[0]["error"].as_str().unwrap().contains("was removed"));
    assert_eq!(failed[0]["severity"], "ERROR");
}

#[test]
fn a_fault_at_the_start_is_one_json_line_where_logs_are_json() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("crm={}", taken.local_addr().unwrap().port());
    let data = tempfile::tempdir().unwrap();
    let start = |variable: (&str, &str)| {
        let mut command = fanout(data.path());
        command
            .args(["--log", "json", "--port", &port])
            .env(variable.0, variable.1);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stdout).unwrap();
        let line: Value = serde_json::from_str(&text).expect("one line");
        assert_eq!(line["severity"], "ERROR");
        line["error"].as_str().unwrap().to_owned()
    };
    assert!(start(("NOTHING", "")).contains("is already in use"));
    assert!(start(("RUST_LOG", "a=loud")).contains("RUST_LOG is set to something else"));
}

#[test]
#[cfg(unix)]
fn it_drains_when_its_terminal_goes_away_unless_it_was_told_to_outlive_it() {
    let data = tempfile::tempdir().unwrap();
    let mut running = Running::start(data.path());
    send_signal("-HUP", running.id());
    running.says("stopping");
    let (code, output) = running.ended();
    assert_eq!(code, Some(0), "{output}");
    // As `nohup` starts a program.
    let running = Running::of(in_a_shell("trap '' HUP", data.path()));
    send_signal("-HUP", running.id());
    assert_eq!(running.get("user", "/health").0, 200);
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
}

/// The command after a shell has prepared something.
fn in_a_shell(prepare: &str, data: &Path) -> Command {
    let plain = fanout(data);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{prepare}; exec \"$0\" \"$@\"")]);
    command.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    command
}

#[test]
#[cfg(target_os = "linux")]
fn the_limit_of_descriptors_is_raised_to_the_hard_one() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::of(in_a_shell("ulimit -Sn 200; ulimit -Hn 300", data.path()));
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<&str> = files.unwrap().split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["300", "300"]);
    running.interrupt();
}

#[test]
#[cfg(target_os = "linux")]
fn without_descriptors_it_says_so_once_and_goes_on_when_there_are_some() {
    let data = tempfile::tempdir().unwrap();
    let mut command = in_a_shell("ulimit -n 128", data.path());
    command.args(["--log", "json"]);
    let mut running = Running::of(command);
    let host = running.url("crm", "").replace("http://", "");
    let idle: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(&host).unwrap())
        .collect();
    running.says("no connections can be taken");
    drop(idle);
    wait_until("an answer", || running.get("crm", "/health").0 == 200);
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(
        output.matches("no connections can be taken").count(),
        1,
        "{output}"
    );
}
