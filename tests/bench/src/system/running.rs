//! Whole systems, as processes.

use std::ffi::OsString;
use std::fs::{create_dir_all, read_dir, read_to_string};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::measure::{Connection, Process, free_port, repository};

const START_TIME_LIMIT: Duration = Duration::from_secs(60);
const CONSUMERS: [&str; 3] = ["crm", "analytics", "email"];
const PYTHON_THREADS: &str = "16";

/// Which system.
pub(super) enum Kind {
    /// This binary.
    Fanout(PathBuf),
    /// With this Python.
    Redis(PathBuf),
    /// In this folder.
    Node(PathBuf),
}

/// One that takes sign-ups.
pub(super) struct Running {
    processes: Vec<Process>,
    /// Of `POST /users`.
    pub(super) port: u16,
    counted_at: CountedAt,
    mails: PathBuf,
}

enum CountedAt {
    /// The ports of analytics and of the CRM.
    Services { analytics: u16, crm: u16 },
    /// The port that takes sign-ups.
    OnePath,
}

impl Kind {
    /// Starts it with its data in an empty folder.
    pub(super) fn start(&self, folder: &Path, cores: &str) -> anyhow::Result<Running> {
        match self {
            Self::Fanout(binary) => fanout(binary, folder, cores),
            Self::Redis(python) => redis(python, folder, cores),
            Self::Node(sources) => node(sources, folder, cores),
        }
    }
}

fn fanout(binary: &Path, folder: &Path, cores: &str) -> anyhow::Result<Running> {
    let data = folder.join("data");
    let output = folder.join("fanout.log");
    let mut up = Command::new(binary);
    up.args(["up", "--port", "all=0", "--log", "json", "--data-dir"])
        .arg(&data);
    let mut process = Process::start("fanout up", &up, cores, &output)?;
    let told = || read_to_string(&output).unwrap_or_default();
    process.until_ready(START_TIME_LIMIT, || {
        told().lines().any(|line| line.starts_with("ready"))
    })?;
    let told = told();
    // `  crm-service        http://localhost:41234/contacts`
    let port = |service: &str| {
        let line = told.lines().find(|line| line.trim().starts_with(service));
        let rest = line.and_then(|line| line.split_once("http://localhost:"));
        let digits = rest.and_then(|(_, rest)| rest.split(|it: char| !it.is_ascii_digit()).next());
        digits
            .and_then(|port| port.parse().ok())
            .with_context(|| format!("no {service} in: {told}"))
    };
    Ok(Running {
        processes: vec![process],
        port: port("user-service")?,
        counted_at: CountedAt::Services {
            analytics: port("analytics-service")?,
            crm: port("crm-service")?,
        },
        mails: data.join("mail"),
    })
}

fn redis(python: &Path, folder: &Path, cores: &str) -> anyhow::Result<Running> {
    let (redis_port, port) = (free_port()?, free_port()?);
    let mails = folder.join("mail");
    create_dir_all(&mails)?;
    let mut server = Command::new("redis-server");
    server.args([
        "--port",
        &redis_port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]);
    server
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(folder);
    let mut server = Process::start("redis", &server, cores, &folder.join("redis.log"))?;
    server.until_ready(START_TIME_LIMIT, || {
        std::net::TcpStream::connect(("127.0.0.1", redis_port)).is_ok()
    })?;
    let sources = repository().join("tests/bench/peers/system");
    let start = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(python);
        command.args(arguments).current_dir(&sources);
        command
            .env("REDIS_PORT", redis_port.to_string())
            .env("MAIL_FOLDER", &mails);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Process::start(name, &command, cores, &folder.join(format!("{name}.log")))
    };
    let bind = format!("127.0.0.1:{port}");
    let gunicorn = [
        "-m",
        "gunicorn",
        "--workers",
        "1",
        "--threads",
        PYTHON_THREADS,
    ];
    let gunicorn = [
        &gunicorn[..],
        &["--keep-alive", "75", "--bind", &bind, "system:app"],
    ]
    .concat();
    let mut web = start("web", &gunicorn)?;
    web.until_ready(START_TIME_LIMIT, || is_healthy(port))?;
    let mut processes = vec![server, web];
    for consumer in CONSUMERS {
        processes.push(start(consumer, &["system.py", consumer])?);
    }
    Ok(Running {
        processes,
        port,
        counted_at: CountedAt::OnePath,
        mails,
    })
}

fn node(sources: &Path, folder: &Path, cores: &str) -> anyhow::Result<Running> {
    let port = free_port()?;
    let mails = folder.join("mail");
    create_dir_all(&mails)?;
    let mut node = Command::new("node");
    node.arg("system.js")
        .current_dir(sources)
        .env("NODE_ENV", "production");
    node.env("PORT", port.to_string())
        .env("MAIL_FOLDER", &mails);
    node.env("DATABASE", folder.join("system.db"));
    let mut process = Process::start("node", &node, cores, &folder.join("node.log"))?;
    process.until_ready(START_TIME_LIMIT, || is_healthy(port))?;
    Ok(Running {
        processes: vec![process],
        port,
        counted_at: CountedAt::OnePath,
        mails,
    })
}

fn is_healthy(port: u16) -> bool {
    Connection::to(port)
        .get("/health")
        .is_ok_and(|it| it.is_success())
}

impl Running {
    pub(super) fn cpu_seconds(&self) -> f64 {
        self.processes.iter().map(Process::cpu_seconds).sum()
    }

    pub(super) fn rss_mib(&self) -> f64 {
        self.processes.iter().map(Process::rss_mib).sum()
    }

    /// Whether there are so many effects of each kind. The dearest is asked last.
    pub(super) fn has_done(&self, count: usize) -> anyhow::Result<bool> {
        Ok(self.mails()? >= count && self.signups()? >= count && self.contacts()? >= count)
    }

    /// How many effects there are of each kind.
    pub(super) fn effects(&self) -> anyhow::Result<[usize; 3]> {
        Ok([self.mails()?, self.signups()?, self.contacts()?])
    }

    fn mails(&self) -> anyhow::Result<usize> {
        let names = read_dir(&self.mails)?.filter_map(|file| Some(file.ok()?.file_name()));
        let is_mail = |name: &OsString| name.to_string_lossy().ends_with(".eml");
        Ok(names.filter(is_mail).count())
    }

    fn signups(&self) -> anyhow::Result<usize> {
        match self.counted_at {
            CountedAt::OnePath => counted(self.port, "/counts", "signups"),
            CountedAt::Services { analytics, .. } => counted(analytics, "/signups", "total"),
        }
    }

    fn contacts(&self) -> anyhow::Result<usize> {
        match self.counted_at {
            CountedAt::OnePath => counted(self.port, "/counts", "contacts"),
            CountedAt::Services { crm, .. } => listed(crm),
        }
    }

    /// Asks all to end, the last started first.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        while let Some(process) = self.processes.pop() {
            process.end()?;
        }
        Ok(())
    }
}

fn counted(port: u16, path: &str, field: &str) -> anyhow::Result<usize> {
    let counts = Connection::to(port).get(path)?.json()?;
    let count = counts[field].as_u64();
    Ok(count.with_context(|| format!("{path} has no {field}"))? as usize)
}

/// How many contacts the CRM lists, on all its pages.
fn listed(port: u16) -> anyhow::Result<usize> {
    let mut connection = Connection::to(port);
    let (mut there, mut token) = (0, String::new());
    loop {
        let page = connection
            .get(&format!("/contacts?limit=100{token}"))?
            .json()?;
        there += page["contacts"].as_array().map_or(0, Vec::len);
        match page["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return Ok(there),
        }
    }
}
