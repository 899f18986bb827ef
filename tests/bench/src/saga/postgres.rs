//! A PostgreSQL of Debian's for this benchmark alone, as it comes: with fsync.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::measure::{free_port, until};

/// Where Debian's package has its programs.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// Whom Debian's package makes for it: PostgreSQL does not run as root.
const USER: &str = "postgres";

/// Where that user's data lies.
const HOME: &str = "/var/lib/postgresql";

/// A server with its data, ended when dropped.
pub(super) struct Postgres {
    server: Child,
    port: u16,
    _data: TempDir,
}

impl Postgres {
    pub(super) fn start() -> anyhow::Result<Self> {
        ensure!(
            Path::new(PROGRAMS).exists(),
            "Debian's postgresql-15 is not installed"
        );
        let data = tempfile::tempdir_in(HOME)?;
        let folder = data.path();
        let owned = Command::new("chown").arg(USER).arg(folder).status()?;
        ensure!(owned.success(), "the data cannot be given to {USER}");
        let cluster = folder.join("cluster");
        let mut made = as_user("initdb");
        let made = made
            .args(["--auth=trust", "--no-instructions", "-D"])
            .arg(&cluster)
            .output()?;
        ensure!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let port = free_port()?;
        let mut server = as_user("postgres");
        server.arg("-D").arg(&cluster).arg("-k").arg(folder);
        server.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-c",
            "max_connections=200",
        ]);
        server.stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self {
            server: server.spawn()?,
            port,
            _data: data,
        };
        let ready = || Ok(server.sql("postgres", "SELECT 1").is_ok());
        until("PostgreSQL", Duration::from_secs(20), ready)?;
        Ok(server)
    }

    /// Its first process.
    pub(super) fn process(&self) -> u32 {
        self.server.id()
    }

    /// The address of a round's database.
    pub(super) fn database(&self, round: usize) -> String {
        // It may be there already, if the round goes on after a kill.
        let _ = self.sql("postgres", &format!("CREATE DATABASE round{round}"));
        format!(
            "postgresql+psycopg://{USER}@127.0.0.1:{}/round{round}",
            self.port
        )
    }

    fn sql(&self, database: &str, statement: &str) -> anyhow::Result<()> {
        let port = self.port.to_string();
        let mut psql = Command::new("psql");
        psql.args([
            "-qh",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            USER,
            "-d",
            database,
            "-c",
            statement,
        ]);
        let done = psql.output().context("psql is not there")?;
        ensure!(done.status.success(), "{statement}");
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its fast shutdown.
        let _ = kill_process(Pid::from_child(&self.server), Signal::INT);
        let _ = self.server.wait();
    }
}

fn as_user(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
    command
        .arg(format!("{PROGRAMS}/{program}"))
        .current_dir("/");
    command
}
