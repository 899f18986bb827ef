//! Starting both emulators.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::Sdk;
use super::java_process::JavaProcess;

/// How long both emulators may take until they answer.
const START_TIME_LIMIT: Duration = Duration::from_secs(30);
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

/// Starts both emulators on free ports of the loopback interface and waits until both answer; after
/// an error neither runs. They write to `pubsub-emulator.log` and `firestore-emulator.log` in the
/// folder `output`.
pub async fn start(sdk: &Sdk, output: &Path) -> anyhow::Result<Emulators> {
    std::fs::create_dir_all(output)
        .with_context(|| format!("the folder {} cannot be created", output.display()))?;
    let [pubsub_port, firestore_port] = free_ports().await?;
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
    fn pubsub(sdk: &Sdk, port: u16, output: &Path) -> anyhow::Result<Self> {
        let jar = sdk.pubsub_jar.to_string_lossy();
        // Without --host it listens on [::1] only.
        let arguments = ["-jar", &jar, "--host=127.0.0.1", &format!("--port={port}")];
        let output = output.join("pubsub-emulator.log");
        Self::new("Pub/Sub", sdk, &arguments, port, &output)
    }

    fn firestore(sdk: &Sdk, port: u16, output: &Path) -> anyhow::Result<Self> {
        let arguments = [
            "-Duser.language=en",
            "-cp",
            &sdk.firestore_jar.to_string_lossy(),
            "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
            "start",
            "--host=127.0.0.1",
            &format!("--port={port}"),
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
    ) -> anyhow::Result<Self> {
        let process = JavaProcess::start(&sdk.java, arguments, output)
            .with_context(|| format!("the {emulator} emulator cannot be started"))?;
        Ok(Self {
            emulator,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            process,
        })
    }

    /// Waits until it answers, at most [`START_TIME_LIMIT`].
    async fn answers(&mut self) -> anyhow::Result<()> {
        let emulator = self.emulator;
        let deadline = Instant::now() + START_TIME_LIMIT;
        loop {
            let probed = timeout(PROBE_TIME_LIMIT, probe(self.address)).await;
            // Asked last: what answers there could be another program, if the port was taken.
            if let Some(status) = self.process.ended()? {
                let output = self.process.last_output();
                bail!("the {emulator} emulator ended ({status}) while it started:\n{output}");
            }
            if matches!(probed, Ok(Ok(true))) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let (seconds, output) = (START_TIME_LIMIT.as_secs(), self.process.last_output());
                bail!("the {emulator} emulator does not answer after {seconds} s:\n{output}");
            }
            sleep(POLL).await;
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
