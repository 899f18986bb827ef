//! What `fanout doctor` says.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use super::place::Place;
use super::rule::{Checked, Finding, Rule};

/// Everything that was looked at.
pub(super) struct Report {
    pub(super) checkups: Vec<Checkup>,
    /// The project that was read, if one was.
    pub(super) live: Option<String>,
}

/// One system: a folder, or a project.
pub(super) struct Checkup {
    pub(super) what: String,
    pub(super) checks: Vec<Checked>,
}

const NOT_LIVE: &str = "The live project was not read; `--project ID` reads it.";

impl Report {
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        let checks = self.checkups.iter().flat_map(|checkup| &checkup.checks);
        checks.flat_map(|check| &check.findings)
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for finding in self.findings() {
            let with = match finding.with.is_empty() {
                true => String::new(),
                false => format!(" ({})", finding.with.join(", ")),
            };
            let _ = writeln!(out, "{}: {}{with}", finding.place, finding.problem);
            let (number, title) = (finding.rule.number(), finding.rule.title());
            let _ = writeln!(
                out,
                "    rule {number}: {title}; otherwise {}",
                finding.rule.reason()
            );
        }
        if self.findings().next().is_some() {
            out.push('\n');
        }
        for checkup in &self.checkups {
            let _ = writeln!(out, "{}", checkup.what);
            for check in &checkup.checks {
                let verdict = match check.findings.len() {
                    0 => "holds".to_owned(),
                    1 => "1 finding".to_owned(),
                    many => format!("{many} findings"),
                };
                let (number, title) = (check.rule.number(), check.rule.title());
                let _ = writeln!(
                    out,
                    "  {number:>2}  {title}: {verdict} ({} looked at)",
                    check.looked_at
                );
            }
            for rule in checkup.unchecked() {
                let (number, title) = (rule.number(), rule.title());
                let _ = writeln!(out, "  {number:>2}  {title}: not read here");
            }
        }
        if self.live.is_none() {
            let _ = writeln!(out, "{NOT_LIVE}");
        }
        out
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        let finding = |finding: &Finding| {
            let (file, line) = match &finding.place {
                Place::File { path, line } => (Some(path), Some(line)),
                Place::Folder(_) | Place::Project(_) => (None, None),
            };
            json!({
                "rule": finding.rule.number(),
                "title": finding.rule.title(),
                "reason": finding.rule.reason(),
                "place": finding.place.to_string(),
                "file": file,
                "line": line,
                "problem": finding.problem,
                "with": finding.with,
            })
        };
        #[derive(Serialize)]
        struct Line {
            rule: usize,
            title: &'static str,
            looked_at: Option<usize>,
            holds: Option<bool>,
        }
        let checkup = |checkup: &Checkup| {
            let checked = checkup.checks.iter().map(|check| Line {
                rule: check.rule.number(),
                title: check.rule.title(),
                looked_at: Some(check.looked_at),
                holds: Some(check.findings.is_empty()),
            });
            let unchecked = checkup.unchecked().map(|rule| Line {
                rule: rule.number(),
                title: rule.title(),
                looked_at: None,
                holds: None,
            });
            json!({"what": checkup.what, "rules": checked.chain(unchecked).collect::<Vec<_>>()})
        };
        let report = json!({
            "findings": self.findings().map(finding).collect::<Vec<_>>(),
            "checked": self.checkups.iter().map(checkup).collect::<Vec<_>>(),
            "live_project": self.live,
        });
        serde_json::to_string_pretty(&report)
    }
}

impl Checkup {
    /// Rules about things that were not read.
    fn unchecked(&self) -> impl Iterator<Item = Rule> {
        let checked: Vec<Rule> = self.checks.iter().map(|check| check.rule).collect();
        Rule::ALL
            .into_iter()
            .filter(move |rule| !checked.contains(rule))
    }
}
