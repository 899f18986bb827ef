//! Ids that can stand in a header, a URL and a file name.

use sha2::{Digest, Sha256};

/// The id itself where it can stand there, else its SHA-256: any text can be an id.
pub(crate) fn plain_id(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=100).contains(&id.len()) && id.chars().all(plain) {
        id.to_owned()
    } else {
        hex::encode(Sha256::digest(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_break_a_header_or_a_file_name_is_replaced() {
        assert_eq!(plain_id("evt_1"), "evt_1");
        for odd in ["", "../x", "a b", "<x>", &"x".repeat(2048)] {
            assert_eq!(plain_id(odd).len(), 64, "{odd}");
        }
    }
}
