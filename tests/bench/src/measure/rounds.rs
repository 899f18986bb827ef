//! Contenders in rounds that alternate.

use std::fmt;

use serde_json::{Value, json};

use super::report::{Report, Section};
use super::statistics::median;

/// What does the same work as others.
pub(crate) trait Contender {
    /// As the table names it.
    fn name(&self) -> String;
    /// Does all the work of one round, from a fresh state, and checks what it left behind.
    fn round(&mut self, number: usize) -> anyhow::Result<Round>;
}

/// A column of the table.
#[derive(Clone, Copy)]
pub(crate) struct Metric {
    /// With its unit.
    pub(crate) name: &'static str,
    pub(crate) decimals: usize,
}

impl Metric {
    /// With so many decimals.
    pub(crate) const fn of(name: &'static str, decimals: usize) -> Self {
        Self { name, decimals }
    }
}

/// What one round of a contender gave.
#[derive(Default)]
pub(crate) struct Round {
    figures: Vec<(&'static str, f64)>,
    /// `None` where nothing is left behind.
    effects: Option<Effects>,
}

/// What a contender left behind, against what it should have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    /// That should be there and are not.
    pub(crate) lost: usize,
    /// That happened more than once.
    pub(crate) repeated: usize,
}

impl Round {
    /// A round with these effects and no figures yet.
    pub(crate) fn with(effects: Effects) -> Self {
        let figures = Vec::new();
        let effects = Some(effects);
        Self { figures, effects }
    }

    /// One figure more, of the metric of this name.
    pub(crate) fn figure(mut self, metric: &'static str, figure: f64) -> Self {
        self.figures.push((metric, figure));
        self
    }

    fn of(&self, metric: Metric) -> Option<f64> {
        let found = self.figures.iter().find(|(name, _)| *name == metric.name);
        found.map(|(_, figure)| *figure)
    }
}

impl Effects {
    /// Where others tell of the same events.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            lost: self.lost.max(other.lost),
            repeated: self.repeated.max(other.repeated),
        }
    }

    /// With those of other events.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            repeated: self.repeated + other.repeated,
        }
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.lost, self.repeated) {
            (0, 0) => out.write_str("exact"),
            (lost, 0) => write!(out, "LOST {lost}"),
            (0, repeated) => write!(out, "REPEATED {repeated}"),
            (lost, repeated) => write!(out, "LOST {lost}, REPEATED {repeated}"),
        }
    }
}

/// One contender's rounds, as they ended.
struct Line {
    name: String,
    rounds: Vec<Round>,
    failed: Vec<String>,
}

/// Runs all contenders once per round, each time beginning with another, and adds a table of medians to the
/// report. Figures in parentheses are multiples of the first contender's.
pub(crate) fn interleaved(
    title: &'static str,
    text: &str,
    metrics: &[Metric],
    contenders: &mut [Box<dyn Contender>],
    rounds: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let lines = contenders.iter().map(|contender| Line {
        name: contender.name(),
        rounds: Vec::new(),
        failed: Vec::new(),
    });
    let mut lines: Vec<Line> = lines.collect();
    let count = contenders.len();
    for number in 0..rounds {
        for place in (0..count).map(|place| (place + number) % count) {
            let line = &mut lines[place];
            eprintln!("{title}: round {} of {rounds}, {}", number + 1, line.name);
            match contenders[place].round(number) {
                Ok(round) => line.rounds.push(round),
                Err(error) => {
                    eprintln!("  failed: {error:#}");
                    report.failed(format!("{title}, {}: {error:#}", line.name));
                    line.failed.push(format!("{error:#}"));
                }
            }
        }
    }
    report.add(section(title, text, metrics, &lines))
}

/// Rounds of each contender that do not count, if as many do: the emulators' Java gets faster for a while.
const WARM_UPS: usize = 2;

/// Runs rounds that do not count: after those that `rounds` will number.
pub(crate) fn warm_up(
    title: &str,
    contenders: &mut [Box<dyn Contender>],
    rounds: usize,
    report: &mut Report,
) {
    eprintln!("{title}: warming up");
    for number in rounds..rounds + WARM_UPS.min(rounds) {
        for contender in &mut *contenders {
            if let Err(error) = contender.round(number) {
                let name = contender.name();
                report.failed(format!("{title}, {name}, warming up: {error:#}"));
            }
        }
    }
}

