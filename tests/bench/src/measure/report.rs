//! What was measured, as a page of tables and as JSON.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::machine::Machine;
use crate::Options;

/// All that one run measured. Written after each section, so that an interrupted run leaves what it has.
pub(crate) struct Report {
    machine: Machine,
    /// Which revision, when and by which words.
    measured: String,
    sections: Vec<Section>,
    failed: Vec<String>,
    json: PathBuf,
    page: Option<PathBuf>,
}

/// A table with what stands before it.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What was measured how. Markdown.
    pub(crate) text: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// All figures, unrounded.
    pub(crate) json: Value,
}

impl Section {
    /// With what it was measured by, which no other section need share.
    pub(super) fn markdown(&self, measured: &str) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        let (title, text, head) = (self.title, self.text.trim(), line(&self.columns));
        let below = "|---".repeat(self.columns.len());
        format!("## {title}\n\n*{measured}*\n\n{text}\n\n{head}{below}|\n{rows}")
    }
}

impl Report {
    /// An empty report of this machine.
    pub(crate) fn new(machine: Machine, options: &Options) -> Self {
        let build = match options.binaries {
            Some(_) => ", with binaries of another build",
            None => "",
        };
        let arguments = words_that_matter(std::env::args().skip(1)).join(" ");
        let (revision, load) = (&machine.revision, &machine.load);
        Self {
            measured: format!(
                "{revision}{build}, {}, load before {load}: `-- {arguments}`",
                machine.date
            ),
            machine,
            sections: Vec::new(),
            failed: Vec::new(),
            json: options.json.clone(),
            page: options.write.clone(),
        }
    }

    /// Names the version of something that takes part.
    pub(crate) fn version(&mut self, name: &'static str, version: Option<String>) {
        let version = version.unwrap_or_else(|| "not there".to_owned());
        self.machine.add(name, version);
    }

    /// Remembers what went wrong, for the end.
    pub(crate) fn failed(&mut self, what: String) {
        self.failed.push(what);
    }

    /// Shows a section, and writes all so far.
    pub(crate) fn add(&mut self, section: Section) -> anyhow::Result<()> {
        let shown = section.markdown(&format!("{}. {}", self.measured, self.machine.text()));
        println!("{shown}");
        if let Some(page) = &self.page {
            let there = if page.exists() {
                read_to_string(page).with_context(|| page.display().to_string())?
            } else {
                String::new()
            };
            write(page, &with_section(&there, section.title, &shown))?;
        }
        self.sections.push(section);
        self.write_json()
    }

    fn write_json(&self) -> anyhow::Result<()> {
        let sections = self.sections.iter();
        let sections = sections.map(|it| json!({"title": it.title, "figures": it.json}));
        let all = json!({
            "measured": self.measured,
            "machine": self.machine.json(),
            "sections": sections.collect::<Vec<Value>>(),
            "failed": self.failed,
        });
        write(&self.json, &format!("{all:#}\n"))
    }

    /// Says where everything is.
    ///
    /// # Errors
    /// If a round failed: after everything is written.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.write_json()?;
        println!("every figure: {}", self.json.display());
        if !self.failed.is_empty() {
            bail!(
                "not everything could be measured:\n  {}",
                self.failed.join("\n  ")
            );
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// The page with this section instead of an earlier one of its title; others stay as they are.
fn with_section(page: &str, title: &str, section: &str) -> String {
    let mut sections: Vec<&str> = page.split("\n## ").skip(1).collect();
    let section = section.trim_start_matches("## ");
    let is_same = |there: &&&str| there.lines().next() == Some(title);
    match sections.iter().position(|there| is_same(&there)) {
        Some(place) => sections[place] = section,
        None => sections.push(section),
    }
    let sections = sections
        .iter()
        .map(|it| format!("\n## {}\n", it.trim_end()));
    format!("{HEAD}{}", sections.collect::<String>())
}

/// Without the folders and files of this machine.
fn words_that_matter(mut arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    while let Some(word) = arguments.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word.as_str(), None),
        };
        if !["--peers", "--json", "--binaries", "--write"].contains(&option) {
            kept.push(word);
        } else if value.is_none() {
            arguments.next();
        }
    }
    kept
}

const HEAD: &str = "\
# What it costs, side by side

Each section is the output of `cargo run --release -p bench -- WHAT --write docs/PERFORMANCE.md`; below its title \
stand the revision, the day, what was run, and on what. Figures are medians of rounds that alternate; a figure in \
parentheses is a multiple of the first line's. \"Effects\" is what each contender left behind in its store, counted \
after every round, over all rounds together: `exact`, or how many it lost or repeated; a round that failed is said. \
CPU is user and system time of the contender with all its children.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_one_with_its_title_and_others_stay() {
        let page = with_section("", "One", "## One\n\n| 1 |\n");
        let page = with_section(&page, "Two", "## Two\n\n| 2 |\n");
        let again = with_section(&page, "One", "## One\n\n| 11 |\n");
        let sections = "\n## One\n\n| 11 |\n\n## Two\n\n| 2 |\n";
        assert_eq!(again, format!("{HEAD}{sections}"));
    }

    #[test]
    fn a_command_is_shown_without_folders_and_files() {
        let words = ["all", "--json", "a", "--write=b", "--full", "--peers", "c"];
        let words = words.into_iter().map(str::to_owned);
        assert_eq!(words_that_matter(words), ["all", "--full"]);
    }
}
