//! How far a rebuild is: on a terminal one line that changes, else a line for each tenth.

use std::io::{IsTerminal as _, Write as _};

use fanout_projections::ShownBuilding;

use crate::answer::{counted, notice};

/// What has been told so far.
pub(super) struct Progress {
    is_terminal: bool,
    /// The tenths that have been told.
    told: Option<u64>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            told: None,
        }
    }

    pub(super) fn tell(&mut self, name: &str, building: &ShownBuilding) {
        let line = line(name, building);
        if self.is_terminal {
            self.told = Some(building.percent);
            // The line before is overwritten. A reader who has gone away is no failure.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        } else if self.is_news(building.percent / 10) {
            notice(&line);
        }
    }

    fn is_news(&mut self, tenths: u64) -> bool {
        let is_news = self.told.is_none_or(|told| tenths > told);
        if is_news {
            self.told = Some(tenths);
        }
        is_news
    }

    /// What comes next begins a line of its own.
    pub(super) fn end(&self) {
        if self.is_terminal && self.told.is_some() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn line(name: &str, building: &ShownBuilding) -> String {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    format!(
        "{name}: generation {}, {} %, {}, {}, {}",
        building.generation,
        building.percent,
        building.stage,
        counted(count(building.events), "event"),
        counted(count(building.rows), "row"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_is_news_once() {
        let mut progress = Progress {
            is_terminal: false,
            told: None,
        };
        let percents = [0, 4, 9, 10, 11, 37, 37, 30, 99];
        let told = percents.map(|percent| progress.is_news(percent / 10));
        let expected = [true, false, false, true, false, true, false, false, true];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_line_says_how_far_it_is() {
        let building = ShownBuilding {
            generation: 2,
            stage: "reading",
            percent: 40,
            begun_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            events: 1,
            skipped: 0,
            rows: 20,
        };
        let expected = "feed: generation 2, 40 %, reading, 1 event, 20 rows";
        assert_eq!(line("feed", &building), expected);
    }
}
