//! The data directory: the engine's file and the mails.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// What `fanout` itself puts there. `--fresh` removes these and nothing else: the directory may be
/// somebody's home by mistake.
const OURS: [&str; 5] = [
    "fanout.db",
    "fanout.db-wal",
    "fanout.db-shm",
    "mail",
    "emulators",
];

/// A data directory; a prepared one is ours until this is dropped, or the process ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Option<File>,
}

impl DataDir {
    /// Creates the directory if needed and takes it; `fresh` then empties it of what this command
    /// put there. The data of a system that runs is out of reach.
    pub fn prepare(path: &Path, fresh: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot create the data directory {}", path.display()))?;
        let lock = take(path)?;
        if fresh {
            for name in OURS {
                remove(&path.join(name))?;
            }
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: Some(lock),
        })
    }

    /// A data directory as it is.
    pub fn existing(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _lock: None,
        }
    }

    /// The engine's file.
    pub fn database(&self) -> PathBuf {
        self.path.join("fanout.db")
    }

    /// Where mails are written.
    pub fn mail(&self) -> PathBuf {
        self.path.join("mail")
    }

    /// Where the output of Google's emulators goes.
    pub fn emulators(&self) -> PathBuf {
        self.path.join("emulators")
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The lock ends with the process, however that ends. Its file stays for ever, since a lock on a
/// file that is gone keeps nobody out.
fn take(path: &Path) -> anyhow::Result<File> {
    let lock = File::create(path.join("lock"))
        .with_context(|| format!("cannot write into the data directory {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!(
            "another `fanout up` uses the data directory {}: stop that one first, or name another with --data-dir",
            path.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the data directory {}", path.display()))
        }
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

    #[test]
    fn a_directory_in_use_is_not_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let used = DataDir::prepare(folder.path(), false).unwrap();
        fs::write(used.database(), "x").unwrap();
        let refused = DataDir::prepare(folder.path(), true).unwrap_err();
        assert!(refused.to_string().contains("stop that one first"));
        assert!(used.database().exists());
        drop(used);
        assert!(DataDir::prepare(folder.path(), true).is_ok());
    }
}
