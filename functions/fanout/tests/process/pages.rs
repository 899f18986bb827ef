//! What the pages for contributors and operators say is what the code says.

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axum::response::IntoResponse as _;
use fanout_consume::{Outcome, ParkReason, X_OUTCOME};

use crate::readme::blocks;

/// Made by a command that needs a project: not always there.
const MADE: &[&str] = &["terraform/image.auto.tfvars.json"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn page(path: &str) -> String {
    read_to_string(root().join(path)).unwrap()
}

/// The files below a folder of the repository with this ending, by their paths from its root.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = read_dir(root().join(folder)).unwrap();
    let below = entries.flat_map(|entry| {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        match (entry.path().is_dir(), path.ends_with(ending)) {
            (true, _) => files(&path, ending),
            (false, true) => vec![path],
            (false, false) => Vec::new(),
        }
    });
    below.collect()
}

/// The pages that lead through the repository.
fn guides() -> Vec<String> {
    let tops = ["README.md", ".github/CONTRIBUTING.md"].map(str::to_owned);
    [tops.to_vec(), files("docs", ".md")].concat()
}

/// What stands in code style in a text, outside its blocks.
pub(crate) fn code(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|part| part.split('`').skip(1).step_by(2))
        .collect()
}

/// The cells of a table's rows below its head, in a text that begins with it or has text before it.
pub(crate) fn rows<'t>(text: &'t str, head: &str) -> Vec<Vec<&'t str>> {
    let (_, table) = text.split_once(head).expect(head);
    let lines = table.lines().skip(2);
    lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// A heading as a link names it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn has_anchor(page: &Path, wanted: &str) -> bool {
    let text = read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .any(|found| found == wanted)
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_are_there() {
    let mut pages = guides();
    pages.push("terraform/README.md".to_owned());
    pages.extend(
        files("shared", "README.md")
            .into_iter()
            .filter(|path| !path.contains("/target/")),
    );
    let mut followed = 0;
    for name in pages {
        let text = page(&name);
        let links = text.split("](").skip(1);
        let links = links.filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.contains("()")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let here = root().join(&name);
            let target = match path {
                "" => here,
                _ => here.with_file_name("").join(path),
            };
            let made = MADE.iter().any(|made| target.ends_with(made));
            assert!(made || target.exists(), "{name}: {link}");
            let found = heading.is_empty() || has_anchor(&target, heading);
            assert!(found, "{name}: {link}");
            followed += 1;
        }
    }
    assert!(followed > 50, "{followed}");
}

