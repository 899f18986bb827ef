//! Starting both emulators.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::Sdk;
use super::java_process::JavaProcess;

/// How long both emulators may take until they answer.
pub const START_TIME_LIMIT: Duration = Duration::from_secs(30);

/// The wait between two looks at an emulator that starts.
const POLL: Duration = Duration::from_millis(20);

/// How long one look may take.
const PROBE_TIME_LIMIT: Duration = Duration::from_secs(2);

/// Both emulators, running. Dropping this stops them, and so does the end of this process, of
/// whatever kind. What they held is gone then.
pub struct Emulators {
    /// `host:port` of the Pub/Sub emulator, as in `PUBSUB_EMULATOR_HOST`.
    pub pubsub_host: String,
    /// `host:port` of the Firestore emulator, as in `FIRESTORE_EMULATOR_HOST`.
    pub firestore_host: String,
    /// Held for their `Drop`.
    _processes: [JavaProcess; 2],
}

/// Why the emulators did not start. Neither runs after this.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port on the loopback interface.
    #[error("there is no free port for the emulators")]
    NoPort(#[source] io::Error),
    /// The folder for the emulators' output.
    #[error("the folder {folder} for the emulators' output cannot be created")]
    OutputFolder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The process could not be started or watched.
    #[error("the {emulator} emulator cannot be started")]
    Process {
        /// Whose.
        emulator: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The process ended by itself.
    #[error("the {emulator} emulator ended while it started ({status}); it wrote:\n{output}")]
    Ended {
        /// Which.
        emulator: &'static str,
        /// How.
        status: ExitStatus,
        /// Its last lines.
        output: String,
    },
    /// It runs and does not answer.
    #[error(
        "the {emulator} emulator does not answer after {} s; it wrote:\n{output}",
        START_TIME_LIMIT.as_secs()
    )]
    NoAnswer {
        /// Which.
        emulator: &'static str,
        /// Its last lines.
        output: String,
    },
}

/// Starts both emulators on free ports of the loopback interface and waits until both answer.
/// They write to `pubsub-emulator.log` and `firestore-emulator.log` in the folder `output`.
pub async fn start(sdk: &Sdk, output: &Path) -> Result<Emulators, StartError> {
    std::fs::create_dir_all(output).map_err(|source| StartError::OutputFolder {
        folder: output.to_owned(),
        source,
    })?;
    let [pubsub_port, firestore_port] = free_ports().await.map_err(StartError::NoPort)?;
    let mut pubsub = Starting::pubsub(sdk, pubsub_port, output)?;
    let mut firestore = Starting::firestore(sdk, firestore_port, output)?;
    tokio::try_join!(pubsub.answers(), firestore.answers())?;
    Ok(Emulators {
        pubsub_host: pubsub.address.to_string(),
        firestore_host: firestore.address.to_string(),
        _processes: [pubsub.process, firestore.process],
    })
}

/// The emulators cannot choose a port themselves and tell it (`--port=0` prints 0), so that ports
/// are found here and given back just before. Both are held until both are known: two different.
async fn free_ports() -> io::Result<[u16; 2]> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}

/// An emulator that was started and may not answer yet.
struct Starting {
    emulator: &'static str,
    address: SocketAddr,
    process: JavaProcess,
}

impl Starting {
    fn pubsub(sdk: &Sdk, port: u16, output: &Path) -> Result<Self, StartError> {
        let jar = sdk.pubsub_jar.to_string_lossy();
        // Without --host it listens on [::1] only.
        let port_option = format!("--port={port}");
        let arguments = ["-jar", &jar, "--host=127.0.0.1", &port_option];
        let output = output.join("pubsub-emulator.log");
        Self::new("Pub/Sub", sdk, &arguments, port, &output)
    }

    fn firestore(sdk: &Sdk, port: u16, output: &Path) -> Result<Self, StartError> {
        let jar = sdk.firestore_jar.to_string_lossy();
        let port_option = format!("--port={port}");
        let arguments = [
            "-Duser.language=en",
            "-cp",
            &jar,
            "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
            "start",
            "--host=127.0.0.1",
            &port_option,
            "--database-mode=firestore-native",
        ];
        let output = output.join("firestore-emulator.log");
        Self::new("Firestore", sdk, &arguments, port, &output)
    }

    fn new(
        emulator: &'static str,
        sdk: &Sdk,
        arguments: &[&str],
        port: u16,
        output: &Path,
    ) -> Result<Self, StartError> {
        let process = JavaProcess::start(&sdk.java, arguments, output)
            .map_err(|source| StartError::Process { emulator, source })?;
        Ok(Self {
            emulator,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            process,
        })
    }

    /// Waits until it answers, at most [`START_TIME_LIMIT`].
    async fn answers(&mut self) -> Result<(), StartError> {
        let emulator = self.emulator;
        let deadline = Instant::now() + START_TIME_LIMIT;
        loop {
            let answers = matches!(
                timeout(PROBE_TIME_LIMIT, probe(self.address)).await,
                Ok(Ok(true))
            );
            // Asked last: what answers there could be somebody else, if the port was taken.
            let ended = self.process.ended();
            match ended.map_err(|source| StartError::Process { emulator, source })? {
                Some(status) => {
                    return Err(StartError::Ended {
                        emulator,
                        status,
                        output: self.process.last_output(),
                    });
                }
                None if answers => return Ok(()),
                None if Instant::now() >= deadline => {
                    return Err(StartError::NoAnswer {
                        emulator,
                        output: self.process.last_output(),
                    });
                }
                None => sleep(POLL).await,
            }
        }
    }
}

/// Whether `GET /` is answered with 200.
async fn probe(address: SocketAddr) -> io::Result<bool> {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const OK: &[u8] = b"HTTP/1.1 200";
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(REQUEST).await?;
    let mut status = [0; OK.len()];
    connection.read_exact(&mut status).await?;
    Ok(status == OK)
}
