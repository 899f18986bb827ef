//! Contenders that are one HTTP server on Google's emulators.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Options;
use crate::emulators::Emulators;
use crate::measure::{Binaries, Connection, Cores, Process, free_port, node_folder, python_of};

/// How long a server may take until it answers.
const START_TIME_LIMIT: Duration = Duration::from_secs(60);
/// As many requests at once as the load has.
const PYTHON_THREADS: &str = "16";

/// How to start one.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    program: Program,
}

enum Program {
    /// The container's binary, as it is deployed.
    Service { binary: PathBuf, role: &'static str },
    /// The floor, and whether its documents have as many fields as a service's.
    Floor { binary: PathBuf, wide: bool },
    /// `gunicorn`, with one process as on one CPU.
    Python {
        python: PathBuf,
        module: &'static str,
    },
    Node {
        folder: PathBuf,
        script: &'static str,
    },
}

/// One that answers.
pub(crate) struct Serving {
    pub(crate) process: Process,
    pub(crate) port: u16,
    /// From its start to its first 200 on `/health`.
    pub(crate) healthy_after: Duration,
}

impl Server {
    pub(crate) fn service(
        name: &'static str,
        binaries: &Binaries,
        role: &'static str,
    ) -> anyhow::Result<Self> {
        let binary = binaries.path("service")?.to_owned();
        let program = Program::Service { binary, role };
        Ok(Self { name, program })
    }

    pub(crate) fn floor(
        name: &'static str,
        binaries: &Binaries,
        wide: bool,
    ) -> anyhow::Result<Self> {
        let binary = binaries.path("bench-floor")?.to_owned();
        let program = Program::Floor { binary, wide };
        Ok(Self { name, program })
    }

    /// `tests/bench/peers/PEER/PEER.py`.
    pub(crate) fn python(
        name: &'static str,
        options: &Options,
        peer: &'static str,
    ) -> anyhow::Result<Self> {
        let python = python_of(options, peer)?;
        let program = Program::Python {
            python,
            module: peer,
        };
        Ok(Self { name, program })
    }

    /// A script of `tests/bench/peers/PEER`.
    pub(crate) fn node(
        name: &'static str,
        options: &Options,
        (peer, script): (&'static str, &'static str),
    ) -> anyhow::Result<Self> {
        let folder = node_folder(options, peer)?;
        let program = Program::Node { folder, script };
        Ok(Self { name, program })
    }

    /// The project of a round: a world of its own on the emulators.
    pub(crate) fn project(&self, round: usize) -> String {
        let name = self.name.to_lowercase();
        let name = name.replace(|it: char| !it.is_ascii_alphanumeric(), "-");
        format!("{name}-{round}")
    }

    /// Starts it on the contender's core, and waits until it is healthy.
    pub(crate) fn start(
        &self,
        project: &str,
        emulators: &Emulators,
        cores: &Cores,
        output: &Path,
    ) -> anyhow::Result<Serving> {
        let port = free_port()?;
        let mut command = self.command(project, emulators, port);
        command.envs(emulators.environment(project));
        let output = output.join(format!("{project}.log"));
        let mut process = Process::start(self.name, &command, &cores.contender, &output)?;
        process.until_ready(START_TIME_LIMIT, || {
            Connection::to(port)
                .get("/health")
                .is_ok_and(|it| it.is_success())
        })?;
        Ok(Serving {
            healthy_after: process.started().elapsed(),
            process,
            port,
        })
    }

    fn command(&self, project: &str, emulators: &Emulators, port: u16) -> Command {
        match &self.program {
            Program::Service { binary, role } => {
                let mut service = Command::new(binary);
                service
                    .arg(role)
                    .env("PORT", port.to_string())
                    .env("PUSH_AUTH", "iam");
                service
            }
            Program::Floor { binary, wide } => {
                let mut floor = Command::new(binary);
                let emulator = format!("127.0.0.1:{}", emulators.firestore_port);
                floor.args([project, &emulator, &port.to_string()]);
                floor.args(wide.then_some("wide"));
                floor
            }
            Program::Python { python, module } => {
                let mut gunicorn = Command::new(python);
                gunicorn.args([
                    "-m",
                    "gunicorn",
                    "--workers",
                    "1",
                    "--threads",
                    PYTHON_THREADS,
                ]);
                gunicorn.args(["--keep-alive", "75", "--timeout", "0"]);
                gunicorn.arg("--bind").arg(format!("127.0.0.1:{port}"));
                let sources = crate::measure::repository()
                    .join("tests/bench/peers")
                    .join(module);
                gunicorn
                    .arg("--chdir")
                    .arg(sources)
                    .arg(format!("{module}:app"));
                gunicorn.env("PYTHONDONTWRITEBYTECODE", "1");
                gunicorn
            }
            Program::Node { folder, script } => {
                let mut node = Command::new("node");
                node.arg(script).current_dir(folder);
                node.env("PORT", port.to_string())
                    .env("NODE_ENV", "production");
                node
            }
        }
    }
}
