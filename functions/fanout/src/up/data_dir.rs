//! The data directory: the engine's file and the mails.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// What `fanout` itself puts there. `--fresh` removes these and nothing else: the directory may be
/// somebody's home by mistake.
const OURS: [&str; 5] = [
    "fanout.db",
    "fanout.db-wal",
    "fanout.db-shm",
    "mail",
    "emulators",
];

/// A data directory that exists.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Creates the directory if needed; `fresh` empties it of what this command put there.
    pub fn prepare(path: &Path, fresh: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot create the data directory {}", path.display()))?;
        if fresh {
            for name in OURS {
                remove(&path.join(name))?;
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// A data directory as it is.
    pub fn existing(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The engine's file.
    pub fn database(&self) -> PathBuf {
        self.0.join("fanout.db")
    }

    /// Where mails are written.
    pub fn mail(&self) -> PathBuf {
        self.0.join("mail")
    }

    /// Where the output of Google's emulators goes.
    pub fn emulators(&self) -> PathBuf {
        self.0.join("emulators")
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_removes_our_own_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["fanout.db", "precious.txt"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("mail")).unwrap();
        let data = DataDir::prepare(folder.path(), true).unwrap();
        assert!(!data.database().exists() && !data.mail().exists());
        assert!(folder.path().join("precious.txt").exists());
    }
}
