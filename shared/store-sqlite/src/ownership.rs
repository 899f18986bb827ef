//! Which process a database belongs to.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

const TAKEN: &str = "another process has it open; stop that one first";

/// The right to write a database, kept by a lock on `FILE-lock` that ends with the process, however
/// that ends; a second process would run the same broker twice.
///
/// Not a lock on the database itself: closing any handle of that would end SQLite's own locks. The
/// lock's file stays for ever, since a lock on a file that is gone keeps nobody out.
pub(super) struct Ownership(File);

impl Ownership {
    pub(super) fn take(database: &Path) -> io::Result<Self> {
        let mut path = database.as_os_str().to_owned();
        path.push("-lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(io::Error::other(TAKEN)),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        // Closing is not enough: a child that is being started has the same open file until its exec.
        // If unlocking fails, the lock ends then.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_at_once_though_a_child_that_is_being_started_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("fanout.db");
        let first = Ownership::take(&database).unwrap();
        let of_the_child = first.0.try_clone().unwrap();
        assert!(Ownership::take(&database).is_err());
        drop(first);
        Ownership::take(&database).unwrap();
        drop(of_the_child);
    }
}
