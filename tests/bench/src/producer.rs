//! `producer`: `POST /users` and its event, in one service on one core.

use std::path::PathBuf;
use std::rc::Rc;

use crate::Options;
use crate::emulators::Emulators;
use crate::events::sign_ups;
use crate::measure::{
    Binaries, Contender, Cores, Load, Metric, Report, Round, interleaved, median, milliseconds,
    percentile, pinned, version_of, warm_up,
};
use crate::servers::Server;

/// Sign-ups of a round while CPU is measured.
const SIGN_UPS: usize = 5_000;
const WARM_UP: usize = 300;
const ONE_AT_A_TIME: usize = 300;
const CLIENTS: usize = 16;

const CPU: &str = "CPU s per 1,000";
const RATE: &str = "sign-ups/s";
const P99: &str = "p99, ms";
const P50: &str = "one at a time p50, ms";
const HEALTHY: &str = "start to health, ms";
const AFTER: &str = "RSS after, MiB";

const METRICS: [Metric; 6] = [
    Metric::of(CPU, 3),
    Metric::of(RATE, 0),
    Metric::of(P99, 1),
    Metric::of(P50, 2),
    Metric::of(HEALTHY, 0),
    Metric::of(AFTER, 1),
];

const TEXT: &str = "`POST /users` on both of Google's emulators: a user, a claim on the address, and \
`user.created` on Pub/Sub. 16 clients, one core for each contender. user-service stores the event in \
the same commit (an outbox), and publishes it whatever happens; Python (Flask, gunicorn with 16 threads) \
and Node (Express), with Google's libraries, commit a transaction (a read and a commit) and publish afterwards: a crash in \
between loses the event, which this benchmark does not provoke.";

/// Measures all producers.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let cores = Cores::of_this_process()?;
    let binaries = Binaries::of(options)?;
    let scratch = options.scratch("producer")?;
    report.version("Python", version_of("python3", &["--version"]));
    report.version("Node", version_of("node", &["--version"]));
    let node = ("producer", "producer.js");
    let servers = [
        Server::service("user-service", &binaries, "user-service"),
        Server::node("Node, Express", options, node),
        Server::python("Python, Flask", options, "producer"),
    ];
    let emulators = Rc::new(Emulators::start(&cores.others, &scratch, report)?);
    Cores::keep_this_process_to(&cores.others)?;
    let rounds = options.rounds();
    let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
    for server in servers {
        match server {
            Ok(server) => contenders.push(Box::new(Producer {
                server,
                sign_ups: options.events(SIGN_UPS),
                emulators: Rc::clone(&emulators),
                cores: cores.clone(),
                output: scratch.clone(),
            })),
            Err(error) => report.failed(format!("a producer is not there: {error:#}")),
        }
    }
    // The emulators' Java is slow until it has been used: the first contender must not pay for that.
    warm_up("Producer", &mut contenders, rounds, report);
    let text = format!("{TEXT} Versions: {}.", pinned("producer").join(", "));
    interleaved("Producer", &text, &METRICS, &mut contenders, rounds, report)
}

struct Producer {
    server: Server,
    sign_ups: usize,
    emulators: Rc<Emulators>,
    cores: Cores,
    output: PathBuf,
}

impl Contender for Producer {
    fn name(&self) -> String {
        self.server.name.to_owned()
    }

    fn round(&mut self, number: usize) -> anyhow::Result<Round> {
        let project = self.server.project(number);
        let emulators = &self.emulators;
        emulators.expect_events(&project)?;
        let serving = self
            .server
            .start(&project, emulators, &self.cores, &self.output)?;
        let process = &serving.process;
        let post = |bodies: &[Vec<u8>], clients| {
            let load = Load {
                path: "/users",
                // One that fails may have signed up: it is not sent again.
                attempts: 1,
                ..Load::to(serving.port, bodies, clients)
            };
            load.run()
        };
        post(&sign_ups(0..WARM_UP), CLIENTS);
        let measured = sign_ups(WARM_UP..WARM_UP + self.sign_ups);
        let cpu = process.cpu_seconds();
        let loaded = post(&measured, CLIENTS);
        // The one that publishes after its answer, too.
        let everyone = WARM_UP + self.sign_ups;
        let so_far = emulators.published(&project, everyone)?;
        let cpu = (process.cpu_seconds() - cpu) * 1_000.0 / self.sign_ups as f64;
        let alone = post(&sign_ups(everyone..everyone + ONE_AT_A_TIME), 1);
        let after = process.rss_mib();
        let rest = emulators.published(&project, ONE_AT_A_TIME)?;
        let users = emulators.effects(&project, "users", everyone + ONE_AT_A_TIME)?;
        serving.process.end()?;
        emulators.forget(&project)?;
        let effects = so_far.and(rest).or(users);
        Ok(Round::with(effects)
            .figure(CPU, cpu)
            .figure(RATE, loaded.per_second())
            .figure(P99, percentile(&loaded.latencies, 0.99).unwrap_or(f64::NAN))
            .figure(P50, median(&alone.latencies).unwrap_or(f64::NAN))
            .figure(HEALTHY, milliseconds(serving.healthy_after))
            .figure(AFTER, after))
    }
}
