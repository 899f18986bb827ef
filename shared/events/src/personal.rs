//! Personal data as types that do not print themselves: logs, errors and panics show `[redacted]`.
//!
//! The one grammar of addresses and names: user-service, every event and every mail go by it.

use std::fmt;

use icu_normalizer::ComposingNormalizer;
use icu_properties::props::{
    BidiControl, DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup,
    NoncharacterCodePoint,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::Serialize;

/// An address that mail can be sent to, composed (NFC), in its owner's letters and case.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// A person's name, one line of text that shows something. What it says is up to its owner.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PersonName(String);

/// Not usable as an e-mail address. Does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as name@example.com, at most 254 characters")]
pub struct InvalidEmailAddress;

/// Not usable as a name. Does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have 1 to 200 characters, at least one that shows, and none that controls lines or direction"
)]
pub struct InvalidPersonName;

impl EmailAddress {
    /// Takes an address of RFC 5321 with its lengths: 64 bytes before the `@`, 254 in all, also once
    /// the domain is in ASCII. RFC 6531's characters beyond ASCII are welcome on both sides, but for
    /// those that do not show; they are composed, because `é` can be typed as one character or as
    /// two.
    ///
    /// The domain has two labels at least and is no IP address. A quoted local part is refused:
    /// `"ada"@example.com` is another spelling of `ada@example.com`.
    pub fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let text = ComposingNormalizer::new_nfc().normalize(text);
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        let domain = in_ascii(domain).ok_or(InvalidEmailAddress)?;
        let fits = text.len().max(local.len() + 1 + domain.len()) <= 254;
        let shows = text.chars().all(|c| c.is_ascii() || is_international(c));
        if fits && shows && is_local_part(local) {
            Ok(Self(text.into_owned()))
        } else {
            Err(InvalidEmailAddress)
        }
    }

    /// An address that was checked when it was stored: the grammar may have become stricter since.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The address, to send or store it; never to log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`, and the domain as servers know it: in ASCII and lower case.
    /// `None` for an address stored under an older grammar, whose domain has no such form.
    pub fn parts(&self) -> Option<(&str, String)> {
        let (local, domain) = self.0.rsplit_once('@')?;
        Some((local, in_ascii(domain)?))
    }
}

fn is_local_part(local: &str) -> bool {
    let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(is_atom_char);
    local.len() <= 64 && local.split('.').all(is_atom)
}

/// RFC 5322's atext, and what RFC 6531 adds to it.
fn is_atom_char(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// What RFC 6531 welcomes beyond ASCII. What does not show, or is no character yet, would make two
/// addresses of what looks like one.
fn is_international(c: char) -> bool {
    let unassigned =
        CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::Unassigned;
    !(c.is_control() || c.is_whitespace() || unassigned || is_ignorable(c))
}

/// The A-labels of a name of two labels at least, of which the last is no number.
fn in_ascii(domain: &str) -> Option<String> {
    let domain = idna::domain_to_ascii_strict(domain).ok()?;
    let (_, last) = domain.rsplit_once('.')?;
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number).then_some(domain)
}

impl PersonName {
    /// Takes 1 to 200 characters after trimming. One of them shows something; none of them breaks
    /// the line or turns the direction of the text around it.
    pub fn parse(text: &str) -> Result<Self, InvalidPersonName> {
        let name = text.trim();
        let fits = (1..=200).contains(&name.chars().count());
        if fits && name.chars().any(shows) && !name.chars().any(controls) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidPersonName)
        }
    }

    /// A name that was checked when it was stored: the rules may have become stricter since.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name, to show or store it; never to log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Whether a reader sees something where this stands alone. Some symbols are blank by design: an
/// empty braille cell, a null notehead, the place of an object that is not there.
fn shows(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let blank = matches!(c, '\u{2800}' | '\u{fffc}' | '\u{1d159}')
        || category == GeneralCategory::Format
        || GeneralCategoryGroup::Mark.contains(category);
    !(blank || c.is_whitespace() || c.is_control() || is_ignorable(c))
}

fn controls(c: char) -> bool {
    let beyond_ascii = || {
        matches!(c, '\u{2028}' | '\u{2029}')
            || CodePointSetData::new::<BidiControl>().contains(c)
            || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
    };
    c.is_control() || !c.is_ascii() && beyond_ascii()
}

