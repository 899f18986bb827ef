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
pub(super) fn take(database: &Path) -> io::Result<File> {
    let mut path = database.as_os_str().to_owned();
    path.push("-lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::other(TAKEN)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
