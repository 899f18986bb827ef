//! Which system a command works on: the one on this machine, one on Google's emulators, or one in
//! Google Cloud. The same flags for all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use fanout_google_cloud::{EmulatorHosts, GoogleCloudSettings, PROJECT_ID, project_id};
use fanout_outbox::OutboxSettings;
use fanout_runtime::{Environment, Settings, SettingsError, SystemClock};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};

use crate::up::DataDir;

/// The project that everything belongs to on one machine, unless `GOOGLE_CLOUD_PROJECT` says so.
pub const LOCAL_PROJECT: &str = "fanout-local";

/// Where `fanout up` serves Pub/Sub's REST API, unless it was told otherwise.
const LOCAL_PUBSUB_URL: &str = "http://localhost:8085";

/// The database that a project has by itself.
const DEFAULT_DATABASE: &str = "(default)";

/// What to do where Firestore cannot be connected to.
pub(crate) const ADVICE: &str = "are you logged in (`gcloud auth application-default login`), or does the Firestore emulator run?";

/// The flags of every command that works on a system which runs already.
#[derive(Debug, Clone, Args)]
pub struct TargetFlags {
    /// Work on this project in Google Cloud, with the credentials of `gcloud auth application-default
    /// login`; without it, on this machine
    #[arg(long, env = "FANOUT_PROJECT")]
    pub project: Option<String>,
    /// The Firestore database of the project
    #[arg(long, env = "FANOUT_DATABASE", default_value = DEFAULT_DATABASE)]
    pub database: String,
    /// Where the embedded engine's data is kept
    #[arg(long, env = "FANOUT_DATA_DIR", default_value = ".fanout")]
    pub data_dir: PathBuf,
    /// Where Pub/Sub's REST API is: `fanout up`'s, by default `http://localhost:8085`; with --project a
    /// regional endpoint, by default `https://pubsub.googleapis.com`
    #[arg(long, env = "FANOUT_PUBSUB_URL")]
    pub pubsub_url: Option<String>,
}

/// The system that a command works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A `fanout up` on this machine.
    Embedded {
        /// Its data directory.
        data_dir: PathBuf,
        /// Its REST face, without a slash at the end.
        pubsub_url: String,
    },
    /// Google Cloud, with Application Default Credentials, or the emulators that stand in for it.
    Google(GoogleCloudSettings),
}

/// What connects to the emulators that the environment names, if it names any; half a pair of
/// variables is an error.
pub fn emulators(
    environment: &dyn Environment,
) -> Result<Option<GoogleCloudSettings>, SettingsError> {
    let mut settings = Settings::new(environment);
    let hosts = EmulatorHosts::read(&mut settings).value();
    let found = hosts.map(|hosts| {
        let project = settings.optional_as("GOOGLE_CLOUD_PROJECT", PROJECT_ID, project_id);
        let project = project.value().unwrap_or(LOCAL_PROJECT.to_owned());
        GoogleCloudSettings::of(project).on_emulators(hosts)
    });
    settings.finish(Some(found))
}

impl TargetFlags {
    /// Where Pub/Sub's REST API was said to be, or this; without a slash at the end.
    pub fn pubsub_url(&self, default: &str) -> String {
        let url = self.pubsub_url.as_deref().unwrap_or(default);
        url.trim_end_matches('/').to_owned()
    }

    /// What a line must say for its command to work on the same bus and database: flags, each behind
    /// a space.
    pub(crate) fn in_a_line(&self) -> String {
        let elsewhere = self.project.is_some() || self.database != DEFAULT_DATABASE;
        let flags = [
            ("--project", self.project.as_deref()),
            ("--database", elsewhere.then_some(&*self.database)),
            ("--pubsub-url", self.pubsub_url.as_deref()),
        ];
        let given = flags
            .iter()
            .filter_map(|(flag, value)| Some(format!(" {flag} {}", quoted((*value)?))));
        given.collect()
    }
}