fn section(title: &'static str, text: &str, metrics: &[Metric], lines: &[Line]) -> Section {
    let mut columns = vec![String::new()];
    columns.extend(metrics.iter().map(|metric| metric.name.to_owned()));
    columns.push("effects".to_owned());
    let rows = lines.iter().map(|line| {
        let mut row = vec![line.name.clone()];
        row.extend(metrics.iter().map(|metric| cell(*metric, line, lines)));
        row.push(line.effects());
        row
    });
    let rows = rows.collect();
    let spread = lines.iter().flat_map(|line| {
        let spreads = metrics.iter().filter_map(|metric| line.spread(*metric));
        spreads.map(|(metric, spread)| (spread, metric, line.name.as_str()))
    });
    let widest = spread.max_by(|one, other| one.0.total_cmp(&other.0));
    let widest = widest.map(|(spread, metric, name)| {
        let percent = spread * 100.0;
        format!(
            "\n\nWidest spread between rounds: {percent:.0} % of the median ({name}, {metric})."
        )
    });
    Section {
        title,
        text: format!("{text}{}", widest.unwrap_or_default()),
        columns,
        rows,
        json: lines.iter().map(Line::json).collect(),
    }
}

fn cell(metric: Metric, line: &Line, lines: &[Line]) -> String {
    let Some(figure) = line.median(metric) else {
        return "-".to_owned();
    };
    let figure_text = format!("{figure:.*}", metric.decimals);
    let first = lines.first().filter(|first| first.name != line.name);
    let base = first.and_then(|first| first.median(metric));
    match base.filter(|base| *base > 0.0) {
        Some(base) => format!("{figure_text} ({:.2} x)", figure / base),
        None => figure_text,
    }
}

impl Line {
    fn figures(&self, metric: Metric) -> Vec<f64> {
        let figures = self.rounds.iter().filter_map(|round| round.of(metric));
        figures.collect()
    }

    fn median(&self, metric: Metric) -> Option<f64> {
        median(&self.figures(metric))
    }

    /// The distance between the smallest and the largest figure, as a part of the median; `None` of one round, and
    /// where the median is shown as nothing.
    fn spread(&self, metric: Metric) -> Option<(&'static str, f64)> {
        let figures = self.figures(metric);
        let shown = 0.5 / f64::powi(10.0, metric.decimals as i32);
        let middle = median(&figures).filter(|middle| figures.len() > 1 && *middle >= shown)?;
        let smallest = figures.iter().copied().min_by(f64::total_cmp)?;
        let largest = figures.iter().copied().max_by(f64::total_cmp)?;
        Some((metric.name, (largest - smallest) / middle))
    }

    /// Over all rounds; a round that failed is said, too.
    fn effects(&self) -> String {
        let counted = self.rounds.iter().filter_map(|round| round.effects);
        let sum = counted.reduce(Effects::and);
        let sum = sum.map_or_else(|| "-".to_owned(), |sum| sum.to_string());
        let failed = self.failed.len();
        match (self.rounds.len(), failed) {
            (_, 0) => sum,
            (0, _) => format!("FAILED {failed} of {failed} rounds"),
            (ended, _) => format!("{sum}, FAILED {failed} of {} rounds", ended + failed),
        }
    }

    fn json(&self) -> Value {
        let rounds = self.rounds.iter().map(|round| {
            let figures = round.figures.iter();
            let figures: Value = figures
                .map(|(name, figure)| ((*name).to_owned(), json!(figure)))
                .collect();
            let effects = round
                .effects
                .map(|it| json!({"lost": it.lost, "repeated": it.repeated}));
            json!({"figures": figures, "effects": effects})
        });
        let rounds: Vec<Value> = rounds.collect();
        json!({"contender": self.name, "rounds": rounds, "failed": self.failed})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Metric = Metric::of("CPU s", 2);

    fn line(name: &str, rounds: &[(f64, Effects)], failed: &[&str]) -> Line {
        let round = |(cost, effects): &(f64, Effects)| Round::with(*effects).figure("CPU s", *cost);
        Line {
            name: name.to_owned(),
            rounds: rounds.iter().map(round).collect(),
            failed: failed.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn a_table_shows_medians_ratios_and_whoever_lost_repeated_or_failed() {
        let exact = Effects::default();
        let lost = Effects {
            lost: 3,
            repeated: 0,
        };
        let both = Effects {
            lost: 1,
            repeated: 2,
        };
        let lines = [
            line("floor", &[(1.0, exact), (3.0, exact), (2.0, exact)], &[]),
            line("loser", &[(4.0, exact), (4.0, lost)], &[]),
            line("worse", &[(5.0, lost), (5.0, both)], &["it fell"]),
            line("absent", &[], &["not installed"]),
        ];
        let section = section("Consumers", "Same work.", &[COST], &lines);
        insta::assert_snapshot!(section.markdown("0123abc"), @r"
        ## Consumers

        *0123abc*

        Same work.

        Widest spread between rounds: 100 % of the median (floor, CPU s).

        |  | CPU s | effects |
        |---|---|---|
        | floor | 2.00 | exact |
        | loser | 4.00 (2.00 x) | LOST 3 |
        | worse | 5.00 (2.50 x) | LOST 4, REPEATED 2, FAILED 1 of 3 rounds |
        | absent | - | FAILED 1 of 1 rounds |
        ");
    }
}
