//! Dead letters in a file: a line of JSON each, with all that is needed to publish them again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout_runtime::{Timestamp, serialize_rfc3339};
use serde::Serialize;

use super::letter::DeadLetter;
use crate::answer::WrongUse;

#[derive(Serialize)]
struct FileLine<'a> {
    message_id: &'a str,
    #[serde(serialize_with = "serialize_rfc3339")]
    publish_time: Timestamp,
    attributes: &'a BTreeMap<String, String>,
    /// In base64.
    data: String,
    ordering_key: &'a str,
}

/// Writes the letters to a new file that only its owner can read. Once this is `Ok` they survive a
/// loss of power.
pub(super) fn write(path: &Path, letters: &[DeadLetter]) -> anyhow::Result<()> {
    let shown = path.display();
    let mut new = File::options();
    // It holds names and addresses.
    new.write(true).create_new(true).mode(0o600);
    let file = new.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            let fault = format!(
                "{shown} exists already, and nothing is overwritten: choose another file with --to"
            );
            WrongUse(fault).into()
        }
        _ => anyhow::Error::new(error).context(format!("{shown} cannot be created")),
    })?;
    write_all(file, letters).with_context(|| format!("{shown} cannot be written"))?;
    sync_folder(path).with_context(|| format!("the folder of {shown} cannot be written"))
}

fn write_all(file: File, letters: &[DeadLetter]) -> anyhow::Result<()> {
    let mut out = BufWriter::new(file);
    for letter in letters {
        let message = &letter.message;
        let line = FileLine {
            message_id: &message.message_id,
            publish_time: message.publish_time,
            attributes: &message.attributes,
            data: STANDARD.encode(&message.data),
            ordering_key: &message.ordering_key,
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(())
}

/// The file's name is durable too only once its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
