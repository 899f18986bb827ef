//! Which process a database belongs to.

use std::fs::{File, TryLockError};
use std::path::Path;

/// The right to write a database, kept by a lock on `FILE-lock` that ends with the process, however
/// that ends.
///
/// Not a lock on the database itself: closing any handle of that would end SQLite's own locks. The
/// lock's file stays for ever, since a lock on a file that is gone keeps nobody out.
pub(super) struct Ownership {
    _lock: File,
}

/// Why a database cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotOurs {
    #[error("another process has it open; stop that one first")]
    Taken,
    #[error(transparent)]
    NoLock(#[from] std::io::Error),
}

impl Ownership {
    /// Takes it; a second process would run the same broker twice.
    pub(super) fn of(database: &Path) -> Result<Self, NotOurs> {
        let mut path = database.as_os_str().to_owned();
        path.push("-lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _lock: file }),
            Err(TryLockError::WouldBlock) => Err(NotOurs::Taken),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}
