//! The version of a file's tables, and the way from each to the next.

use rusqlite::{Connection, TransactionBehavior};

use tracing::info;

use super::tables;

/// What leads from a version to the next: the first from 1 to 2, also of what the broker keeps. A
/// step stays here for ever. Not every file has every table.
const UPGRADES: &[Step] = &[tables::move_indexes_to_columns];

type Step = fn(&Connection) -> rusqlite::Result<()>;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("an earlier version of fanout made it; {WAY_OUT}")]
    Earlier,
    #[error(
        "an earlier version of fanout made it, and uses it if it runs; else start `fanout up`, \
         which brings it up to date"
    )]
    NotYetUpgraded,
    #[error("a later version of fanout made it; use that one, or {WAY_OUT}")]
    Later,
    #[error("it is damaged ({0}); {WAY_OUT}")]
    Damaged(rusqlite::Error),
    #[error(transparent)]
    Sqlite(rusqlite::Error),
}

/// What can be done about a file that cannot be used.
pub(super) const WAY_OUT: &str = "start with --fresh, or with another --data-dir";

/// Whether SQLite says that this is no database, or no longer one.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseCorrupt | NotADatabase)
    )
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) {
            Self::Damaged(error)
        } else {
            Self::Sqlite(error)
        }
    }
}

/// Brings a file to the current version; a new one is at it.
pub(super) fn upgrade(connection: &mut Connection) -> Result<(), Unusable> {
    upgrade_by(connection, UPGRADES)
}

fn upgrade_by(connection: &mut Connection, upgrades: &[Step]) -> Result<(), Unusable> {
    // Says as well whether the file can be written.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let made = version(&transaction)?;
    if made > current(upgrades) {
        return Err(Unusable::Later);
    }
    if made > 0 && made < current(upgrades) {
        info!(
            from = made,
            to = current(upgrades),
            "bringing the database up to date"
        );
        for (_, step) in (1..).zip(upgrades).filter(|(from, _)| *from >= made) {
            step(&transaction)?;
        }
    }
    if made != current(upgrades) {
        transaction.pragma_update(None, "user_version", current(upgrades))?;
    }
    Ok(transaction.commit()?)
}

/// Whether a file is at the current version: one that is only read is left as it is.
pub(super) fn check(connection: &Connection) -> Result<(), Unusable> {
    match version(connection)?.cmp(&current(UPGRADES)) {
        std::cmp::Ordering::Less => Err(Unusable::NotYetUpgraded),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Unusable::Later),
    }
}

fn current(upgrades: &[Step]) -> i64 {
    upgrades.iter().fold(1, |version, _| version + 1)
}

/// 0 for an empty file. Files had no version before there was a first.
fn version(connection: &Connection) -> Result<i64, Unusable> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables > 0 {
        return Err(Unusable::Earlier);
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgraded(connection: &mut Connection, upgrades: &[Step]) -> i64 {
        upgrade_by(connection, upgrades).unwrap();
        version(connection).unwrap()
    }

    #[test]
    fn a_file_takes_the_steps_that_it_lacks_each_once() {
        let mut file = Connection::open_in_memory().unwrap();
        assert_eq!(upgraded(&mut file, &[]), 1, "a new file");
        let second: Step =
            |file| file.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
        assert_eq!(upgraded(&mut file, &[second]), 2);
        let third: Step = |file| file.execute_batch("ALTER TABLE t ADD COLUMN b DEFAULT 2");
        for _ in 0..2 {
            assert_eq!(upgraded(&mut file, &[second, third]), 3);
        }
        let all = file.query_row("SELECT count(*), sum(b) FROM t", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        assert_eq!(all, Ok((1, 2)));
        let later = upgrade_by(&mut file, &[second]).unwrap_err();
        assert!(matches!(later, Unusable::Later), "{later}");
    }

    #[test]
    fn a_file_that_is_at_the_current_version_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let mut file = Connection::open(&path).unwrap();
        assert_eq!(upgraded(&mut file, &[]), 1);
        let other = Connection::open(&path).unwrap();
        let changes = || -> i64 {
            let changes = other.pragma_query_value(None, "data_version", |row| row.get(0));
            changes.unwrap()
        };
        let before = changes();
        assert_eq!(upgraded(&mut file, &[]), 1);
        assert_eq!(changes(), before);
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut file = Connection::open_in_memory().unwrap();
        assert_eq!(upgraded(&mut file, &[]), 1);
        let steps: [Step; 2] = [
            |file| file.execute_batch("CREATE TABLE t (a)"),
            |file| file.execute_batch("no SQL"),
        ];
        assert!(upgrade_by(&mut file, &steps).is_err());
        assert_eq!(upgraded(&mut file, &steps[..1]), 2);
    }
}
