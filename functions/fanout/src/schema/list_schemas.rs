//! `fanout schema list`, and the page that says the same: `docs/EVENTS.md`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use fanout_contracts::{DOMAINS, RELEASED};
use fanout_events::{KnownType, Version};
use fanout_schemas::personal_fields;
use serde::Serialize;
use serde_json::Value;
use system::{SERVICES, consumers};

use crate::answer::write;

const EXAMPLES: &str = "Examples:
  fanout schema list
  fanout schema list --json";

/// The flags of `fanout schema list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// Answer in JSON
    #[arg(long, env = "FANOUT_JSON")]
    json: bool,
}

/// One type of event.
#[derive(Debug, Serialize)]
struct Listed {
    event_type: &'static str,
    topic: &'static str,
    /// Those that are released, oldest first, and the one of this build.
    versions: Vec<String>,
    /// The services that publish on its topic.
    publishes: Vec<&'static str>,
    /// The consumers that handle it.
    reacts: Vec<&'static str>,
    personal: Vec<String>,
    schema: &'static str,
    #[serde(skip)]
    shape: Value,
}

/// Lists.
pub(super) fn run(flags: &ListArgs) -> anyhow::Result<ExitCode> {
    write(&listed(), flags.json, |listed| text(listed))?;
    Ok(ExitCode::SUCCESS)
}

fn listed() -> Vec<Listed> {
    let mut listed = Vec::new();
    for domain in DOMAINS {
        for known in domain.types {
            let publishes = SERVICES
                .iter()
                .filter(|it| it.publishes.contains(&domain.topic));
            let reacts = consumers().filter(|it| it.types().any(|name| name == known.name));
            let shape = (known.shape)();
            listed.push(Listed {
                event_type: known.name,
                topic: domain.topic,
                versions: versions(known),
                publishes: publishes.map(|it| it.name).collect(),
                reacts: reacts.map(|it| it.consumer).collect(),
                personal: personal_fields(&shape),
                schema: known.schema,
                shape,
            });
        }
    }
    listed
}

fn versions(known: &KnownType) -> Vec<String> {
    let released = RELEASED.iter().filter(|it| it.event_type == known.name);
    let all = released.map(|it| it.version).chain([known.version]);
    let mut all: Vec<Version> = all.filter_map(|it| it.parse().ok()).collect();
    all.sort();
    all.dedup();
    all.iter().map(ToString::to_string).collect()
}

impl Listed {
    fn cells(&self) -> [String; 5] {
        let or_none = |names: String| {
            if names.is_empty() {
                "-".to_owned()
            } else {
                names
            }
        };
        [
            self.event_type.to_owned(),
            self.versions.join(", "),
            or_none(self.publishes.join(", ")),
            or_none(self.reacts.join(", ")),
            or_none(self.personal.join(", ")),
        ]
    }
}

const HEAD: [&str; 5] = [
    "type",
    "versions",
    "publish on its topic",
    "react",
    "personal fields",
];

fn text(listed: &[Listed]) -> String {
    let head = HEAD.map(str::to_owned);
    let rows: Vec<[String; 5]> = [head]
        .into_iter()
        .chain(listed.iter().map(Listed::cells))
        .collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].len())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `docs/EVENTS.md`
pub(crate) fn events_page() -> String {
    let listed = listed();
    let mut page = format!(
        "# Events\n\nDrawn by `fanout manifest` from the types in `shared/contracts/` and the table of \
         services; `fanout schema list` says the same. Each service that publishes on a topic serves the \
         schemas of its types: `GET /schemas/{{type}}/{{version}}/writer.json` says what is written, \
         `reader.json` what is read.\n\n| {} |\n|---|---|---|---|---|\n",
        HEAD.join(" | ")
    );
    for one in &listed {
        let [name, rest @ ..] = one.cells();
        let anchor = name.replace('.', "");
        let _ = writeln!(page, "| [`{name}`](#{anchor}) | {} |", rest.join(" | "));
    }
    for one in &listed {
        let version = one.versions.last().map_or("", String::as_str);
        let _ = write!(
            page,
            "\n## {}\n\nOn `{}`, version {version}. Schema: `{}`.\n\n| field | what | meaning |\n|---|---|---|\n",
            one.event_type, one.topic, one.schema
        );
        fields(&one.shape, "", &mut page);
    }
    page
}

/// The rows of an object's fields, and of those below them.
fn fields(schema: &Value, prefix: &str, page: &mut String) {
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        fields(variant, prefix, page);
    }
    let required = schema["required"].as_array();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let always = required.is_some_and(|names| names.iter().any(|it| it == name));
        let meaning = field["description"].as_str().unwrap_or_default();
        let meaning = meaning.replace('\n', " ").replace('|', "\\|");
        let what = what(field);
        let optional = if always { "" } else { ", may be left out" };
        let _ = writeln!(page, "| `{prefix}{name}` | {what}{optional} | {meaning} |");
        fields(field, &format!("{prefix}{name}."), page);
        fields(&field["items"], &format!("{prefix}{name}[]."), page);
    }
}

/// What a value is, in a few words.
fn what(schema: &Value) -> String {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => vec![kind.as_str().unwrap_or("one of several")],
    };
    let mut said = kinds.join(" or ");
    if let Some(format) = schema["format"].as_str() {
        let _ = write!(said, ", {format}");
    }
    if schema["pattern"] == fanout_events::IDENTIFIER_PATTERN {
        said = said.replace("string", "identifier");
    }
    let values = schema["enum"].as_array().into_iter().flatten();
    let values = values.chain(schema.get("const")).filter_map(Value::as_str);
    let values: Vec<String> = values.map(|value| format!("`{value}`")).collect();
    if !values.is_empty() {
        let _ = write!(said, ": {}", values.join(", "));
    }
    if schema.get("x-personal").is_some() {
        said.push_str(", personal");
    }
    said
}
