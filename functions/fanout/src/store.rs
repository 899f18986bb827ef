//! Opening the store of a system, for reading.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use fanout_runtime::SystemClock;
use fanout_store::Documents;
use fanout_store_firestore::{FirestoreDocuments, FirestoreOptions};
use fanout_store_sqlite::{Database, SqliteDocuments};

use crate::target::Target;
use crate::up::DataDir;

/// The documents of this system. A `fanout up` that owns them is not disturbed.
pub async fn open(target: &Target) -> anyhow::Result<Arc<dyn Documents>> {
    let options = match target {
        Target::Embedded { data_dir, .. } => {
            return Ok(Arc::new(SqliteDocuments::reading(
                open_file(data_dir)?,
                Arc::new(SystemClock),
            )));
        }
        Target::Emulators(at) => FirestoreOptions::new(&at.project).on_emulator(&at.firestore),
        Target::Cloud { project, database } => FirestoreOptions {
            database: database.clone(),
            ..FirestoreOptions::new(project)
        },
    };
    let documents = FirestoreDocuments::connect(options).await.context(match target {
        Target::Embedded { .. } | Target::Emulators(_) => "cannot connect to the Firestore emulator: does it run?",
        Target::Cloud { .. } => {
            "cannot connect to Firestore: are you logged in (`gcloud auth application-default login`)?"
        }
    })?;
    Ok(Arc::new(documents))
}

/// The embedded engine's file, for reading. A `fanout up` that owns it is not disturbed.
pub fn open_file(data_dir: &Path) -> anyhow::Result<Database> {
    let path = DataDir::existing(data_dir).database();
    if !path.exists() {
        bail!(
            "there is no data in {}: start `fanout up` first, or name its folder with --data-dir",
            data_dir.display()
        );
    }
    Ok(Database::open_to_read(&path)?)
}
