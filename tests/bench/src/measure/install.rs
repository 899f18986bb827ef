//! Contenders in other languages, installed from the registries of those languages into a folder that is kept.

use std::fs::{create_dir_all, read, read_dir, read_to_string, remove_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};

use super::builds::repository;
use super::machine::version_of;
use crate::Options;

/// What is written into a folder once everything in it is installed: what was installed.
const INSTALLED: &str = "installed";

/// The Python of a virtual environment with what `tests/bench/peers/NAME/requirements.txt` pins.
pub(crate) fn python_of(options: &Options, name: &str) -> anyhow::Result<PathBuf> {
    let requirements = sources(name).join("requirements.txt");
    let folder = folder(options, name, "python")?;
    let python = folder.join("bin/python");
    let wanted = read(&requirements).with_context(|| requirements.display().to_string())?;
    installed(&folder, &wanted, || {
        finished(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
        finished(pip.arg(&requirements))
    })?;
    Ok(python)
}

/// A folder with the programs of `tests/bench/peers/NAME` and what its `package-lock.json` pins.
pub(crate) fn node_folder(options: &Options, name: &str) -> anyhow::Result<PathBuf> {
    let folder = folder(options, name, "node")?;
    let lock = sources(name).join("package-lock.json");
    let wanted = read(&lock).with_context(|| lock.display().to_string())?;
    installed(&folder, &wanted, || {
        create_dir_all(&folder)?;
        copy_sources(name, &folder)?;
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        // Modules in C++ find Debian's headers of Node, where they are, and download none.
        if Path::new("/usr/include/node/node.h").exists() {
            npm.env("npm_config_nodedir", "/usr");
        }
        finished(npm.current_dir(&folder))
    })?;
    // A program may have changed without what it needs.
    copy_sources(name, &folder)?;
    Ok(folder)
}

/// Debian's Redis.
///
/// # Errors
/// If it is not there: this benchmark installs nothing outside its folder.
pub(crate) fn redis_server() -> anyhow::Result<String> {
    let version = version_of("redis-server", &["--version"]);
    version.context("redis-server is not there: apt-get install redis-server")
}

/// The libraries that a contender stands on, with the versions that its files pin.
pub(crate) fn pinned(name: &str) -> Vec<String> {
    let text = |file: &str| read_to_string(sources(name).join(file)).unwrap_or_default();
    let requirements = text("requirements.txt");
    let python = requirements.lines().map(|line| line.replace("==", " "));
    let package: Value = serde_json::from_str(&text("package.json")).unwrap_or_default();
    let none = Map::new();
    let node = package["dependencies"].as_object().unwrap_or(&none).iter();
    let node = node.map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or("?")));
    let (manifest, lock) = (text("Cargo.toml"), text("Cargo.lock"));
    let (_, direct) = manifest.split_once("[dependencies]\n").unwrap_or_default();
    let direct = direct.lines().take_while(|line| !line.is_empty());
    let rust = direct.filter_map(|line| {
        let (name, _) = line.split_once(" =")?;
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split_once('"')?.0))
    });
    python.chain(node).chain(rust).collect()
}

/// Where the sources of a contender are.
pub(crate) fn sources(name: &str) -> PathBuf {
    repository().join("tests/bench/peers").join(name)
}

fn folder(options: &Options, name: &str, language: &str) -> anyhow::Result<PathBuf> {
    create_dir_all(&options.peers)?;
    let peers = options.peers.canonicalize()?;
    Ok(peers.join(format!("{name}-{language}")))
}

fn copy_sources(name: &str, folder: &Path) -> anyhow::Result<()> {
    for entry in read_dir(sources(name))? {
        let entry = entry?;
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Installs, unless the same was installed there before.
fn installed(
    folder: &Path,
    wanted: &[u8],
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = folder.join(INSTALLED);
    if read(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    if folder.exists() {
        remove_dir_all(folder)?;
    }
    eprintln!("installing {}", folder.display());
    install()?;
    write(&stamp, wanted)?;
    Ok(())
}

fn finished(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{program} is not there"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {said}");
    Ok(())
}
