//! `system`: a sign-up with all that it leads to, on one machine, and every commit on its disk.

mod consumers;
mod running;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Options;
use crate::events::sign_ups;
use crate::measure::{
    Binaries, Contender, Cores, Effects, Load, Metric, Report, Round, interleaved, milliseconds,
    node_folder, percentile, pinned, python_of, redis_server, until, version_of,
};
use running::Kind;

/// Sign-ups of a round as fast as they are answered.
const SIGN_UPS: usize = 5_000;
const WARM_UP: usize = 300;
const CLIENTS: usize = 16;
/// How long sign-ups come at half of what the system can do, in seconds.
const HALF_SECONDS: f64 = 5.0;
/// How long all effects may take after the last answer.
const EFFECTS_TIME_LIMIT: Duration = Duration::from_secs(120);

const RATE: &str = "sign-ups/s, all effects done";
const CPU: &str = "CPU s per 1,000";
const P50: &str = "at half: p50, ms";
const P99: &str = "at half: p99, ms";
const LAG: &str = "at half: effects after the last answer, ms";
const MEMORY: &str = "RSS after, MiB";

const METRICS: [Metric; 6] = [
    Metric::of(RATE, 0),
    Metric::of(CPU, 3),
    Metric::of(P50, 1),
    Metric::of(P99, 1),
    Metric::of(LAG, 0),
    Metric::of(MEMORY, 0),
];

const TEXT: &str = "\
`POST /users` with a contact, a count and a mail (a file) for each, by three consumers that take an event once. \
An answer means that the disk has it: SQLite with `synchronous=FULL`, Redis with `appendfsync always`. 16 \
clients, which share the machine with the contender; then, for five seconds, as many sign-ups as half of what it \
could do, with latencies from when each was due. The rate counts until the last effect is done, which is looked \
for every 10 ms. Mails' files and their names are synced, too: by `fanout up` before it marks the event, by the \
others before they commit a batch. Contacts and mails are kept by the event's user or id, so of those a \
repetition is not seen; of counts it is. `fanout up` is the whole sign-up system of this repository in one \
process, with logs; Redis has a gunicorn with 16 threads and three consumers in Python beside it; better-sqlite3 \
is one process of Node, whose consumers commit in batches. CPU and memory are of all processes of a contender.";

/// Measures all systems.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let cores = Cores::of_this_process()?;
    let binaries = Binaries::of(options)?;
    let scratch = options.scratch("system")?;
    report.version("Python", version_of("python3", &["--version"]));
    report.version("Node", version_of("node", &["--version"]));
    report.version("Redis", redis_server().ok());
    let fanout = binaries.path("fanout").map(|it| it.to_owned());
    let redis = redis_server().and_then(|_| python_of(options, "system"));
    let kinds = [
        fanout.map(|binary| ("fanout up", Kind::Fanout(binary))),
        redis.map(|python| ("Redis streams, Python", Kind::Redis(python))),
        node_folder(options, "system").map(|it| ("better-sqlite3, Node", Kind::Node(it))),
    ];
    let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
    for kind in kinds {
        match kind {
            Ok((name, kind)) => contenders.push(Box::new(System {
                name,
                kind,
                sign_ups: options.events(SIGN_UPS),
                cores: cores.clone(),
                scratch: scratch.clone(),
            })),
            Err(error) => report.failed(format!("a system is not there: {error:#}")),
        }
    }
    let rounds = options.rounds();
    let text = format!("{TEXT} Versions: {}.", pinned("system").join(", "));
    interleaved("System", &text, &METRICS, &mut contenders, rounds, report)?;
    // Not after each round: where thousands of files were deleted a moment ago, ext4 takes long to
    // make new ones, and a mail is one.
    std::fs::remove_dir_all(&scratch)?;
    consumers::run(options, report)
}

struct System {
    name: &'static str,
    kind: Kind,
    sign_ups: usize,
    cores: Cores,
    scratch: PathBuf,
}

impl Contender for System {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn round(&mut self, number: usize) -> anyhow::Result<Round> {
        let name = self.name.replace([' ', ','], "-");
        let folder = self.scratch.join(format!("{name}-{number}"));
        std::fs::create_dir_all(&folder)?;
        let running = self.kind.start(&folder, &self.cores.all)?;
        let (mut signed_up, mut refused) = (0, 0);
        let mut load = |count: usize, pace: Option<f64>| {
            let bodies = sign_ups(signed_up..signed_up + count);
            signed_up += count;
            let load = Load {
                path: "/users",
                pace,
                ..Load::to(running.port, &bodies, CLIENTS)
            };
            let started = Instant::now();
            let loaded = load.run();
            let answered = Instant::now();
            refused += loaded.refused;
            // When the look began that found everything: to list the contacts takes long, and is ours.
            let mut looked = answered;
            until("all effects", EFFECTS_TIME_LIMIT, || {
                looked = Instant::now();
                running.has_done(signed_up - refused)
            })?;
            anyhow::Ok((loaded, looked - started, looked - answered))
        };
        load(WARM_UP, None)?;
        let cpu = running.cpu_seconds();
        let (_, took, _) = load(self.sign_ups, None)?;
        let cpu = (running.cpu_seconds() - cpu) * 1_000.0 / self.sign_ups as f64;
        let rate = self.sign_ups as f64 / took.as_secs_f64();
        let half = rate / 2.0;
        let count = (half * HALF_SECONDS).ceil() as usize;
        let (at_half, _, lag) = load(count, Some(half))?;
        let memory = running.rss_mib();
        let there = running.effects()?;
        running.end()?;
        let latency = |share| percentile(&at_half.latencies, share).unwrap_or(f64::NAN);
        let effects = there.map(|there| Effects {
            lost: signed_up.saturating_sub(there),
            repeated: there.saturating_sub(signed_up),
        });
        let effects = effects.into_iter().fold(Effects::default(), Effects::and);
        Ok(Round::with(effects)
            .figure(RATE, rate)
            .figure(CPU, cpu)
            .figure(P50, latency(0.5))
            .figure(P99, latency(0.99))
            .figure(LAG, milliseconds(lag))
            .figure(MEMORY, memory))
    }
}
