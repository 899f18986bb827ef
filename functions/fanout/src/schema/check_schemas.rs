//! `fanout schema check`: for all versions i and j of one major, what i writes, j reads.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use fanout_contracts::DOMAINS;
use fanout_events::{KnownType, Received, Version, decode};
use fanout_schemas::{RULES, Side, breaks, faults, reader, without_notes, writer};

use super::corpus::{ATTRIBUTES, Corpus, SUMS, Schemas, sum_of};
use super::finding::Finding;
use crate::answer::{verdict, write};

const EXAMPLES: &str = "Examples:
  fanout schema check
  fanout schema check --against origin/main
  fanout schema check --json

Exit codes: 0 if every version of a major is read by every other, 1 if a change breaks one.

It compares what the types of this build say with the schema files of every released version
(shared/contracts/<domain>/schemas), needs no git for that, and must be run from the repository's root.
With --against it also compares with what a git revision has.";

/// The flags of `fanout schema check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// Compare with this git revision, too
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// The repository's root
    #[arg(long, env = "FANOUT_ROOT", value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Answer in JSON
    #[arg(long, env = "FANOUT_JSON")]
    json: bool,
}

/// Checks, and tells what it found.
pub(super) fn run(flags: &CheckArgs) -> anyhow::Result<ExitCode> {
    let corpus = Corpus::of_folder(&flags.root)?;
    let base = flags.against.as_deref();
    let base =
        base.map(|revision| anyhow::Ok((revision, Corpus::of_revision(&flags.root, revision)?)));
    let base = base.transpose()?;
    let known = DOMAINS.iter().flat_map(|domain| domain.types);
    let known: Vec<&KnownType> = known.collect();
    let mut found = of_types(&corpus, &known)?;
    found.extend(of_files(&corpus));
    if let Some((revision, base)) = &base {
        found.extend(since(&corpus, revision, base));
        for known in &known {
            found.extend(of_type(base, known, Some(revision))?);
        }
    }
    let found: BTreeSet<Finding> = found.into_iter().collect();
    write(&found, flags.json, |found| text(found, known.len()))?;
    Ok(verdict(found.is_empty()))
}

fn text(found: &BTreeSet<Finding>, types: usize) -> String {
    if found.is_empty() {
        return format!("{types} event types: every version of a major reads every other\n");
    }
    found.iter().map(|finding| format!("{finding}\n")).collect()
}

/// What is wrong with the types of this build and their released versions.
pub(super) fn of_types(corpus: &Corpus, known: &[&KnownType]) -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    for known in known {
        found.extend(of_type(corpus, known, None)?);
    }
    let gone = corpus
        .types()
        .into_iter()
        .filter(|name| !known.iter().any(|it| it.name == *name));
    found.extend(gone.map(|name| {
        Finding::of(
            "TYPE_REMOVED",
            name,
            "events of it are out there, and no type of this build reads them",
            "keep the type, also when nothing publishes it any more",
        )
    }));
    Ok(found)
}

/// The newest version as this build has it, beside those that are released; `base` names the revision
/// that these are from, if not the working tree.
fn of_type(corpus: &Corpus, known: &KnownType, base: Option<&str>) -> anyhow::Result<Vec<Finding>> {
    let shape = (known.shape)();
    let new = Schemas {
        writer: writer(&shape),
        reader: reader(&shape),
    };
    let version: Version = known.version.parse()?;
    let released = corpus.versions(known.name)?;
    let mut found = Vec::new();
    if base.is_none() {
        found.extend(not_in_dialect(known, &new));
        found.extend(wrong_schema_path(known, version));
    }
    let same = released
        .iter()
        .find(|(it, _)| *it == version)
        .map(|(_, schemas)| schemas);
    let changed = same.is_some_and(|old| notes_aside(old) != notes_aside(&new));
    let mut all: Vec<(String, Version, &Schemas)> = released
        .iter()
        .map(|(it, schemas)| (it.to_string(), *it, schemas))
        .collect();
    if same.is_none() || changed {
        let name = if changed {
            format!("{version} of this build")
        } else {
            version.to_string()
        };
        all.push((name, version, &new));
    }
    found.extend(broken_pairs(known, &all));
    match (same, base) {
        (None, None) => found.push(Finding::of(
            "SCHEMA_NOT_WRITTEN",
            known.name,
            format!("version {version} has no schema files"),
            "run `fanout manifest`, and commit what it writes",
        )),
        (Some(_), _) if changed => found.push(Finding::of(
            "VERSION_NOT_RAISED",
            known.name,
            format!("the type has changed, and version {version} is released"),
            format!(
                "set VERSION to {}.{}, then run `fanout manifest`",
                version.major,
                version.minor + 1
            ),
        )),
        (Some(_) | None, _) => {}
    }
    Ok(found)
}

fn notes_aside(schemas: &Schemas) -> (serde_json::Value, serde_json::Value) {
    (
        without_notes(&schemas.writer),
        without_notes(&schemas.reader),
    )
}

