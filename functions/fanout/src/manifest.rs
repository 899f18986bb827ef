//! `fanout manifest`: writes what follows from the code, or checks that it is still so.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::answer::{notice, verdict, write_text};
use crate::schema;

/// What Terraform is told, below the repository's root.
const FILE: &str = "terraform/system.auto.tfvars.json";
const EVENTS: &str = "docs/EVENTS.md";

const EXAMPLES: &str = "Examples:
  fanout manifest            write what follows from the code
  fanout manifest --check    compare it with the code instead

Exit codes: 0 if the files are as the code says, 1 if --check finds another, or none.

Topics, subscriptions, collections, numbers, grants and limits follow from the table of services
(functions/system): terraform/system.auto.tfvars.json. The page docs/EVENTS.md follows from the table and
the types of events (shared/contracts); for a new version of a type its schemas, the attributes of its
golden files and their sums are written once, and never again. Run it from the repository's root after
each change of either.";

/// The flags of `fanout manifest`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManifestFlags {
    /// Write nothing: compare
    #[arg(long)]
    pub check: bool,
    /// The repository's root
    #[arg(long, env = "FANOUT_ROOT", value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
}

/// Writes or compares.
pub fn run(flags: &ManifestFlags) -> anyhow::Result<ExitCode> {
    let root = &flags.root;
    let wanted = wanted(root)?;
    if !flags.check {
        for (file, bytes) in &wanted {
            write(root, file, bytes)?;
            write_text(&format!("wrote {file}\n"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let findings = differences(root, &wanted)?;
    for finding in &findings {
        notice(finding);
    }
    if findings.is_empty() {
        write_text("all files are as the code says\n")?;
    }
    Ok(verdict(findings.is_empty()))
}

/// What should lie below the root, by path.
fn wanted(root: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut wanted = schema::unreleased(root)?;
    wanted.insert(FILE.to_owned(), system::manifest()?.into_bytes());
    wanted.insert(EVENTS.to_owned(), schema::events_page().into_bytes());
    Ok(wanted)
}

fn write(root: &Path, file: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = root.join(file);
    let folder = path.parent().unwrap_or(root);
    // A folder that is always there is not made: it would be made in the wrong place.
    if root.join("terraform").is_dir() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, bytes).with_context(|| {
        format!(
            "cannot write {}: is --root the folder with Cargo.toml and terraform/?",
            path.display()
        )
    })
}

/// What is wrong with the files below this folder, and what was looked at; nothing where there is no
/// repository.
pub(crate) fn findings(root: &Path) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    if !root.join(FILE).exists() {
        return Ok((Vec::new(), Vec::new()));
    }
    let wanted = wanted(root)?;
    let found = differences(root, &wanted)?;
    Ok((wanted.into_keys().collect(), found))
}

fn differences(root: &Path, wanted: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (file, bytes) in wanted {
        match std::fs::read(root.join(file)) {
            Ok(there) => found.extend(
                difference(
                    &String::from_utf8_lossy(&there),
                    &String::from_utf8_lossy(bytes),
                )
                .map(|finding| format!("{file} {finding}")),
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                found.push(format!("{file} is missing; run `fanout manifest`"));
            }
            Err(error) => return Err(error).context(file.clone()),
        }
    }
    Ok(found)
}

/// Where the file differs from what it should be, in words.
fn difference(found: &str, wanted: &str) -> Option<String> {
    if found == wanted {
        return None;
    }
    let both = found.lines().zip(wanted.lines());
    let same = both.take_while(|(found, wanted)| found == wanted).count();
    let line = |text: &str| {
        text.lines()
            .nth(same)
            .unwrap_or("nothing")
            .trim()
            .to_owned()
    };
    Some(format!(
        "is not as the code says: line {} is `{}` and must be `{}`; run `fanout manifest`",
        same + 1,
        line(found),
        line(wanted)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let other = difference("a\n  b\n", "a\n  c\n");
        let said = "is not as the code says: line 2 is `b` and must be `c`; run `fanout manifest`";
        assert_eq!(other.as_deref(), Some(said));
        let short = difference("a\n", "a\nb\n");
        assert!(
            short
                .unwrap()
                .contains("line 2 is `nothing` and must be `b`")
        );
    }

    #[test]
    fn what_has_been_written_passes_the_check() {
        let root = tempfile::tempdir().unwrap();
        let run = |check| {
            run(&ManifestFlags {
                check,
                root: root.path().to_owned(),
            })
        };
        assert!(run(false).is_err(), "this is no repository");
        std::fs::create_dir(root.path().join("terraform")).unwrap();
        assert_eq!(run(true).unwrap(), verdict(false), "there is no file yet");
        assert_eq!(run(false).unwrap(), ExitCode::SUCCESS);
        assert_eq!(run(true).unwrap(), ExitCode::SUCCESS);
        for file in [FILE, EVENTS, "shared/contracts/user/released.sha256"] {
            let path = root.path().join(file);
            let written = std::fs::read(&path).unwrap();
            std::fs::write(&path, "{}\n").unwrap();
            assert_eq!(run(true).unwrap(), verdict(false), "{file}");
            std::fs::write(&path, written).unwrap();
        }
    }
}
