//! Pub/Sub's filter language: which messages a subscription wants, by their attributes.
//!
//! `attributes:k`, `attributes.k = "v"`, `attributes.k != "v"`, `hasPrefix(attributes.k, "v")`,
//! joined by `AND`, `OR`, `NOT` (or `-`) and parentheses. A key with other characters than letters,
//! digits, `-` and `_` is put in quotes.

mod parser;

use std::collections::BTreeMap;
use std::str::FromStr;

/// The longest filter that Pub/Sub takes, in bytes.
const LONGEST: usize = 256;

/// A filter, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFilter(Expression);

/// Why a text is no filter, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter {0}")]
pub struct InvalidFilter(String);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    Has(String),
    Equals(String, String),
    HasPrefix(String, String),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

impl AttributeFilter {
    /// Whether a message with these attributes is wanted.
    pub fn matches(&self, attributes: &BTreeMap<String, String>) -> bool {
        self.0.matches(attributes)
    }
}

impl FromStr for AttributeFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST {
            let fault = format!("has {} bytes; Pub/Sub takes {LONGEST}", text.len());
            return Err(InvalidFilter(fault));
        }
        parser::parse(text).map(Self)
    }
}

impl Expression {
    fn matches(&self, attributes: &BTreeMap<String, String>) -> bool {
        let value = |key| attributes.get(key);
        match self {
            Self::Has(key) => value(key).is_some(),
            Self::Equals(key, wanted) => value(key) == Some(wanted),
            Self::HasPrefix(key, prefix) => {
                value(key).is_some_and(|value| value.starts_with(prefix.as_str()))
            }
            Self::Not(inner) => !inner.matches(attributes),
            Self::All(parts) => parts.iter().all(|part| part.matches(attributes)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(attributes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(filter: &str, attributes: &[(&str, &str)]) -> bool {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let filter: AttributeFilter = filter.parse().unwrap();
        filter.matches(&attributes.iter().map(owned).collect())
    }

    #[test]
    fn each_comparison_means_what_pubsub_says() {
        let table = [
            (r"attributes:k", [true, true, false]),
            (r#"attributes.k = "v""#, [true, false, false]),
            (r#"attributes.k="v""#, [true, false, false]),
            (r#"attributes.k != "v""#, [false, true, true]),
            (r#"hasPrefix(attributes.k, "v2")"#, [false, true, false]),
            (r#"hasPrefix(attributes.k,"v")"#, [true, true, false]),
            (r"NOT attributes:k", [false, false, true]),
            (r"-attributes:k", [false, false, true]),
            (r"NOT (NOT attributes:k)", [true, true, false]),
        ];
        for (filter, expected) in table {
            let found = [
                matches(filter, &[("k", "v")]),
                matches(filter, &[("k", "v2"), ("other", "v")]),
                matches(filter, &[]),
            ];
            assert_eq!(found, expected, "{filter}");
        }
    }

    #[test]
    fn keys_with_other_characters_are_quoted() {
        let filter = r#"attributes."iana.org/type" = "a\"\\b" AND attributes:"ce-type""#;
        assert!(matches(
            filter,
            &[("iana.org/type", r#"a"\b"#), ("ce-type", "")]
        ));
        assert!(matches(
            r"attributes:ce-type",
            &[("ce-type", "user.created")]
        ));
    }

    #[test]
    fn the_systems_own_filter_lets_messages_without_a_type_through() {
        let filter = r#"attributes."ce-type" = "user.created" OR NOT attributes:"ce-type""#;
        assert!(matches(filter, &[("ce-type", "user.created")]));
        assert!(matches(filter, &[]));
        assert!(!matches(filter, &[("ce-type", "user.deleted")]));
    }

    #[test]
    fn and_or_and_parentheses_combine() {
        let filter =
            r#"attributes:a AND (attributes:b OR attributes.c = "1") AND NOT attributes:d"#;
        assert!(matches(filter, &[("a", ""), ("b", "")]));
        assert!(matches(filter, &[("a", ""), ("c", "1")]));
        assert!(!matches(filter, &[("a", ""), ("c", "2")]));
        assert!(!matches(filter, &[("a", ""), ("b", ""), ("d", "")]));
    }

    #[test]
    fn what_is_no_filter_is_refused_with_the_place() {
        let table = [
            ("", 0, "a comparison"),
            ("nonsense", 0, "a comparison"),
            ("attributes", 10, "`.` or `:`"),
            ("attributes.", 11, "an attribute's key"),
            ("attributes.k", 12, "`=` or `!=`"),
            ("attributes.k = v", 15, "a text in double quotes"),
            (r#"attributes.k = "v"#, 17, "a closing quote"),
            (r"attributes:k AND", 16, "a comparison"),
            (r"attributes:k and attributes:l", 13, "AND, OR or the end"),
            (r"(attributes:k", 13, "`)`"),
            (r"attributes:k)", 12, "AND, OR or the end"),
            (r#"hasPrefix(attributes:k, "v")"#, 20, "`.`"),
            (r#"hasSuffix(attributes.k, "v")"#, 0, "a comparison"),
        ];
        for (filter, at, expected) in table {
            let error = filter.parse::<AttributeFilter>().unwrap_err();
            let expected = format!(
                "the filter is not in Pub/Sub's filter language: {expected} expected at byte {at}"
            );
            assert_eq!(error.to_string(), expected, "{filter}");
        }
    }

    #[test]
    fn every_escape_stands_for_its_character() {
        for (escape, character) in [
            (r"\\", '\\'),
            (r#"\""#, '"'),
            (r"\'", '\''),
            (r"\a", '\u{7}'),
            (r"\b", '\u{8}'),
            (r"\f", '\u{c}'),
            (r"\n", '\n'),
            (r"\r", '\r'),
            (r"\t", '\t'),
            (r"\v", '\u{b}'),
            (r"\101", 'A'),
            (r"\x41", 'A'),
            (r"\u0041", 'A'),
            (r"\u00e4", 'ä'),
            (r"\U0001F600", '😀'),
        ] {
            let filter = format!(r#"attributes.k = "<{escape}0>""#);
            let value = format!("<{character}0>");
            assert!(matches(&filter, &[("k", &value)]), "{filter}");
        }
        for escape in [
            r"\x",
            r"\xZ1",
            r"\x+1",
            r"\9",
            r"\12",
            r"\400",
            r"\u041",
            r"\uD83D",
            r"\U00110000",
            r"\q",
            r"\xä",
            r"\",
        ] {
            let filter = format!(r#"attributes.k = "{escape}""#);
            let error = filter.parse::<AttributeFilter>().unwrap_err();
            let said = error.to_string();
            let refused = said.ends_with("at byte 16") || said.ends_with("at byte 18");
            assert!(refused, "{filter}: {error}");
        }
    }

    #[test]
    fn and_and_or_need_parentheses_between_them() {
        let error = "attributes:a AND attributes:b OR attributes:c"
            .parse::<AttributeFilter>()
            .unwrap_err();
        let expected = "parentheses between AND and OR expected at byte 30";
        assert!(error.to_string().ends_with(expected), "{error}");
    }

    #[test]
    fn a_filter_of_256_bytes_is_taken_and_one_more_is_not() {
        let filter = |length: usize| format!("attributes:{}", "k".repeat(length - 11));
        assert!(filter(256).parse::<AttributeFilter>().is_ok());
        let error = filter(257).parse::<AttributeFilter>().unwrap_err();
        let expected = "the filter has 257 bytes; Pub/Sub takes 256";
        assert_eq!(error.to_string(), expected);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in r#"(attributes|AND|OR|NOT|hasPrefix|[-().:=!,"\\ kä]|\\[01x4uU])*"#) {
            let _ = text.parse::<AttributeFilter>();
        }
    }
}
