//! How many documents share a day's count.

use fanout_runtime::Settings;
use fanout_store::spread;

/// The most there may be: every one of them is read for every day of an answer.
const MOST: u32 = 64;

/// How many documents share a day's count, so that sign-ups at the same time seldom meet at one:
/// Firestore takes about one write a second to a document for long.
///
/// The number may change at any time. What was counted before stays where it is, and is summed with
/// the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards(u32);

impl Shards {
    /// Reads `SIGNUP_SHARDS`, by default 16.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let expects = format!("a whole number from 1 to {MOST}");
        let shards = settings.optional_as("SIGNUP_SHARDS", &expects, Self::parse);
        shards.or(Self::default())
    }

    /// Takes what `SIGNUP_SHARDS` can be.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.parse().ok();
        number.filter(|it| (1..=MOST).contains(it)).map(Self)
    }

    /// Where an event is counted, from 0: always the same for the same event.
    pub(crate) fn shard_of(self, event_id: &str) -> u64 {
        spread(event_id, self.0.into())
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self(16)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    fn read(value: &str) -> Result<Shards, Vec<String>> {
        let variables = HashMap::from([("SIGNUP_SHARDS".to_owned(), value.to_owned())]);
        let mut settings = Settings::new(&variables);
        let shards = Shards::read(&mut settings);
        settings.finish(shards).map_err(|error| error.faults)
    }

    #[test]
    fn sixteen_is_the_default_and_anything_from_1_to_64_can_be_set() {
        assert_eq!(read(""), Ok(Shards(16)));
        assert_eq!(read("1"), Ok(Shards(1)));
        assert_eq!(read("64"), Ok(Shards(64)));
    }

    #[test]
    fn what_cannot_be_a_number_of_shards_is_named_with_what_can() {
        for bad in ["0", "65", "-1", "1.5", "many"] {
            let fault = "SIGNUP_SHARDS is set to something else than a whole number from 1 to 64 (its value is not shown).";
            assert_eq!(read(bad), Err(vec![fault.to_owned()]), "{bad}");
        }
    }

    #[test]
    fn events_spread_over_all_shards() {
        let mut counted: BTreeMap<u64, u32> = BTreeMap::new();
        for number in 0..1600 {
            let shard = Shards::default().shard_of(&format!("evt_{number}"));
            *counted.entry(shard).or_default() += 1;
        }
        assert!(counted.keys().copied().eq(0..16));
        assert!(counted.values().all(|count| (50..200).contains(count)));
    }
}
