//! `pieces`: what every delivery is made of, one piece at a time.

use anyhow::Context as _;
use serde_json::json;

use crate::Options;
use crate::measure::{Contender, Metric, Report, Round, interleaved};
use crate::sides::{Peers, Program, Side};

/// How often a round does each.
const TIMES: usize = 200_000;

const EACH: &str = "µs each";
const METRICS: [Metric; 1] = [Metric::of(EACH, 3)];

const TEXT: &str = "A `user.created` of 434 bytes: decoded and read as its type (with the fingerprint that tells a copy \
from another event), the fingerprint alone, encoded, and the log line of its delivery, written to nowhere. One thread.";

/// What a side is asked for, and as the table names it.
const PIECES: [(&str, &str); 4] = [
    ("decode", "decode"),
    ("fingerprint", "fingerprint"),
    ("encode", "encode"),
    ("log", "log line"),
];

/// Measures all pieces.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let program = Peers::new(options, "pieces")?.own("pieces")?;
    let times = options.events(TIMES);
    let pieces = PIECES.map(|(what, name)| {
        let program = program.clone();
        Box::new(Piece {
            what,
            name,
            times,
            program,
        }) as Box<dyn Contender>
    });
    let mut pieces = Vec::from(pieces);
    let rounds = options.rounds();
    interleaved("Pieces", TEXT, &METRICS, &mut pieces, rounds, report)
}

struct Piece {
    what: &'static str,
    name: &'static str,
    times: usize,
    program: Program,
}

impl Contender for Piece {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn round(&mut self, _: usize) -> anyhow::Result<Round> {
        let folder = self.program.folder()?;
        let mut command = self.program.with(folder.path(), &[]);
        let mut side = Side::start(&mut command, folder.path(), &[])?;
        let mut made = |times: usize| side.ask(&json!({"do": self.what, "count": times}));
        made(self.times / 10)?;
        let answer = made(self.times)?;
        let seconds = answer["seconds"].as_f64().context("no seconds")?;
        let each = seconds * 1_000_000.0 / self.times as f64;
        Ok(Round::default().figure(EACH, each))
    }
}
