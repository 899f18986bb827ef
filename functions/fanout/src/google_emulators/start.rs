//! Starting both emulators.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use fanout_google_cloud::EmulatorHosts;
use reqwest::{Client, StatusCode};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::Sdk;
use super::java_process::JavaProcess;
use crate::operator::client_of_this_machine;

/// How long both emulators may take until they answer.
const START_TIME_LIMIT: Duration = Duration::from_secs(30);
/// The wait between two looks at an emulator that starts.
const POLL: Duration = Duration::from_millis(20);
/// How long one look may take.
const PROBE_TIME_LIMIT: Duration = Duration::from_secs(2);

/// Both emulators, running. Dropping this stops them, and so does the end of this process, of
/// whatever kind. What they held is gone then.
pub struct Emulators {
    /// Where they listen.
    pub hosts: EmulatorHosts,
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
    let jar = sdk.pubsub_jar.to_string_lossy();
    let log = output.join("pubsub-emulator.log");
    let mut pubsub = Starting::new("Pub/Sub", &sdk.java, &["-jar", &jar], pubsub_port, &log)?;
    let jar = sdk.firestore_jar.to_string_lossy();
    let log = output.join("firestore-emulator.log");
    let arguments = [
        "-Duser.language=en",
        "-cp",
        &jar,
        "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
        "start",
        "--database-mode=firestore-native",
    ];
    let mut firestore = Starting::new("Firestore", &sdk.java, &arguments, firestore_port, &log)?;
    let http = client_of_this_machine()?;
    tokio::try_join!(pubsub.answers(&http), firestore.answers(&http))?;
    Ok(Emulators {
        hosts: EmulatorHosts {
            pubsub: pubsub.address.to_string(),
            firestore: firestore.address.to_string(),
        },
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
    fn new(
        emulator: &'static str,
        java: &Path,
        arguments: &[&str],
        port: u16,
        output: &Path,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // Without --host Pub/Sub's listens on [::1] only.
        let listening = ["--host=127.0.0.1", &format!("--port={port}")];
        let process = JavaProcess::start(java, &[arguments, &listening].concat(), output)
            .with_context(|| format!("the {emulator} emulator cannot be started"))?;
        Ok(Self {
            emulator,
            address,
            process,
        })
    }

    /// Waits until it answers, at most [`START_TIME_LIMIT`].
    async fn answers(&mut self, http: &Client) -> anyhow::Result<()> {
        let emulator = self.emulator;
        let deadline = Instant::now() + START_TIME_LIMIT;
        loop {
            let look = http.get(format!("http://{}/", self.address));
            let looked = look.timeout(PROBE_TIME_LIMIT).send().await;
            // Asked last: what answers there could be another program, if the port was taken.
            if let Some(status) = self.process.ended()? {
                let output = self.process.last_output();
                bail!("the {emulator} emulator ended ({status}) while it started:\n{output}");
            }
            if looked.is_ok_and(|answer| answer.status() == StatusCode::OK) {
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
