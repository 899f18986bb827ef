//! Ids and randomness as a port.

/// Crockford's base32: no I, L, O or U, which people misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Which bytes are in it.
const IN_ALPHABET: [bool; 256] = {
    let mut is_in = [false; 256];
    let mut place = 0;
    while place < ALPHABET.len() {
        is_in[ALPHABET[place] as usize] = true;
        place += 1;
    }
    is_in
};
/// How many characters follow the prefix: 130 bits.
const LENGTH: usize = 26;

/// Where ids and randomness come from. Tests put a seeded generator in its place.
pub trait IdGenerator: Send + Sync + 'static {
    /// A new id: `prefix` + `_` + 26 random characters of base32, for example `evt_7Q4M8T...`. Not
    /// sortable, on purpose: document ids that rise in time lie on one server, and hold Firestore
    /// to a few hundred writes a second.
    fn new_id(&self, prefix: &str) -> String;

    /// A number from 0 (inclusive) to 1 (exclusive), for jitter.
    fn fraction(&self) -> f64;
}

/// Ids from the machine's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl IdGenerator for SystemIds {
    fn new_id(&self, prefix: &str) -> String {
        id_of(prefix, &rand::random::<[u8; 17]>())
    }

    fn fraction(&self) -> f64 {
        rand::random()
    }
}

/// The id whose 26 characters are the first 130 bits of these bytes; missing bits are 0. For ids
/// that follow from something, such as a hash.
///
/// ```
/// assert_eq!(fanout_runtime::id_of("evt", &[0xff; 17]), "evt_ZZZZZZZZZZZZZZZZZZZZZZZZZZ");
/// ```
pub fn id_of(prefix: &str, bytes: &[u8]) -> String {
    let mut id = String::with_capacity(prefix.len() + 1 + LENGTH);
    id.push_str(prefix);
    id.push('_');
    let mut bytes = bytes.iter().copied();
    let (mut bits, mut left) = (0_u16, 0);
    for _ in 0..LENGTH {
        if left < 5 {
            bits = bits << 8 | u16::from(bytes.next().unwrap_or(0));
            left += 8;
        }
        left -= 5;
        id.push(char::from(ALPHABET[usize::from(bits >> left & 31)]));
    }
    id
}

/// Whether an id has the form of [`id_of`] under this prefix.
pub fn is_id_of(prefix: &str, id: &str) -> bool {
    let characters = id
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'));
    characters.is_some_and(|rest| {
        rest.len() == LENGTH && rest.bytes().all(|byte| IN_ALPHABET[usize::from(byte)])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_id_is_the_prefix_and_26_characters_that_differ() {
        let ids: BTreeSet<String> = (0..100).map(|_| SystemIds.new_id("evt")).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| is_id_of("evt", id)), "{ids:?}");
    }

    /// A shared beginning would put all new documents on one server.
    #[test]
    fn ids_begin_with_any_character() {
        let ids = (0..2000).map(|_| SystemIds.new_id("evt"));
        let first: BTreeSet<Option<char>> = ids.map(|id| id.chars().nth(4)).collect();
        assert_eq!(first.len(), 32);
    }

    #[test]
    fn an_id_of_bytes_is_their_base32() {
        let bytes: Vec<u8> = (0..17).collect();
        assert_eq!(id_of("evt", &bytes), "evt_000G40R40M30E209185GR38E1W");
        assert_eq!(id_of("evt", &[]), format!("evt_{}", "0".repeat(26)));
    }

    #[test]
    fn other_texts_are_no_ids() {
        let good = id_of("evt", &[7; 17]);
        assert!(is_id_of("evt", &good));
        for bad in [
            "",
            "evt",
            "evt_",
            "evt_01",
            &good.to_lowercase(),
            &format!("{good}0"),
        ] {
            assert!(!is_id_of("evt", bad), "{bad}");
        }
        assert!(!is_id_of("usr", &good));
    }

    #[test]
    fn a_fraction_is_below_one() {
        for _ in 0..1000 {
            let fraction = SystemIds.fraction();
            assert!((0.0..1.0).contains(&fraction), "{fraction}");
        }
    }
}
