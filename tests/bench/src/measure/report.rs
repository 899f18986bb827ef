//! What was measured, as a page of tables and as JSON.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::machine::Machine;
use crate::Options;

/// All that one run measured. Written after each section, so that an interrupted run leaves what it has.
pub(crate) struct Report {
    machine: Machine,
    command: String,
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
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        let (title, text, head) = (self.title, self.text.trim(), line(&self.columns));
        let below = "|---".repeat(self.columns.len());
        format!("## {title}\n\n{text}\n\n{head}{below}|\n{rows}")
    }
}

impl Report {
    /// An empty report of this machine.
    pub(crate) fn new(mut machine: Machine, options: &Options) -> Self {
        if options.binaries.is_some() {
            let binaries = "of another build than this revision's";
            machine.add("binaries", binaries.to_owned());
        }
        let arguments = words_that_matter(std::env::args().skip(1));
        Self {
            machine,
            command: format!("cargo run --release -p bench -- {}", arguments.join(" ")),
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
        println!("{}", section.markdown());
        self.sections.push(section);
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        let sections = self.sections.iter();
        let sections = sections.map(|it| json!({"title": it.title, "figures": it.json}));
        let all = json!({
            "command": self.command,
            "machine": self.machine.json(),
            "sections": sections.collect::<Vec<Value>>(),
            "failed": self.failed,
        });
        let write = |path: &PathBuf, text: String| {
            std::fs::write(path, text).with_context(|| path.display().to_string())
        };
        write(&self.json, format!("{all:#}\n"))?;
        match &self.page {
            Some(page) => write(page, self.markdown()),
            None => Ok(()),
        }
    }

    fn markdown(&self) -> String {
        let sections: Vec<String> = self.sections.iter().map(Section::markdown).collect();
        // The first line of each: what a process said before its end is for who runs this.
        let failed = self.failed.iter().filter_map(|it| it.lines().next());
        let failed: String = failed.map(|it| format!("Not measured: {it}\n\n")).collect();
        format!(
            "# What it costs, side by side\n\nThis page is the output of `{}`. {ABOUT}\n\n{}\n{failed}{}",
            self.command,
            self.machine.text(),
            sections.join("\n")
        )
    }

    /// Says where everything is.
    ///
    /// # Errors
    /// If a round failed: after everything is written.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.write()?;
        println!("{}", self.machine.text());
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

/// Without the folders and files of this machine.
fn words_that_matter(mut arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    while let Some(word) = arguments.next() {
        if ["--peers", "--json", "--binaries"].contains(&word.as_str()) {
            arguments.next();
        } else {
            kept.push(word);
        }
    }
    kept
}

const ABOUT: &str = "Figures are medians of rounds that alternate; a figure in parentheses is a multiple \
                     of the first line's. \"Effects\" is what each contender left behind in its store, \
                     counted after every round: `exact`, or how many it lost or repeated. CPU is user and \
                     system time of the contender with all its children.";
