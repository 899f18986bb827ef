//! Names, where somebody else reads them. A stranger can sign up with any address and any name, and
//! the mail goes to the owner of the address: it must not carry the stranger's message.

use fanout_events::PersonName;

/// How much of a name is shown.
const SHOWN: usize = 60;
/// What links and addresses are joined by, in all the forms that programs read as such.
const JOINTS: &str = ".:/\\@。．｡․﹒：﹕／⁄∕＼＠﹫";

/// The name with a gap after each joint, so that no program finds a link in it, and its first 60
/// characters.
pub fn harmless(name: &PersonName) -> String {
    let mut shown = String::new();
    let mut rest = name.expose().chars().peekable();
    while let Some(c) = rest.next() {
        shown.push(c);
        if JOINTS.contains(c) && rest.peek().is_some_and(|next| !next.is_whitespace()) {
            shown.push(' ');
        }
    }
    if shown.chars().count() > SHOWN {
        let cut: String = shown.chars().take(SHOWN - 1).collect();
        shown = format!("{}…", cut.trim_end());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> String {
        harmless(&PersonName::parse(name).unwrap())
    }

    #[test]
    fn a_name_is_shown_as_it_is() {
        for name in [
            "Ada Lovelace",
            "Dr. Ada",
            "李",
            "O'Neil",
            "=?x?=",
            "<b>",
            "Ada, Jr.",
        ] {
            assert_eq!(shown(name), name);
        }
        assert_eq!(shown("J.R.R. Tolkien"), "J. R. R. Tolkien");
    }

    #[test]
    fn no_program_finds_a_link_in_a_name() {
        for (name, expected) in [
            (
                "https://evil.example/?x=1",
                "https: / / evil. example/ ?x=1",
            ),
            ("www.evil.example", "www. evil. example"),
            ("mallory@evil.example", "mallory@ evil. example"),
            ("mailto:mallory", "mailto: mallory"),
            ("evil。example", "evil。 example"),
            ("evil．example", "evil． example"),
            (r"\\evil\x", r"\ \ evil\ x"),
            ("https：／／evil", "https： ／ ／ evil"),
            ("evil.\u{200b}example", "evil. \u{200b}example"),
        ] {
            assert_eq!(shown(name), expected);
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown(&"é".repeat(60)), "é".repeat(60));
        assert_eq!(shown(&"é".repeat(61)), format!("{}…", "é".repeat(59)));
        assert_eq!(shown(&"a.".repeat(60)).chars().count(), 60);
    }
}