#[test]
fn every_path_in_code_style_is_there() {
    let folders = [".ci/", "functions/", "shared/", "terraform/", "tests/"];
    let mut seen = 0;
    for name in guides() {
        let text = page(&name);
        let paths = code(&text).into_iter().filter(|path| {
            let is_path = folders.iter().any(|folder| path.starts_with(folder));
            // The consumer that the README's reader adds, and what stands for several.
            is_path && !path.contains("loyalty") && !path.contains(['*', '<', ' '])
        });
        for path in paths.filter(|path| !MADE.contains(path)) {
            assert!(root().join(path).exists(), "{name}: {path}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_command_of_the_pages_is_one_that_bash_and_the_command_know() {
    let mut known = 0;
    for name in guides() {
        let text = page(&name);
        for block in blocks(&text) {
            let bash = Command::new("bash").args(["-n", "-c", block]).output();
            let complaint = String::from_utf8(bash.unwrap().stderr).unwrap();
            assert_eq!(complaint, "", "{name}: {block}");
            let lines = block.lines().map(|line| line.trim().split(' '));
            for mut words in lines.filter(|line| line.clone().next() == Some("fanout")) {
                words.next();
                // A flag or a value that it does not know is an error also before `--help`.
                let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
                let output = command.args(words).arg("--help").output().unwrap();
                assert!(output.status.success(), "{name}: {block}\n{output:?}");
                known += 1;
            }
        }
    }
    assert!(known > 5, "{known}");
}

#[test]
fn the_indexes_name_every_page() {
    for (index, folder) in [
        ("docs/README.md", "docs"),
        ("docs/adr/README.md", "docs/adr"),
    ] {
        let text = page(index);
        for path in files(folder, ".md") {
            let name = path.strip_prefix(&format!("{folder}/")).unwrap();
            let below = name.contains('/') || name == "README.md";
            assert!(below || text.contains(&format!("]({name})")), "{path}");
        }
    }
}

#[test]
fn the_runbook_has_a_part_for_each_alert() {
    let alerts = page("terraform/modules/monitoring/alerts.tf");
    let names = alerts.split("\"fanout ${var.environment}: ").skip(1);
    let names: Vec<String> = names
        .map(|rest| rest.split('"').next().unwrap())
        .map(|name| name.replace("${var.public_service}", "user-service"))
        .collect();
    assert_eq!(
        names.len(),
        alerts.matches("google_monitoring_alert_policy\"").count()
    );
    let conditions = alerts.matches("\n  conditions {").count();
    let priced = format!("| Alerts | {conditions} conditions |");
    assert!(page("docs/COST.md").contains(&priced), "{priced}");
    let runbook = page("docs/RUNBOOK.md");
    for name in names {
        let part = format!("\n## {name}\n\n**Means**: ");
        assert!(runbook.contains(&part), "{name}");
    }
}

#[test]
fn the_table_of_outcomes_is_that_of_the_code() {
    let outcomes = [
        Outcome::Done,
        Outcome::Duplicate,
        Outcome::Ignored,
        Outcome::Stale,
        Outcome::Parked(ParkReason::id_reused()),
        Outcome::Busy {
            remaining: Duration::from_secs(1),
        },
        Outcome::Deferred("later".into()),
        Outcome::Failed("no".into()),
    ];
    let answers = outcomes.iter().map(|outcome| {
        let response = outcome.into_response();
        let name = response.headers()[X_OUTCOME].to_str().unwrap();
        vec![response.status().as_str().to_owned(), format!("`{name}`")]
    });
    let http = page("docs/HTTP.md");
    let table = rows(&http, "| answer | `x-outcome` | meaning |");
    let table = table
        .iter()
        .map(|row| vec![row[0].to_owned(), row[1].to_owned()]);
    assert_eq!(table.collect::<Vec<_>>(), answers.collect::<Vec<_>>());
}

/// The text literals of these folders for which `wanted` holds.
fn literals(folders: &[&str], wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let sources = folders.iter().flat_map(|folder| files(folder, ".rs"));
    let mut found = BTreeSet::new();
    for source in sources {
        let text = page(&source);
        found.extend(text.split('"').filter(|it| wanted(it)).map(str::to_owned));
    }
    found
}

#[test]
fn the_table_of_settings_names_what_containers_read() {
    let folders = [
        "functions/analytics-service/src",
        "functions/crm-service/src",
        "functions/email-service/src",
        "functions/inventory-service/src",
        "functions/order-service/src",
        "functions/payment-service/src",
        "functions/search-service/src",
        "functions/shipping-service/src",
        "functions/user-service/src",
        "shared/consume/src",
        "functions/ticker/src",
        "shared/google-cloud/src",
        "shared/kernel/src",
        "shared/mail/src",
        "shared/outbox/src",
        "shared/runtime/src",
        "shared/telemetry/src",
        "shared/web/src",
    ];
    let is_variable = |text: &str| {
        let letters = text.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
        let named = letters && text.contains('_') && !text.starts_with('_');
        text == "PORT" || (named && text.len() > 5)
    };
    let settings = page("docs/SETTINGS.md");
    let table = rows(&settings, "| variable | service | meaning |");
    let named = table.iter().flat_map(|row| code(row[0]));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    assert_eq!(named, literals(&folders, is_variable));
}

#[test]
fn the_reasons_of_dead_letters_are_those_of_the_code() {
    let operating = page("docs/OPERATING.md");
    let table = rows(&operating, "| reason | why it lies there |");
    let named = table.iter().flat_map(|row| code(row[0]));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    let (consume, command) = (
        page("shared/consume/src/outcome.rs"),
        page("functions/fanout/src/dead_letters/letter.rs"),
    );
    let (_, of_the_pipeline) = consume.split_once("impl ParkReason {").unwrap();
    let (of_the_pipeline, _) = of_the_pipeline.split_once("impl Outcome {").unwrap();
    let (of_the_bus, _) = command.split_once("struct DeadLetter {").unwrap();
    let mut known = parked_for(&["functions", "shared"]);
    for text in [of_the_pipeline, of_the_bus] {
        let literals = text.split('"').skip(1).step_by(2);
        let is_slug = |it: &&str| it.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
        known.extend(literals.filter(is_slug).map(str::to_owned));
    }
    assert_eq!(named, known);
}

/// What handlers in these folders park an event for: a text, or the name of one.
fn parked_for(folders: &[&str]) -> BTreeSet<String> {
    let sources = folders.iter().flat_map(|folder| files(folder, ".rs"));
    let sources = sources.filter(|source| source.contains("/src/"));
    let text: String = sources.map(|source| page(&source)).collect();
    let text_of = |name: &str| {
        let (_, value) = text.split_once(&format!("const {name}: &str = \""))?;
        Some(value.split_once('"')?.0.to_owned())
    };
    let parked = text.split("Failure::Park {").skip(1).filter_map(|park| {
        let (park, _) = park.split_once('}')?;
        let (_, reason) = park.split_once("reason: ")?;
        let (reason, _) = reason.split_once(',')?;
        match reason.strip_prefix('"') {
            Some(text) => Some(text.trim_end_matches('"').to_owned()),
            None => text_of(reason),
        }
    });
    parked.collect()
}

/// The lowest and the highest that a cell says: `19.70`, or `0.04 to 19.70`.
fn range(cell: &str) -> (f64, f64) {
    let mut numbers = cell
        .trim_matches('*')
        .split(" to ")
        .map(|number| match number {
            "" => 0.0,
            number => number.parse::<f64>().expect(number),
        });
    let low = numbers.next().unwrap();
    (low, numbers.next().unwrap_or(low))
}

#[test]
fn what_a_million_sign_ups_cost_adds_up() {
    let cost = page("docs/COST.md");
    for (head, columns) in [
        (
            "| what happens | reads | writes | deletes | written in |",
            1..4,
        ),
        ("| line | count | price | dollars |", 3..4),
    ] {
        let table = rows(&cost, head);
        let (together, lines) = table.split_last().unwrap();
        for column in columns {
            let ranges = lines.iter().map(|line| range(line[column]));
            let (low, high) = ranges.fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
            let said = range(together[column]);
            assert_eq!((low.round(), high.round()), said, "{head} {column}");
        }
    }
    let million = rows(&cost, "| line | count | price | dollars |");
    let together = million.last().unwrap()[3].trim_matches('*');
    let said = format!("a million sign-ups cost {together} dollars at list prices");
    assert!(page("README.md").contains(&said), "{said}");
}
