//! The names that a container is told, each checked before anything is done with it.

use std::str::FromStr;

use http::uri::Authority;

/// A Google Cloud project's id.
///
/// Up to 30 lower-case letters, digits and hyphens, a letter first, no hyphen last; after the domain
/// and a colon in projects of old. (The service also asks for 6 at least; its emulators do not.)
/// <https://cloud.google.com/resource-manager/docs/creating-managing-projects>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectId(String);

/// A Firestore database's id: `(default)`, or 4 to 63 lower-case letters, digits and hyphens, a
/// letter first, no hyphen last. <https://cloud.google.com/firestore/docs/manage-databases>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseId(String);

/// `host:port` of an emulator. `http://` before it and a slash after it are cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmulatorHost(String);

/// Not what it must be. Does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct InvalidName(&'static str);

macro_rules! name {
    ($name:ident, $check:ident, $expects:literal) => {
        impl $name {
            /// What belongs there, for a message about something else.
            pub const EXPECTS: &'static str = $expects;
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let checked = $check(text).ok_or(InvalidName(Self::EXPECTS))?;
                Ok(Self(checked.to_owned()))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name!(
    ProjectId,
    project_id,
    "a Google Cloud project's id: lower-case letters, digits and hyphens"
);
name!(
    DatabaseId,
    database_id,
    "a Firestore database's id: `(default)`, or 4 to 63 lower-case letters, digits and hyphens"
);
name!(
    EmulatorHost,
    emulator_host,
    "an emulator's host:port, such as localhost:8085"
);

fn project_id(text: &str) -> Option<&str> {
    let (domain, id) = match text.split_once(':') {
        Some((domain, id)) => (Some(domain), id),
        None => (None, text),
    };
    let domain_fits = domain.is_none_or(|domain| domain.split('.').all(is_label));
    (domain_fits && id.len() <= 30 && is_label(id)).then_some(text)
}

fn database_id(text: &str) -> Option<&str> {
    let named = (4..=63).contains(&text.len()) && is_label(text);
    (text == "(default)" || named).then_some(text)
}

fn emulator_host(text: &str) -> Option<&str> {
    let host = text.strip_prefix("http://").unwrap_or(text);
    let host = host.strip_suffix('/').unwrap_or(host);
    let authority: Authority = host.parse().ok()?;
    let fits = !authority.host().is_empty()
        && authority.port_u16().is_some_and(|port| port > 0)
        && !host.contains('@');
    fits.then_some(host)
}

/// Lower-case letters, digits and hyphens: a letter first, no hyphen last.
fn is_label(text: &str) -> bool {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these texts are taken.
    fn taken<'a, T: FromStr>(texts: &[&'a str]) -> Vec<&'a str> {
        let is_taken = |text: &&str| text.parse::<T>().is_ok();
        texts.iter().copied().filter(is_taken).collect()
    }

    const NONSENSE: [&str; 6] = ["", "x y", "bad project!", "a\nb", "é-é-é-é", "a/b/c"];

    #[test]
    fn names_that_google_gives_are_taken() {
        let projects = ["test", "my-project-123", "example.com:my-project", "p"];
        assert_eq!(taken::<ProjectId>(&projects), projects);
        let databases = ["(default)", "fanout", "db-1"];
        assert_eq!(taken::<DatabaseId>(&databases), databases);
        let hosts = ["localhost:8085", "127.0.0.1:1", "[::1]:8432", "emulator:80"];
        assert_eq!(taken::<EmulatorHost>(&hosts), hosts);
    }

    #[test]
    fn what_google_would_refuse_is_refused_here() {
        let none = Vec::<&str>::new();
        assert_eq!(taken::<ProjectId>(&NONSENSE), none);
        let projects = ["Test", "1test", "test-", "te_st", ":test", &"x".repeat(31)];
        assert_eq!(taken::<ProjectId>(&projects), none);
        assert_eq!(taken::<DatabaseId>(&NONSENSE), none);
        let databases = ["default", "(other)", "Fanout", &"x".repeat(64)];
        assert_eq!(taken::<DatabaseId>(&databases), ["default"]);
        assert_eq!(taken::<EmulatorHost>(&NONSENSE), none);
        let hosts = [
            "::::",
            ":8085",
            "localhost",
            "localhost:",
            "localhost:0",
            "localhost:99999",
            "ada@localhost:1",
            "https://localhost:1",
            "localhost:1/path",
        ];
        assert_eq!(taken::<EmulatorHost>(&hosts), none);
    }

    #[test]
    fn a_scheme_and_a_slash_are_no_part_of_a_host() {
        for text in ["http://localhost:8085", "localhost:8085/"] {
            let host: EmulatorHost = text.parse().unwrap();
            assert_eq!(String::from(host), "localhost:8085");
        }
    }
}