/// Every writer against every reader of its major. What stands later in the list is newer.
fn broken_pairs(known: &KnownType, all: &[(String, Version, &Schemas)]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (written, (written_as, written_version, writes)) in all.iter().enumerate() {
        for (read, (read_as, read_version, reads)) in all.iter().enumerate() {
            if written_version.major != read_version.major {
                continue;
            }
            let writer = Side {
                schema: &writes.writer,
                order: written,
            };
            let reader = Side {
                schema: &reads.reader,
                order: read,
            };
            found.extend(
                breaks(&writer, &reader, RULES)
                    .into_iter()
                    .map(|it| Finding {
                        rule: it.rule,
                        of: known.name.to_owned(),
                        pointer: it.pointer,
                        writer: Some(written_as.clone()),
                        reader: Some(read_as.clone()),
                        sentence: it.sentence,
                        way_out: it.way_out.to_owned(),
                    }),
            );
        }
    }
    found
}

fn not_in_dialect(known: &KnownType, new: &Schemas) -> Vec<Finding> {
    let mut found = Vec::new();
    for fault in faults(&new.writer).into_iter().chain(faults(&new.reader)) {
        found.push(Finding {
            pointer: fault.pointer,
            ..Finding::of(
                "NOT_IN_DIALECT",
                known.name,
                fault.sentence,
                "say it in the dialect of shared/schemas/README.md",
            )
        });
    }
    let has = |name: &str| new.writer["properties"].get(name).is_some();
    if has("type") && has("metadata") {
        found.push(Finding::of(
            "LOOKS_LIKE_AN_ENVELOPE",
            known.name,
            "data with both `type` and `metadata` is taken for a whole event where it comes as a CloudEvent",
            "call one of the two fields otherwise",
        ));
    }
    found
}

fn wrong_schema_path(known: &KnownType, version: Version) -> Option<Finding> {
    let ends = format!("/v{}", version.major);
    (!known.schema.ends_with(&ends)).then(|| {
        Finding::of(
            "SCHEMA_OF_OTHER_MAJOR",
            known.name,
            format!("SCHEMA does not end with `{ends}`, and version {version} is published"),
            "let SCHEMA name the major version",
        )
    })
}

/// What is wrong with the files: what is released is never edited, and each version has golden files
/// that are still read.
pub(super) fn of_files(corpus: &Corpus) -> Vec<Finding> {
    let mut found = Vec::new();
    for domain in corpus.domains() {
        let sums = corpus.sums(domain);
        for (path, sum) in &sums {
            match corpus.0.get(path) {
                Some(bytes) if sum_of(bytes) == *sum => {}
                Some(_) => found.push(edited(path, "it differs from its sum")),
                None => found.push(edited(path, "it is gone")),
            }
        }
        let of_domain = corpus
            .files()
            .filter(|(_, place, _)| place.domain == domain);
        let unlisted = of_domain.filter(|(path, ..)| !sums.contains_key(*path));
        found.extend(unlisted.map(|(path, ..)| {
            Finding::of(
                "NOT_RELEASED",
                path,
                format!("it has no sum in {domain}/{SUMS}"),
                "run `fanout manifest`, and commit what it writes",
            )
        }));
    }
    found.extend(without_golden(corpus));
    found.extend(unread(corpus));
    found
}

fn edited(path: &str, how: &str) -> Finding {
    let sentence = format!("{how}, and what was published once does not change");
    Finding::of(
        "RELEASED_EDITED",
        path,
        sentence,
        "take the file back as it was; add a version instead",
    )
}

fn without_golden(corpus: &Corpus) -> Vec<Finding> {
    let of_kind = |kind: &'static str| {
        let places = corpus.files().map(|(_, place, _)| place);
        let places = places.filter(move |it| it.kind == kind);
        places
            .map(|it| (it.event_type, it.version))
            .collect::<BTreeSet<_>>()
    };
    let golden = of_kind("golden");
    let missing = of_kind("schemas")
        .into_iter()
        .filter(|it| !golden.contains(it));
    missing
        .map(|(event_type, version)| {
            let sentence = format!("version {version} has no golden file");
            let way_out = format!(
                "add one as shared/contracts/<domain>/golden/{event_type}/{version}/event.json"
            );
            Finding::of("NO_GOLDEN_FILE", event_type, sentence, way_out)
        })
        .collect()
}

fn unread(corpus: &Corpus) -> Vec<Finding> {
    let golden = corpus
        .files()
        .filter(|(_, place, _)| place.kind == "golden");
    let events = golden.filter(|(_, place, _)| !place.file.ends_with(ATTRIBUTES));
    let mut found = Vec::new();
    for (path, place, bytes) in events {
        let received = Received {
            data: bytes,
            message_id: "1",
            publish_time: Default::default(),
        };
        let read = decode(&received).and_then(|decoded| {
            let known = fanout_contracts::find(place.event_type);
            known.map_or(Ok(()), |known| (known.check)(&decoded.event))
        });
        if let Err(error) = read {
            let way_out = "let `decode` read every version that was ever published";
            found.push(Finding::of(
                "GOLDEN_NOT_READ",
                path,
                error.to_string(),
                way_out,
            ));
        }
    }
    found
}

/// What a revision has that is another here.
fn since(corpus: &Corpus, revision: &str, base: &Corpus) -> Vec<Finding> {
    let files = base.files();
    files
        .filter_map(|(path, _, bytes)| match corpus.0.get(path) {
            Some(here) if here == bytes => None,
            Some(_) => Some(edited(path, &format!("it differs from {revision}"))),
            None => Some(edited(path, &format!("{revision} has it, and it is gone"))),
        })
        .collect()
}
