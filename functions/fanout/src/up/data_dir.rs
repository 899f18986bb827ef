//! The data directory: the engine's file and the mails.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Where the copies of the bank's daily roots are.
pub(super) const AUDIT_ROOTS: &str = "audit-roots";

/// What `fanout` itself puts there. `--fresh` removes these and nothing else: the directory may be
/// the user's home by mistake. The files of discarded dead letters stay as well: they are the only
/// copy of what an operator kept from being lost.
const OURS: [&str; 6] = [
    "fanout.db",
    "fanout.db-wal",
    "fanout.db-shm",
    "mail",
    "emulators",
    AUDIT_ROOTS,
];

/// A data directory; a prepared one is ours until this is dropped, or the process ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Option<File>,
    kept: Vec<(PathBuf, Identity)>,
}

/// Tells a file from another that takes its place.
type Identity = (u64, u64);

impl DataDir {
    /// Creates the directory if needed and takes it; `fresh` then empties it of what this command
    /// put there. The data of a system that runs is out of reach.
    pub fn prepare(path: &Path, fresh: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot create the data directory {}", path.display()))?;
        let lock = take(path)?;
        for name in OURS {
            let path = path.join(name);
            if fresh {
                remove(&path)?;
            } else {
                keep_private(&path)
                    .with_context(|| format!("cannot keep {} private", path.display()))?;
            }
        }
        let mut data = Self::existing(path);
        data.keep(path.join("lock"))?;
        data._lock = Some(lock);
        Ok(data)
    }

    /// A data directory as it is.
    pub fn existing(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _lock: None,
            kept: Vec::new(),
        }
    }

    /// Notes that this file must stay what it is as long as the directory is ours.
    pub fn keep(&mut self, file: PathBuf) -> anyhow::Result<()> {
        let identity = identity(&file).with_context(|| format!("{} is gone", file.display()))?;
        self.kept.push((file, identity));
        Ok(())
    }

    /// Whether the files that must stay are there. One that was removed can be written to until it
    /// is closed; then it is lost, with all that was written.
    pub fn is_whole(&self) -> bool {
        let stays = |(file, known): &(PathBuf, Identity)| {
            identity(file).is_ok_and(|identity| identity == *known)
        };
        self.kept.iter().all(stays)
    }

    /// The engine's file.
    pub fn database(&self) -> PathBuf {
        self.path.join("fanout.db")
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
/// file that is gone keeps no process out.
fn take(path: &Path) -> anyhow::Result<File> {
    let lock = path.join("lock");
    let lock = File::create(&lock)
        .and_then(|file| keep_private(&lock).map(|()| file))
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

/// The umask of `fanout up` makes new files private; what an older version left becomes so here.
fn keep_private(path: &Path) -> std::io::Result<()> {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    match fs::set_permissions(path, fs::Permissions::from_mode(mode)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn identity(path: &Path) -> std::io::Result<Identity> {
    fs::metadata(path).map(|file| (file.dev(), file.ino()))
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
        let kept = "dead-letters-email-20261121T112329007Z.jsonl";
        for name in ["fanout.db", "precious.txt", kept] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        for name in ["mail", "audit-roots"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        DataDir::prepare(folder.path(), true).unwrap();
        let left = fs::read_dir(folder.path()).unwrap();
        let left = left.map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<String> = left.collect();
        left.sort_unstable();
        assert_eq!(left, [kept, "lock", "precious.txt"]);
    }

    #[test]
    fn what_an_older_version_left_becomes_private_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["fanout.db", "fanout.db-wal", "precious.txt"] {
            fs::write(at(name), "x").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o644)).unwrap();
        }
        fs::create_dir(at("mail")).unwrap();
        fs::set_permissions(at("mail"), fs::Permissions::from_mode(0o755)).unwrap();
        DataDir::prepare(folder.path(), false).unwrap();
        let mode = |name| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        let modes = ["fanout.db", "fanout.db-wal", "lock", "mail", "precious.txt"].map(mode);
        assert_eq!(modes, [0o600, 0o600, 0o600, 0o700, 0o644]);
    }

    #[test]
    fn a_file_that_was_removed_or_replaced_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let mut data = DataDir::prepare(folder.path(), false).unwrap();
        fs::write(data.database(), "x").unwrap();
        data.keep(data.database()).unwrap();
        assert!(data.is_whole());
        let moved = folder.path().join("moved");
        fs::rename(data.database(), &moved).unwrap();
        assert!(!data.is_whole());
        fs::write(data.database(), "x").unwrap();
        assert!(!data.is_whole());
        fs::rename(moved, data.database()).unwrap();
        assert!(data.is_whole());
        fs::remove_file(folder.path().join("lock")).unwrap();
        assert!(!data.is_whole());
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
