//! The names that a container is told, each checked before anything is done with it.

use http::uri::Authority;

/// What [`project_id`] takes, for a message about something else.
pub const PROJECT_ID: &str = "a Google Cloud project's id: lower-case letters, digits and hyphens";
pub(super) const DATABASE_ID: &str =
    "a Firestore database's id: `(default)`, or 4 to 63 lower-case letters, digits and hyphens";
pub(super) const EMULATOR_HOST: &str = "an emulator's host:port, such as localhost:8085";

/// A Google Cloud project's id: up to 30 lower-case letters, digits and hyphens, a letter first, no
/// hyphen last; after the domain and a colon in projects of old. (The service also asks for 6 at least;
/// its emulators do not.)
/// <https://cloud.google.com/resource-manager/docs/creating-managing-projects>
pub fn project_id(text: &str) -> Option<String> {
    let (domain, id) = match text.split_once(':') {
        Some((domain, id)) => (Some(domain), id),
        None => (None, text),
    };
    let domain_fits = domain.is_none_or(|domain| domain.split('.').all(is_label));
    (domain_fits && id.len() <= 30 && is_label(id)).then(|| text.to_owned())
}

/// A Firestore database's id: `(default)`, or 4 to 63 lower-case letters, digits and hyphens, a letter
/// first, no hyphen last. <https://cloud.google.com/firestore/docs/manage-databases>
pub(super) fn database_id(text: &str) -> Option<String> {
    let named = (4..=63).contains(&text.len()) && is_label(text);
    (text == "(default)" || named).then(|| text.to_owned())
}

/// `host:port` of an emulator. `http://` before it and a slash after it are cut off.
pub(super) fn emulator_host(text: &str) -> Option<String> {
    let host = text.strip_prefix("http://").unwrap_or(text);
    let host = host.strip_suffix('/').unwrap_or(host);
    let authority: Authority = host.parse().ok()?;
    let fits = !authority.host().is_empty()
        && authority.port_u16().is_some_and(|port| port > 0)
        && !host.contains('@');
    fits.then(|| host.to_owned())
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

    /// Which of these texts a check takes.
    fn taken<'a>(check: fn(&str) -> Option<String>, texts: &[&'a str]) -> Vec<&'a str> {
        let is_taken = |text: &&str| check(text).is_some();
        texts.iter().copied().filter(is_taken).collect()
    }

    const NONSENSE: [&str; 6] = ["", "x y", "bad project!", "a\nb", "é-é-é-é", "a/b/c"];

    #[test]
    fn names_that_google_gives_are_taken() {
        let projects = ["test", "my-project-123", "example.com:my-project", "p"];
        assert_eq!(taken(project_id, &projects), projects);
        let databases = ["(default)", "fanout", "db-1"];
        assert_eq!(taken(database_id, &databases), databases);
        let hosts = ["localhost:8085", "127.0.0.1:1", "[::1]:8432", "emulator:80"];
        assert_eq!(taken(emulator_host, &hosts), hosts);
    }

    #[test]
    fn what_google_would_refuse_is_refused_here() {
        let none = Vec::<&str>::new();
        assert_eq!(taken(project_id, &NONSENSE), none);
        let projects = ["Test", "1test", "test-", "te_st", ":test", &"x".repeat(31)];
        assert_eq!(taken(project_id, &projects), none);
        assert_eq!(taken(database_id, &NONSENSE), none);
        let databases = ["default", "(other)", "Fanout", &"x".repeat(64)];
        assert_eq!(taken(database_id, &databases), ["default"]);
        assert_eq!(taken(emulator_host, &NONSENSE), none);
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
        assert_eq!(taken(emulator_host, &hosts), none);
    }

    #[test]
    fn a_scheme_and_a_slash_are_no_part_of_a_host() {
        for text in ["http://localhost:8085", "localhost:8085/"] {
            assert_eq!(emulator_host(text).unwrap(), "localhost:8085");
        }
    }
}
