//! Copies in a folder, for one machine and for tests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use chrono::NaiveDate;
use fanout_event_sourcing::{CopyError, RootCopies};

use crate::ReadCopies;

/// A folder with a file for each day.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// This one; it is made with the first copy.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }
}

#[async_trait]
impl RootCopies for Folder {
    async fn keep(&self, day: NaiveDate, root: &str) -> Result<bool, CopyError> {
        let (folder, root) = (self.0.clone(), root.to_owned());
        in_thread(move || keep(&folder, day, &root)).await
    }
}

#[async_trait]
impl ReadCopies for Folder {
    async fn all(&self) -> Result<BTreeMap<NaiveDate, String>, CopyError> {
        let folder = self.0.clone();
        in_thread(move || all(&folder)).await
    }
}

async fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|ended| CopyError::Unavailable(ended.into()))?;
    done.map_err(|error| CopyError::Unavailable(error.into()))
}

/// Whole or not at all: the name is given to what is written already, and only if nothing has it.
fn keep(folder: &Path, day: NaiveDate, root: &str) -> io::Result<bool> {
    fs::create_dir_all(folder)?;
    let (target, unfinished) = (folder.join(day.to_string()), folder.join(format!(".{day}")));
    let mut file = File::create(&unfinished)?;
    file.write_all(root.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&unfinished, &target);
    fs::remove_file(&unfinished)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn all(folder: &Path) -> io::Result<BTreeMap<NaiveDate, String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut copies = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        // What is no date was not copied by this.
        let day = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(day) = day {
            copies.insert(day, fs::read_to_string(entry.path())?);
        }
    }
    Ok(copies)
}
