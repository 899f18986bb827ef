//! The programs that are measured, built as they are deployed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::Options;

/// All that can be measured, and always built together: with fewer, the crates that they share would have other
/// features, and be built again.
const MEASURED: [&str; 4] = ["service", "fanout", "bench-embedded", "bench-floor"];

/// Where this repository lies.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Programs of this repository.
pub(crate) struct Binaries {
    built: Vec<(String, PathBuf)>,
}

impl Binaries {
    /// Those of the folder that the caller named, or else built now.
    pub(crate) fn of(options: &Options) -> anyhow::Result<Self> {
        let Some(folder) = &options.binaries else {
            return Self::build();
        };
        let in_folder = |name: &str| (name.to_owned(), folder.join(name));
        let built = MEASURED.into_iter().map(in_folder);
        let built = built.filter(|(_, path)| path.exists()).collect();
        Ok(Self { built })
    }

    /// Builds them in release mode, linked statically, as `functions/Dockerfile` does. What is built already is left
    /// as it is.
    fn build() -> anyhow::Result<Self> {
        eprintln!("building {}", MEASURED.join(", "));
        let host = super::version_of("rustc", &["--print", "host-tuple"]);
        let host = host.context("rustc is not there")?;
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--locked", "--target", &host]);
        cargo.args(["--message-format", "json-render-diagnostics"]);
        cargo.args(
            MEASURED
                .iter()
                .flat_map(|name| ["--package", name, "--bin", name]),
        );
        cargo
            .current_dir(repository())
            .env("RUSTFLAGS", rustflags()?);
        let output = cargo.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "what is measured cannot be built");
        let messages = String::from_utf8(output.stdout)?;
        let built = messages.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        });
        let built = built.collect();
        Ok(Self { built })
    }

    /// One of those that were built.
    pub(crate) fn path(&self, name: &str) -> anyhow::Result<&Path> {
        let found = self.built.iter().find(|(built, _)| built == name);
        let (_, path) = found.with_context(|| format!("{name} was not built"))?;
        Ok(path)
    }
}

/// As the container's binary is built.
fn rustflags() -> anyhow::Result<String> {
    let dockerfile = std::fs::read_to_string(repository().join("functions/Dockerfile"))?;
    let mut lines = dockerfile.lines();
    let flags = lines.find_map(|line| line.strip_prefix("ENV RUSTFLAGS="));
    let flags = flags.context("functions/Dockerfile names no RUSTFLAGS")?;
    Ok(flags.trim_matches('"').to_owned())
}
