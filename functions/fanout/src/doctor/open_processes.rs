//! The processes that are open against the table: a build that lacks their version would let them
//! stand still.

use fanout_processes::{Processes, open_versions};
use fanout_store::{Documents, ReadError};

use super::Report;
use crate::target::Target;

/// Reads which versions are open, and compares. That they cannot be read is a finding, too.
pub(super) async fn look(target: &Target, table: &Processes) -> Report {
    let looked = async {
        let documents = target.documents().await?;
        anyhow::Ok(check(documents.as_ref(), table).await?)
    };
    looked.await.unwrap_or_else(|error| Report {
        looked_at: Vec::new(),
        findings: vec![format!("the open processes cannot be read: {error:#}")],
    })
}

async fn check(documents: &dyn Documents, table: &Processes) -> Result<Report, ReadError> {
    let open = open_versions(documents).await?;
    let unknown = open
        .iter()
        .filter(|(name, version)| table.find(name, *version).is_none());
    let findings = unknown.map(|(name, version)| {
        format!(
            "process {name}: version {version} has open instances, and is not in the table: keep it until they have ended"
        )
    });
    Ok(Report {
        findings: findings.collect(),
        looked_at: vec![format!(
            "versions of processes that are open: {}",
            open.len()
        )],
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fanout_processes::{Instance, Pace, Status, StoredProcess};
    use fanout_runtime::{SystemClock, Timestamp};
    use fanout_store::Write;
    use fanout_store_sqlite::{Database, SqliteDocuments};

    use super::*;

    fn instance(version: u32, status: Status) -> Write {
        let now = Timestamp::from_timestamp_millis(1_795_176_000_000).unwrap();
        let key = format!("ord_{version}");
        let stored = StoredProcess {
            name: "order".to_owned(),
            version,
            instance: Instance {
                key,
                status,
                state: serde_json::json!({}),
                steps: Vec::new(),
                failure: None,
            },
            emitted: 0,
            wake_at: None,
            correlation_id: None,
            started_at: now,
            updated_at: now,
            ended_at: None,
        };
        Write::set(stored.key(), stored.to_fields())
    }

    #[tokio::test]
    async fn an_open_version_that_is_not_in_the_table_is_a_finding_and_an_ended_one_is_none() {
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, Arc::new(SystemClock));
        let documents = documents.await.unwrap();
        let writes = vec![
            instance(1, Status::Running),
            instance(2, Status::Completed),
            instance(3, Status::Stuck),
        ];
        documents.commit(writes).await.unwrap();
        let table = system::processes(Pace::REAL, |_| true);
        let Report { findings, .. } = check(&documents, &table).await.unwrap();
        let [finding] = &findings[..] else {
            panic!("{findings:?}");
        };
        assert!(finding.starts_with("process order: version 3"), "{finding}");
    }
}
