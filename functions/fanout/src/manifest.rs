//! `fanout manifest`: writes what Terraform is told of the table, or checks that it is still so.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::answer::{notice, verdict, write_text};

/// The file, below the repository's root.
const FILE: &str = "terraform/system.auto.tfvars.json";

const EXAMPLES: &str = "Examples:
  fanout manifest            write terraform/system.auto.tfvars.json
  fanout manifest --check    compare it with the table instead

Exit codes: 0 if the file is as the table says, 1 if --check finds another, or none.

Topics, subscriptions, collections, numbers, grants and limits follow from the table of services
(functions/system). Run it from the repository's root after each change of the table.";

/// The flags of `fanout manifest`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManifestFlags {
    /// Write nothing: compare
    #[arg(long)]
    pub check: bool,
    /// The repository's root
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
}

/// Writes or compares.
pub fn run(flags: &ManifestFlags) -> anyhow::Result<ExitCode> {
    let (path, wanted) = (flags.root.join(FILE), system::manifest()?);
    let shown = path.display();
    let root = || format!("{shown}: is --root the folder with Cargo.toml and terraform/?");
    if !flags.check {
        std::fs::write(&path, wanted).with_context(root)?;
        write_text(&format!("wrote {shown}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = std::fs::read_to_string(&path).with_context(root)?;
    match difference(&found, &wanted) {
        Some(finding) => notice(&format!("{shown} {finding}")),
        None => write_text(&format!("{shown} is as the table says\n"))?,
    }
    Ok(verdict(found == wanted))
}

/// What is wrong with the file below this folder; nothing where there is none.
pub(crate) fn finding(root: &Path) -> anyhow::Result<Option<(&'static str, Option<String>)>> {
    match std::fs::read_to_string(root.join(FILE)) {
        Ok(found) => Ok(Some((FILE, difference(&found, &system::manifest()?)))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(FILE),
    }
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
    let (number, found, wanted) = (same + 1, line(found), line(wanted));
    Some(format!(
        "is not as the table says: line {number} is `{found}` and must be `{wanted}`; run `fanout manifest`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let other = difference("a\n  b\n", "a\n  c\n");
        let said = "is not as the table says: line 2 is `b` and must be `c`; run `fanout manifest`";
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
        std::fs::create_dir(root.path().join("terraform")).unwrap();
        let run = |check| {
            run(&ManifestFlags {
                check,
                root: root.path().to_owned(),
            })
        };
        assert!(run(true).is_err(), "there is no file yet");
        assert_eq!(run(false).unwrap(), ExitCode::SUCCESS);
        assert_eq!(run(true).unwrap(), ExitCode::SUCCESS);
        std::fs::write(root.path().join(FILE), "{}\n").unwrap();
        assert_eq!(run(true).unwrap(), ExitCode::FAILURE);
    }
}