/// A word of a shell's line.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Target {
    /// Decides. Emulators named by the environment come before everything, as they do for Google's
    /// own clients; together with `--project` that is more likely an oversight, so it is an error.
    pub fn from_flags(flags: &TargetFlags, environment: &dyn Environment) -> anyhow::Result<Self> {
        let google = match (emulators(environment)?, &flags.project) {
            (Some(_), Some(_)) => bail!(
                "--project asks for Google Cloud, and PUBSUB_EMULATOR_HOST and FIRESTORE_EMULATOR_HOST for emulators: drop the flag or unset the variables"
            ),
            (Some(emulators), None) => emulators,
            (None, Some(project)) => GoogleCloudSettings::of(project),
            (None, None) => {
                return Ok(Self::Embedded {
                    data_dir: flags.data_dir.clone(),
                    pubsub_url: flags.pubsub_url(LOCAL_PUBSUB_URL),
                });
            }
        };
        let mut settings = Settings::new(environment);
        let outboxes = OutboxSettings::read(&mut settings);
        let outboxes = settings.finish(outboxes)?;
        let database = flags.database.clone();
        let google = GoogleCloudSettings { database, ..google };
        Ok(Self::Google(google.outboxes_told(outboxes)))
    }

    /// The system's documents, for reading. A `fanout up` that owns them is not disturbed.
    pub(crate) async fn documents(&self) -> anyhow::Result<Arc<dyn Documents>> {
        match self {
            Self::Embedded { data_dir, .. } => {
                let (file, clock) = (open_file(data_dir)?, Arc::new(SystemClock));
                Ok(Arc::new(SqliteDocuments::reading(file, clock)))
            }
            Self::Google(settings) => Ok(Arc::new(settings.documents().await.context(ADVICE)?)),
        }
    }
}

/// The embedded engine's file, for reading. A `fanout up` that owns it is not disturbed.
pub(crate) fn open_file(data_dir: &Path) -> anyhow::Result<Database> {
    let path = DataDir::existing(data_dir).database();
    ensure!(
        path.exists(),
        "there is no data in {}: start `fanout up` first, or name its folder with --data-dir",
        data_dir.display()
    );
    Ok(Database::open_to_read(&path)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use fanout_runtime::Environment;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        target: TargetFlags,
    }

    struct Variables(&'static [(&'static str, &'static str)]);

    impl Environment for Variables {
        fn get(&self, name: &str) -> Option<String> {
            let found = self.0.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    const EMULATORS: Variables = Variables(&[
        ("PUBSUB_EMULATOR_HOST", "localhost:1"),
        ("FIRESTORE_EMULATOR_HOST", "localhost:2"),
    ]);

    fn flags(arguments: &[&str]) -> TargetFlags {
        let arguments = ["fanout"].iter().chain(arguments);
        Cli::parse_from(arguments).target
    }

    fn target(arguments: &[&str], environment: &Variables) -> anyhow::Result<Target> {
        Target::from_flags(&flags(arguments), environment)
    }

    #[test]
    fn a_line_names_the_system_that_it_is_for() {
        assert_eq!(flags(&[]).in_a_line(), "");
        let cloud = flags(&["--project", "p"]);
        assert_eq!(cloud.in_a_line(), " --project 'p' --database '(default)'");
        let odd = flags(&["--database", "it's", "--pubsub-url", "http://localhost:1"]);
        let line = r" --database 'it'\''s' --pubsub-url 'http://localhost:1'";
        assert_eq!(odd.in_a_line(), line);
    }

    #[test]
    fn without_a_word_it_is_this_machine() {
        let target = target(&["--pubsub-url", "http://localhost:1/"], &Variables(&[])).unwrap();
        let Target::Embedded { pubsub_url, .. } = target else {
            panic!("{target:?}");
        };
        assert_eq!(pubsub_url, "http://localhost:1");
    }

    #[test]
    fn a_project_is_google_cloud_and_variables_are_emulators() {
        let cloud = target(&["--project", "p"], &Variables(&[])).unwrap();
        assert!(matches!(cloud, Target::Google(settings) if settings.project == "p"));
        let emulators = target(&[], &EMULATORS).unwrap();
        assert!(matches!(emulators, Target::Google(settings) if settings.project == LOCAL_PROJECT));
    }

    #[test]
    fn a_project_beside_emulator_variables_is_refused() {
        let error = target(&["--project", "p"], &EMULATORS).unwrap_err();
        assert!(error.to_string().contains("drop the flag"), "{error}");
    }

    #[test]
    fn half_a_pair_of_emulator_variables_is_refused() {
        let half = Variables(&[("PUBSUB_EMULATOR_HOST", "localhost:1")]);
        let error = target(&[], &half).unwrap_err();
        let sentence = "FIRESTORE_EMULATOR_HOST is not: set both";
        assert!(error.to_string().contains(sentence), "{error}");
    }

    #[test]
    fn an_emulator_or_project_that_cannot_be_is_refused() {
        let nowhere = Variables(&[
            ("PUBSUB_EMULATOR_HOST", "localhost:1"),
            ("FIRESTORE_EMULATOR_HOST", "::::"),
        ]);
        assert!(target(&[], &nowhere).is_err());
        let impossible = Variables(&[
            ("PUBSUB_EMULATOR_HOST", "localhost:1"),
            ("FIRESTORE_EMULATOR_HOST", "localhost:2"),
            ("GOOGLE_CLOUD_PROJECT", "bad project!"),
        ]);
        assert!(target(&[], &impossible).is_err());
    }
}
