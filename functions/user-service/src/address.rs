//! E-mail addresses that users sign up with.

use std::fmt;

use fanout_events::{EmailAddress, InvalidEmailAddress};
use icu_normalizer::ComposingNormalizer;
use sha2::{Digest, Sha256};

/// An address that mail can be sent to, as it is kept, and what it is compared by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    kept: EmailAddress,
    id: String,
}

impl Address {
    /// Takes what [`EmailAddress::parse`] takes.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let kept = EmailAddress::parse(text)?;
        let (local, domain) = kept.parts().ok_or(InvalidEmailAddress)?;
        let id = hex::encode(Sha256::digest(comparable(local, &domain)));
        Ok(Self { kept, id })
    }

    /// The address as it is kept: as typed, but composed (NFC).
    pub(crate) fn kept(&self) -> &EmailAddress {
        &self.kept
    }

    /// The same for every spelling of the address: the SHA-256 of its comparable form, so that no
    /// address is ever part of a document's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Lower case, and one form of three letters that have two. What changes case can come apart, so it is
/// composed again.
fn comparable(local: &str, domain: &str) -> String {
    let local = local.to_lowercase();
    let local = local.replace('ς', "σ").replace('ſ', "s").replace('µ', "μ");
    let local = ComposingNormalizer::new_nfc().normalize(&local);
    format!("{local}@{domain}")
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kept.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> String {
        Address::parse(text).expect(text).id
    }

    #[test]
    fn spellings_of_one_address_compare_equal() {
        for (one, other) in [
            ("ada@example.com", "ADA@Example.COM"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@BÜCHER.example", "Ada@bücher.EXAMPLE"),
            ("ada@example。com", "ada@example.com"),
            ("jos\u{e9}@example.com", "JOSE\u{301}@example.com"),
            ("ΝΙΚΟΣ@example.gr", "νικοσ@example.gr"),
            ("νικος@example.gr", "νικοσ@example.gr"),
            ("\u{b5}@example.gr", "\u{39c}@example.gr"),
        ] {
            assert_eq!(id(one), id(other), "{one} {other}");
        }
        assert_ne!(
            id("ada@example.com"),
            id("ada.@example.com".replace(".@", "x@").as_str())
        );
        assert_ne!(id("a.da@example.com"), id("ada@example.com"));
        assert_ne!(id("ada@fass.example"), id("ada@faß.example"));
    }

    #[test]
    fn what_is_no_address_is_refused_and_what_is_one_does_not_print_itself() {
        for bad in [
            "ada",
            "ada@localhost",
            "a..da@example.com",
            "\"ada\"@example.com",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        assert!(!format!("{:?}", Address::parse("ada@example.com")).contains("ada"));
    }
}
