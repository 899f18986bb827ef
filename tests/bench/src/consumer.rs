//! `consumer`: one reaction to an event, in one service on one core.

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::ensure;

use crate::Options;
use crate::emulators::Emulators;
use crate::events::deliveries;
use crate::measure::{
    Binaries, Contender, Cores, Load, Loaded, Metric, Report, Round, interleaved, median,
    milliseconds, pinned, version_of, warm_up,
};
use crate::servers::{Server, Serving};

/// Deliveries of a round while CPU is measured.
const DELIVERIES: usize = 10_000;
/// For the memory after many events.
const MANY: usize = 100_000;
/// Starts of a round, each for one delivery: a start is a few milliseconds, and one of them says little.
const STARTS: usize = 9;
/// Before anything is measured.
const WARM_UP: usize = 300;
const ONE_AT_A_TIME: usize = 300;
const CLIENTS: usize = 16;
/// How often Pub/Sub would deliver what is not acknowledged.
const ATTEMPTS: usize = 20;

const CPU: &str = "CPU s per 1,000";
const STORE: &str = "emulator's CPU s per 1,000";
const RATE: &str = "deliveries/s";
const AGAIN: &str = "sent again";
const P50: &str = "one at a time p50, ms";
const HEALTHY: &str = "start to health, ms";
const FIRST: &str = "start to first delivery, ms";
const IDLE: &str = "RSS idle, MiB";
const AFTER: &str = "RSS after, MiB";

const METRICS: [Metric; 9] = [
    Metric::of(CPU, 3),
    Metric::of(STORE, 3),
    Metric::of(RATE, 0),
    Metric::of(AGAIN, 0),
    Metric::of(P50, 2),
    Metric::of(HEALTHY, 0),
    Metric::of(FIRST, 0),
    Metric::of(IDLE, 1),
    Metric::of(AFTER, 1),
];

const TEXT: &str = "The CRM's reaction to `user.created` on Google's Firestore emulator: a mark, which says that an \
event has been reacted to, and a contact per event. Every contender has one core for itself; the emulator and what sends \
the deliveries have the others. 16 deliveries are under way at once, every tenth is a copy of an earlier one, and one \
that is not acknowledged is sent again, up to 20 times. The floor is what one would write first: axum, Google's client \
and one commit of two small documents, with tokio's runtime and the C library's allocator as they come, without logs, \
checks and retries; it answers `/health` once it is connected. Once more with as many fields as crm-service stores, since \
the emulator's core is what limits deliveries/s. crm-service is the container's binary with everything on; it answers \
`/health` while it connects. A round's starts are the median of nine. Python (Flask, gunicorn with 16 threads, \
google-cloud-firestore) and Node (Express, @google-cloud/firestore) use one transaction per event, a read and a commit, \
as these libraries' pages show it; the floor and crm-service commit once, on the condition that there is no mark. RSS is \
resident memory.";

/// Measures all consumers.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let cores = Cores::of_this_process()?;
    let binaries = Binaries::of(options)?;
    let scratch = options.scratch("consumer")?;
    report.version("Python", version_of("python3", &["--version"]));
    report.version("Node", version_of("node", &["--version"]));
    let node = ("consumer", "consumer.js");
    let servers = [
        Server::floor("floor", &binaries, false),
        Server::floor("floor, documents as wide", &binaries, true),
        Server::service("crm-service", &binaries, "crm-service"),
        Server::node("Node, Express", options, node),
        Server::python("Python, Flask", options, "consumer"),
    ];
    let emulators = Emulators::start(&cores.others, &scratch, report)?;
    Cores::keep_this_process_to(&cores.others)?;
    let emulators = Rc::new(emulators);
    let consumer = |server: Server, deliveries| Consumer {
        server,
        deliveries,
        emulators: Rc::clone(&emulators),
        cores: cores.clone(),
        output: scratch.clone(),
    };
    let rounds = options.rounds();
    let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
    for server in servers {
        match server {
            Ok(server) => {
                let consumer = consumer(server, options.events(DELIVERIES));
                contenders.push(Box::new(consumer));
            }
            Err(error) => report.failed(format!("a consumer is not there: {error:#}")),
        }
    }
    // The emulators' Java is slow until it has been used: the first contender must not pay for that.
    warm_up("Consumer", &mut contenders, rounds, report);
    let text = format!("{TEXT} Versions: {}.", pinned("consumer").join(", "));
    interleaved("Consumer", &text, &METRICS, &mut contenders, rounds, report)?;
    if options.full {
        let floor = consumer(Server::floor("floor", &binaries, false)?, MANY);
        let service = Server::service("crm-service", &binaries, "crm-service")?;
        let mut many: Vec<Box<dyn Contender>> =
            vec![Box::new(floor), Box::new(consumer(service, MANY))];
        let title = "Consumer after 100,000";
        interleaved(title, MANY_TEXT, &METRICS, &mut many, 1, report)?;
    }
    Ok(())
}

