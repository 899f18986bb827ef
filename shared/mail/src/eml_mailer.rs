//! Mail on one machine: each mail is a file that mail programs can open.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::mailer::{Mail, MailError, Mailer};

/// Writes `.eml` files into a folder, named by the mail's id. A mail that is handed over again takes
/// its own place: one file, as with a mail provider that takes idempotency keys.
pub struct EmlMailer {
    folder: PathBuf,
}

impl EmlMailer {
    /// Files go into `folder`, which is created at the first mail.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    async fn write(&self, mail: &Mail) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder).await?;
        // Written under another name first: a file that ends in .eml is always whole.
        let draft = self.folder.join(format!("{}.draft", mail.id));
        let mut file = fs::File::create(&draft).await?;
        file.write_all(&mail.message.formatted()).await?;
        file.sync_all().await?;
        fs::rename(&draft, self.folder.join(format!("{}.eml", mail.id))).await
    }
}

#[async_trait]
impl Mailer for EmlMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let written = self.write(mail).await;
        written.map_err(|error| MailError::NotSent(error.into()))
    }
}
