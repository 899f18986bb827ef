//! Where the schemas of events are published.

use std::str::FromStr;

/// The begin of a URL that stands for scheme, host and port of what types say: `http://localhost:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemasUrl(String);

/// Not such a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {}", SchemasUrl::EXPECTS)]
pub struct InvalidSchemasUrl;

impl SchemasUrl {
    /// What it looks like.
    pub const EXPECTS: &str = "a URL without a query, such as https://schemas.example.com";

    /// The same path here.
    pub(crate) fn instead_of(&self, schema: &str) -> String {
        let after_scheme = schema.split_once("://").map_or(schema, |(_, rest)| rest);
        let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
        format!("{}{path}", self.0)
    }
}

impl FromStr for SchemasUrl {
    type Err = InvalidSchemasUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSchemasUrl> {
        let host = text
            .strip_prefix("https://")
            .or(text.strip_prefix("http://"));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
        let usable = host
            .is_some_and(|it| !it.starts_with('/') && !it.is_empty() && it.chars().all(allowed));
        usable
            .then(|| Self(text.trim_end_matches('/').to_owned()))
            .ok_or(InvalidSchemasUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_stays_and_the_place_is_another() {
        let at: SchemasUrl = "http://127.0.0.1:8080/".parse().unwrap();
        let there = at.instead_of("https://schemas.example.com/user-created/v1");
        assert_eq!(there, "http://127.0.0.1:8080/user-created/v1");
        for bad in [
            "",
            "schemas.example.com",
            "ftp://x",
            "https://",
            "https:///x",
            "http://x?y",
            "http://a b",
        ] {
            assert_eq!(bad.parse::<SchemasUrl>(), Err(InvalidSchemasUrl), "{bad}");
        }
    }
}
