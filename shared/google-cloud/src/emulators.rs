//! Where Google's emulators are, if that is where to work.

use fanout_runtime::{Setting, Settings};

use super::names::{EMULATOR_HOST, emulator_host};

/// Where both emulators listen, each `host:port`. One alone would mix an emulator with production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmulatorHosts {
    /// `PUBSUB_EMULATOR_HOST`
    pub pubsub: String,
    /// `FIRESTORE_EMULATOR_HOST`
    pub firestore: String,
}

impl EmulatorHosts {
    /// Reads the pair of variables. Half a pair is a fault.
    pub fn read(settings: &mut Settings<'_>) -> Setting<Self> {
        let mut host = |name| settings.optional_as(name, EMULATOR_HOST, emulator_host);
        let pubsub = host("PUBSUB_EMULATOR_HOST");
        let firestore = host("FIRESTORE_EMULATOR_HOST");
        match (pubsub, firestore) {
            (Setting::Absent, Setting::Absent) => Setting::Absent,
            (Setting::Is(pubsub), Setting::Is(firestore)) => {
                Setting::Is(Self { pubsub, firestore })
            }
            (Setting::Is(_), Setting::Absent) => {
                settings.fault(half("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"));
                Setting::Bad
            }
            (Setting::Absent, Setting::Is(_)) => {
                settings.fault(half("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"));
                Setting::Bad
            }
            (Setting::Bad, _) | (_, Setting::Bad) => Setting::Bad,
        }
    }
}

fn half(set: &str, not_set: &str) -> String {
    format!(
        "{set} is set and {not_set} is not: set both to work on Google's emulators, or neither."
    )
}