/// By property, not by category: U+3164 is a letter and shows nothing.
fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("EmailAddress([redacted])")
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PersonName([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_does_not_print_itself() {
        let address = EmailAddress::parse("Ada.Lovelace+X@BÜCHER.example").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress([redacted])");
        assert_eq!(address.expose(), "Ada.Lovelace+X@BÜCHER.example");
        let parts = ("Ada.Lovelace+X", "xn--bcher-kva.example".to_owned());
        assert_eq!(address.parts(), Some(parts));
    }

    #[test]
    fn addresses_of_every_script_are_taken() {
        for address in [
            "संपर्क@डाटामेल.भारत",
            "हिन्दी@example.com",
            "ผู้ใช้@example.com",
            "ব্যবহার@example.com",
            "தமிழ்@example.com",
            "ọ̀ba@example.com",
            "اسم@example.com",
            "用户@例え.テスト",
            "👋@example.com",
            "o'neil+tag@example.com",
            "ada@xn--bcher-kva.example",
        ] {
            let taken = EmailAddress::parse(address).unwrap_or_else(|_| panic!("{address}"));
            assert_eq!(taken.expose(), address);
            assert!(taken.parts().is_some_and(|(_, domain)| domain.is_ascii()));
        }
    }

    #[test]
    fn a_decomposed_address_is_kept_composed() {
        for (typed, kept) in [
            ("jose\u{301}@example.com", "jos\u{e9}@example.com"),
            ("mu\u{308}ller@example.com", "m\u{fc}ller@example.com"),
            (
                "nguye\u{302}\u{303}n@example.com",
                "nguy\u{1ec5}n@example.com",
            ),
            ("ada@bu\u{308}cher.example", "ada@b\u{fc}cher.example"),
        ] {
            assert_eq!(EmailAddress::parse(typed).unwrap().expose(), kept);
        }
    }

    #[test]
    fn lengths_are_those_of_rfc_5321() {
        let is_taken = |text: &str| EmailAddress::parse(text).is_ok();
        let local = "a".repeat(64);
        let label = "d".repeat(59);
        let domain = format!("{label}.{label}.{label}.example");
        assert_eq!(domain.len() + 1 + local.len(), 252);
        assert!(is_taken(&format!("{local}@{domain}")));
        assert!(is_taken(&format!("{local}@aa{domain}")));
        assert!(!is_taken(&format!("{local}@aaa{domain}")));
        assert!(!is_taken(&format!("{local}a@example.com")));
        assert!(is_taken(&format!("{}@example.com", "é".repeat(32))));
        assert!(!is_taken(&format!("{}@example.com", "é".repeat(33))));
        let domain = format!("{}example", "ü.".repeat(40));
        assert!(domain.len() < 200);
        assert!(!is_taken(&format!("a@{domain}")), "in ASCII");
    }

    #[test]
    fn what_no_mail_can_be_sent_to_is_refused() {
        for bad in [
            "",
            "ada",
            "@",
            "@example.com",
            "ada@",
            "a@b@example.com",
            "a b@example.com",
            "ada@example.com\r\nBcc: x@y.z",
            "ada@localhost",
            "ada@-example.com",
            "ada@exa_mple.com",
            "ada@example..com",
            "ada@.example.com",
            "ada@example.com.",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "\"ada\"@example.com",
            "\"a b\"@example.com",
            "Ada <ada@example.com>",
            "<ada@example.com>",
            "ada@xn--a.example",
            "ada,b@example.com",
            "ada@exam\u{0}ple.com",
            "ada\u{85}@example.com",
            "ada\u{a0}b@example.com",
            "ada\u{2028}@example.com",
            "a\u{ad}da@example.com",
            "ada\u{200b}@example.com",
            "ada\u{202e}@example.com",
            "ada\u{3164}@example.com",
            "❤\u{fe0f}@example.com",
            "ada\u{fdd0}@example.com",
            "ada\u{378}@example.com",
            "ada@exam\u{ad}ple.com",
            "ada@exam\u{200b}ple.com",
        ] {
            assert_eq!(
                EmailAddress::parse(bad),
                Err(InvalidEmailAddress),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(PersonName::parse("  Ada  ").unwrap().expose(), "Ada");
        assert!(PersonName::parse(&"é".repeat(200)).is_ok());
        for bad in ["", "   ", "a\nb", &"x".repeat(201)] {
            assert_eq!(PersonName::parse(bad), Err(InvalidPersonName), "{bad:?}");
        }
    }

    #[test]
    fn a_name_shows_something() {
        for name in [
            "李",
            "हिन्दी",
            "👋",
            "👩\u{200d}💻",
            "می\u{200c}خواهم",
            "-",
            "\u{e0}",
            "𝒜",
        ] {
            assert!(PersonName::parse(name).is_ok(), "{name:?}");
        }
        for bad in [
            "\u{200b}\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{ad}",
            "\u{2800}",
            "\u{301}\u{301}",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{2800} \u{3164}",
            "\u{e0001}\u{e0041}",
            "\u{fff9}",
            "\u{fe0f}",
        ] {
            assert_eq!(PersonName::parse(bad), Err(InvalidPersonName), "{bad:?}");
        }
    }

    #[test]
    fn a_name_turns_no_text_around_and_breaks_no_line() {
        let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        let others = "\u{0}\u{7f}\u{85}\u{2028}\u{2029}\u{fdd0}\u{fffe}\u{10ffff}";
        for bad in bidi.chars().chain(others.chars()) {
            let name = format!("Ada{bad}gpj.exe");
            assert_eq!(PersonName::parse(&name), Err(InvalidPersonName), "{bad:?}");
        }
    }

    proptest! {
        /// What is kept is taken again as it is: by the next service, and after the next read.
        #[test]
        fn parsing_again_changes_nothing(address in ".{1,20}@(.{1,20}|example\\.com)", name in ".{0,210}") {
            if let Ok(kept) = EmailAddress::parse(&address) {
                prop_assert_eq!(EmailAddress::parse(kept.expose()), Ok(kept.clone()));
                let (local, domain) = kept.parts().unwrap();
                let sent = format!("{local}@{domain}");
                prop_assert!(EmailAddress::parse(&sent).is_ok());
            }
            if let Ok(kept) = PersonName::parse(&name) {
                prop_assert_eq!(PersonName::parse(kept.expose()), Ok(kept));
            }
        }
    }
}
