//! Mail on one machine: each mail is a file that mail programs can open.

use std::fs::{DirBuilder, File, OpenOptions, rename};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::mailer::{Mail, MailError, Mailer};

/// Writes `.eml` files into a folder, named by the mail's id. A mail that is handed over again takes
/// its own place: one file, as with a mail provider that takes idempotency keys.
pub struct EmlMailer {
    folder: PathBuf,
    names: Arc<NameSync>,
}

/// Brings the names of files to the disk: those that are given while one sync runs share the next.
#[derive(Default)]
struct NameSync {
    given: AtomicU64,
    /// How many of them are on the disk.
    synced: Mutex<u64>,
}

impl EmlMailer {
    /// Files go into `folder`, which is created at the first mail.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            names: Arc::default(),
        }
    }
}

impl NameSync {
    /// Ends once a name that has been given in this folder is on the disk.
    fn sync(&self, folder: &Path) -> io::Result<()> {
        let own = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced < own {
            // A mail that is counted here has its name.
            let given = self.given.load(Ordering::SeqCst);
            File::open(folder)?.sync_all()?;
            *synced = given;
        }
        Ok(())
    }
}

#[async_trait]
impl Mailer for EmlMailer {
    async fn send(&self, mail: &Mail, _until: Instant) -> Result<(), MailError> {
        let (folder, id, content) = (self.folder.clone(), mail.id.clone(), mail.content.clone());
        let names = Arc::clone(&self.names);
        let written = spawn_blocking(move || {
            write(&folder, &id, &content)?;
            names.sync(&folder)
        });
        let written = written.await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| MailError::NotSent(error.into()))
    }
}

/// Written under another name first: a file that ends in `.eml` is always whole. What it is has reached
/// the disk when this ends, that it is there has not. For its owner's eyes only.
fn write(folder: &Path, id: &str, content: &[u8]) -> io::Result<()> {
    if !folder.exists() {
        let mut private = DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
        private.recursive(true).create(folder)?;
        if let Some(parent) = folder.parent().filter(|parent| parent.is_dir()) {
            File::open(parent)?.sync_all()?;
        }
    }
    let mut private = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
    let draft = folder.join(format!("{id}.draft"));
    let mut file = private
        .write(true)
        .create(true)
        .truncate(true)
        .open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    rename(&draft, folder.join(format!("{id}.eml")))
}

#[cfg(test)]
mod tests {
    use std::fs::read;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    async fn send(folder: &Path, content: &str) -> Result<(), MailError> {
        let mail = Mail {
            id: "evt_1".to_owned(),
            from: "hello@example.com".to_owned(),
            to: "ada@example.com".to_owned(),
            content: content.as_bytes().to_vec(),
        };
        EmlMailer::new(folder).send(&mail, Instant::now()).await
    }

    #[tokio::test]
    async fn a_mail_is_one_whole_file_that_only_its_owner_can_read() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("deep/mail");
        for content in ["first\r\n", "again\r\n"] {
            send(&folder, content).await.unwrap();
        }
        let file = folder.join("evt_1.eml");
        assert_eq!(read(&file).unwrap(), b"again\r\n");
        assert_eq!(folder.read_dir().unwrap().count(), 1);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    }

    /// `/dev/full` takes nothing: each write ends as on a full disk, be it the last and smallest.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_mail_that_the_disk_has_no_room_for_is_not_sent() {
        let data = tempfile::tempdir().unwrap();
        let draft = data.path().join("evt_1.draft");
        symlink("/dev/full", &draft).unwrap();
        for content in ["x".to_owned(), "x".repeat(5_000_000)] {
            let refused = send(data.path(), &content).await;
            assert!(matches!(refused, Err(MailError::NotSent(_))), "{refused:?}");
            assert!(!data.path().join("evt_1.eml").exists());
        }
        // There is room again.
        std::fs::remove_file(&draft).unwrap();
        send(data.path(), "x").await.unwrap();
        assert_eq!(read(data.path().join("evt_1.eml")).unwrap(), b"x");
    }
}
