//! The schemas of every version that was ever published, as they are committed.

use fanout_events::Version;

/// The two schemas of one version of a type, as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Released {
    /// The type.
    pub event_type: &'static str,
    /// `MAJOR.MINOR`
    pub version: &'static str,
    /// What is written, and nothing else.
    pub writer: &'static str,
    /// What is read.
    pub reader: &'static str,
}

/// All of them, by type.
pub static RELEASED: &[Released] = include!(concat!(env!("OUT_DIR"), "/released.rs"));

/// The schemas of one version of a type.
pub fn released(event_type: &str, version: &str) -> Option<&'static Released> {
    RELEASED
        .iter()
        .find(|it| (it.event_type, it.version) == (event_type, version))
}

/// What stands where `metadata.schema` says: the newest version of that major, whose reader takes all
/// that was written in it.
pub fn newest_of_major(event_type: &str, major: u32) -> Option<&'static Released> {
    let of_major = RELEASED.iter().filter_map(|it| {
        let version: Version = it.version.parse().ok()?;
        (it.event_type == event_type && version.major == major).then_some((version, it))
    });
    of_major
        .max_by_key(|(version, _)| *version)
        .map(|(_, it)| it)
}
