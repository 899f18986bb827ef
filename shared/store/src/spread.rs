//! Work that is spread over several documents, so that writers at the same time seldom meet at one.

use sha2::{Digest, Sha256};

/// Which of so many documents an id belongs to, from 0: always the same, and about as many ids to each.
pub fn spread(id: &str, over: u64) -> u64 {
    let digest = Sha256::digest(id);
    let head = digest.iter().take(8);
    let number = head.fold(0, |number, byte| (number << 8) | u64::from(*byte));
    number.checked_rem(over).unwrap_or_default()
}