const MANY_TEXT: &str = "The same with 100,000 deliveries, one round.";

struct Consumer {
    server: Server,
    deliveries: usize,
    emulators: Rc<Emulators>,
    cores: Cores,
    output: PathBuf,
}

/// A consumer that was started several times, as it was left the last time.
struct Started {
    serving: Serving,
    /// Events that its starts were given.
    events: usize,
    /// Medians, in milliseconds.
    healthy: f64,
    first: f64,
}

impl Consumer {
    fn start(&self, project: &str) -> anyhow::Result<Started> {
        let (mut healthy, mut first, mut events) = (Vec::new(), Vec::new(), 0);
        let mut start = |number: usize| {
            let Self {
                emulators,
                cores,
                output,
                ..
            } = self;
            let serving = self.server.start(project, emulators, cores, output)?;
            healthy.push(milliseconds(serving.healthy_after));
            let delivery = deliveries(number..number + 1);
            events += delivery.events;
            let loaded = pushed(&serving, &delivery.bodies, 1);
            ensure!(loaded.refused == 0, "the first delivery was refused");
            first.push(milliseconds(serving.process.started().elapsed()));
            anyhow::Ok(serving)
        };
        for number in 1..STARTS {
            start(number)?.process.end()?;
        }
        let serving = start(0)?;
        Ok(Started {
            serving,
            events,
            healthy: median(&healthy).unwrap_or(f64::NAN),
            first: median(&first).unwrap_or(f64::NAN),
        })
    }
}

fn pushed(serving: &Serving, bodies: &[Vec<u8>], clients: usize) -> Loaded {
    let load = Load {
        path: "/pubsub/push",
        attempts: ATTEMPTS,
        ..Load::to(serving.port, bodies, clients)
    };
    load.run()
}

impl Contender for Consumer {
    fn name(&self) -> String {
        self.server.name.to_owned()
    }

    fn round(&mut self, number: usize) -> anyhow::Result<Round> {
        let project = self.server.project(number);
        let emulators = &self.emulators;
        let Started {
            serving,
            mut events,
            healthy,
            first,
        } = self.start(&project)?;
        let process = &serving.process;
        let push = |bodies: &[Vec<u8>], clients| pushed(&serving, bodies, clients);
        let idle = process.rss_mib();
        let warm_up = deliveries(STARTS..WARM_UP);
        events += warm_up.events;
        push(&warm_up.bodies, CLIENTS);
        let measured = deliveries(WARM_UP..WARM_UP + self.deliveries);
        events += measured.events;
        let (cpu, store) = (process.cpu_seconds(), emulators.store_cpu_seconds());
        let loaded = push(&measured.bodies, CLIENTS);
        let thousands = self.deliveries as f64 / 1_000.0;
        let cpu = (process.cpu_seconds() - cpu) / thousands;
        let store = (emulators.store_cpu_seconds() - store) / thousands;
        let start = WARM_UP + self.deliveries;
        let alone = deliveries(start..start + ONE_AT_A_TIME);
        events += alone.events;
        let alone = push(&alone.bodies, 1);
        let after = process.rss_mib();
        // A contact tells whether it was written again; where writing it again would change nothing, a mark too many does.
        let contacts = emulators.effects(&project, "contacts", events)?;
        let effects = contacts.or(emulators.effects(&project, "processed_events", events)?);
        serving.process.end()?;
        emulators.forget(&project)?;
        Ok(Round::with(effects)
            .figure(CPU, cpu)
            .figure(STORE, store)
            .figure(RATE, loaded.per_second())
            .figure(AGAIN, loaded.again as f64)
            .figure(P50, median(&alone.latencies).unwrap_or(f64::NAN))
            .figure(HEALTHY, healthy)
            .figure(FIRST, first)
            .figure(IDLE, idle)
            .figure(AFTER, after))
    }
}
