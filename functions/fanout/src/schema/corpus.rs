//! What is committed of the events that were ever published: schemas, golden files, and their sums.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use fanout_events::Version;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The folder of all of it, below the repository's root.
pub(super) const FOLDER: &str = "shared/contracts";
/// The sums of a domain's files, as `sha256sum` writes and checks them.
pub(super) const SUMS: &str = "released.sha256";
/// How the file ends that has the attributes of a golden file's message.
pub(super) const ATTRIBUTES: &str = ".attributes.json";

/// The files, by their paths below [`FOLDER`]: `{domain}/{kind}/{type}/{version}/{file}`.
#[derive(Debug, Default, Clone)]
pub(super) struct Corpus(pub(super) BTreeMap<String, Vec<u8>>);

/// A file's path, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) domain: &'p str,
    /// `golden` or `schemas`.
    pub(super) kind: &'p str,
    pub(super) event_type: &'p str,
    pub(super) version: &'p str,
    pub(super) file: &'p str,
}

/// The two schemas of a version.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schemas {
    pub(super) writer: Value,
    pub(super) reader: Value,
}

impl<'p> Place<'p> {
    fn of(path: &'p str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let [domain, kind, event_type, version, file] = *parts.as_slice() else {
            return None;
        };
        let counts = matches!(kind, "golden" | "schemas") && file.ends_with(".json");
        counts.then_some(Self {
            domain,
            kind,
            event_type,
            version,
            file,
        })
    }
}

impl Corpus {
    /// What lies in the working tree.
    pub(super) fn of_folder(root: &Path) -> anyhow::Result<Self> {
        let mut corpus = Self::default();
        corpus.read_below(&root.join(FOLDER), "")?;
        Ok(corpus)
    }

    fn read_below(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context(folder.display().to_string()),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}/{name}")
            };
            if entry.path().is_dir() {
                self.read_below(&entry.path(), &path)?;
            } else if belongs(&path) {
                self.0.insert(path, std::fs::read(entry.path())?);
            }
        }
        Ok(())
    }

    /// What a revision of git has.
    pub(super) fn of_revision(root: &Path, revision: &str) -> anyhow::Result<Self> {
        if revision.starts_with('-') {
            bail!("`{revision}` is no revision");
        }
        let tree = git(
            root,
            &["ls-tree", "-r", "--name-only", "-z", revision, "--", FOLDER],
        )?;
        let tree = String::from_utf8(tree)?;
        let mut corpus = Self::default();
        for full in tree.split_terminator('\0') {
            let path = full.strip_prefix(&format!("{FOLDER}/")).unwrap_or(full);
            if belongs(path) {
                let bytes = git(root, &["show", &format!("{revision}:./{full}")])?;
                corpus.0.insert(path.to_owned(), bytes);
            }
        }
        Ok(corpus)
    }

    /// All files but the sums, with their places.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, Place<'_>, &[u8])> {
        let files = self.0.iter();
        files.filter_map(|(path, bytes)| Some((path.as_str(), Place::of(path)?, bytes.as_slice())))
    }

    /// The versions of a type that have schemas, oldest first.
    pub(super) fn versions(&self, event_type: &str) -> anyhow::Result<Vec<(Version, Schemas)>> {
        let places = self.files().map(|(_, place, _)| place);
        let versions: BTreeSet<(&str, &str)> = places
            .filter(|it| it.kind == "schemas" && it.event_type == event_type)
            .map(|it| (it.domain, it.version))
            .collect();
        let mut found = Vec::new();
        for (domain, text) in versions {
            let folder = format!("{domain}/schemas/{event_type}/{text}");
            let version: Version = text.parse().with_context(|| folder.clone())?;
            found.push((version, self.schemas(&folder)?));
        }
        found.sort_by_key(|(version, _)| *version);
        Ok(found)
    }

    fn schemas(&self, folder: &str) -> anyhow::Result<Schemas> {
        let read = |name: &str| {
            let path = format!("{folder}/{name}");
            let bytes = self
                .0
                .get(&path)
                .with_context(|| format!("{path} is missing"))?;
            serde_json::from_slice(bytes).with_context(|| path.clone())
        };
        Ok(Schemas {
            writer: read("writer.json")?,
            reader: read("reader.json")?,
        })
    }

    /// The types that have schemas.
    pub(super) fn types(&self) -> BTreeSet<&str> {
        let places = self.files().map(|(_, place, _)| place);
        places
            .filter(|it| it.kind == "schemas")
            .map(|it| it.event_type)
            .collect()
    }

    /// The sums that a domain's file has, by path below [`FOLDER`].
    pub(super) fn sums(&self, domain: &str) -> BTreeMap<String, String> {
        let text = self.0.get(&format!("{domain}/{SUMS}"));
        let text = text
            .map(|bytes| String::from_utf8_lossy(bytes))
            .unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once("  "));
        lines
            .map(|(sum, path)| (format!("{domain}/{path}"), sum.to_owned()))
            .collect()
    }

    /// The domains that have files.
    pub(super) fn domains(&self) -> BTreeSet<&str> {
        self.0
            .keys()
            .filter_map(|path| path.split('/').next())
            .collect()
    }
}

/// The sum of a file.
pub(super) fn sum_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn belongs(path: &str) -> bool {
    Place::of(path).is_some() || path.split_once('/').is_some_and(|(_, file)| file == SUMS)
}

fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output();
    let output = output.context("git could not be started")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("git {}: {}", arguments.join(" "), said.trim());
    }
    Ok(output.stdout)
}
