//! Where Google's emulators are, if that is where to work.

use fanout_runtime::{Setting, Settings};

use super::names::{EMULATOR_HOST, emulator_host};

const PUBSUB: &str = "PUBSUB_EMULATOR_HOST";
const FIRESTORE: &str = "FIRESTORE_EMULATOR_HOST";

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
        let (set, not_set) = match (host(PUBSUB), host(FIRESTORE)) {
            (Setting::Absent, Setting::Absent) => return Setting::Absent,
            (Setting::Is(pubsub), Setting::Is(firestore)) => {
                return Setting::Is(Self { pubsub, firestore });
            }
            (Setting::Bad, _) | (_, Setting::Bad) => return Setting::Bad,
            (Setting::Is(_), Setting::Absent) => (PUBSUB, FIRESTORE),
            (Setting::Absent, Setting::Is(_)) => (FIRESTORE, PUBSUB),
        };
        settings.fault(format!(
            "{set} is set and {not_set} is not: set both to work on Google's emulators, or neither."
        ));
        Setting::Bad
    }
}
