//! The one grammar of what names something: ids, types, versions, sources, correlation.
//!
//! Names go to logs, attributes and document ids, and publishers choose them. An e-mail
//! address, a person's name with a space or a line break is none, so none of those gets there.

/// The longest identifier. The longest in use, a `traceparent`, has 55 characters.
const MAX_LENGTH: usize = 128;

/// What [`is_identifier`] asks for, after the name of what is wrong.
pub(crate) const MUST_BE: &str =
    "must have 1 to 128 characters, each a letter, a digit or one of `_-.:/`";

/// Whether a text can name something: 1 to 128 characters, each an ASCII letter, a digit or one of
/// `_-.:/`. ULIDs with a prefix, UUIDs, W3C trace ids, dotted types and plain URIs are.
pub fn is_identifier(text: &str) -> bool {
    let plain = |byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b':' | b'/');
    (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_systems_make_are_identifiers() {
        for good in [
            "evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C",
            "test-123",
            "msg_19070438201117",
            "8a5d1c1e-6f0b-4f1c-9a53-0d4a3a8f6f0e",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "user.created",
            "1.0",
            "//pubsub.googleapis.com/projects/p/topics/t",
            "https://example.com:8080/orders",
            &"x".repeat(128),
        ] {
            assert!(is_identifier(good), "{good}");
        }
    }

    #[test]
    fn what_could_be_personal_or_break_a_line_is_none() {
        for bad in [
            "",
            "ada@example.com",
            "Ada Lovelace",
            "a\nb",
            "a\0b",
            "é",
            "a%40b",
            "<a>",
            "a?b=c",
            &"x".repeat(129),
        ] {
            assert!(!is_identifier(bad), "{bad:?}");
        }
    }
}
