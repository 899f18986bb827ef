//! E-mail addresses that users sign up with.

use std::fmt;

use email_address::Options;
use fanout_events::{EmailAddress, InvalidEmailAddress};
use icu_normalizer::ComposingNormalizer;
use sha2::{Digest, Sha256};

/// What this service asks beyond the grammar: a domain of two labels, no IP address, no name.
const OPTIONS: Options = Options {
    minimum_sub_domains: 2,
    allow_domain_literal: false,
    allow_display_text: false,
};

/// An address that mail can be sent to, as typed, and what it is compared by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    typed: EmailAddress,
    id: String,
}

impl Address {
    /// Takes an address of RFC 5321, with its lengths: 64 bytes before the `@`, 254 in all, also
    /// once the domain is in ASCII. RFC 6531's letters beyond ASCII are welcome on both sides; they
    /// count as composed (NFC), because `é` can be typed as one character or as two.
    ///
    /// A quoted local part is refused: `"ada"@example.com` is another spelling of
    /// `ada@example.com`, and would be a second user.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let typed = EmailAddress::parse(text)?;
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        let local = ComposingNormalizer::new_nfc().normalize(local);
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmailAddress)?;
        let in_ascii = format!("{local}@{domain}");
        let numbers = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
        let fits = in_ascii.len() <= 254 && !local.starts_with('"');
        let names_a_host = !domain.rsplit('.').next().is_some_and(numbers);
        let parsed = email_address::EmailAddress::parse_with_options(&in_ascii, OPTIONS);
        if fits && names_a_host && parsed.is_ok() {
            let id = hex::encode(Sha256::digest(comparable(&local, &domain)));
            Ok(Self { typed, id })
        } else {
            Err(InvalidEmailAddress)
        }
    }

    /// The address as typed.
    pub(crate) fn typed(&self) -> &EmailAddress {
        &self.typed
    }

    /// The same for every spelling of the address: the SHA-256 of its comparable form, so that no
    /// address is ever part of a document's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Lower case. What changes case can come apart, so it is composed again.
fn comparable(local: &str, domain: &str) -> String {
    let local = local.to_lowercase();
    let local = ComposingNormalizer::new_nfc().normalize(&local);
    format!("{local}@{domain}")
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.typed.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> String {
        Address::parse(text).expect(text).id
    }

    #[test]
    fn an_address_is_kept_as_typed() {
        let address = Address::parse("Ada.Lovelace+X@BÜCHER.example").unwrap();
        assert_eq!(address.typed().expose(), "Ada.Lovelace+X@BÜCHER.example");
        assert!(!format!("{address:?}").contains("Ada"));
    }

    #[test]
    fn spellings_of_one_address_compare_equal() {
        for (one, other) in [
            ("ada@example.com", "ADA@Example.COM"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@BÜCHER.example", "Ada@bücher.EXAMPLE"),
            ("ada@example。com", "ada@example.com"),
            ("jos\u{e9}@example.com", "JOSE\u{301}@example.com"),
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
    fn lengths_are_those_of_rfc_5321() {
        let local = "a".repeat(64);
        let label = "d".repeat(59);
        let domain = format!("{label}.{label}.{label}.example");
        assert_eq!(domain.len() + 1 + local.len(), 252);
        assert!(Address::parse(&format!("{local}@{domain}")).is_ok());
        assert!(Address::parse(&format!("{local}@aa{domain}")).is_ok());
        assert!(Address::parse(&format!("{local}@aaa{domain}")).is_err());
        assert!(Address::parse(&format!("{local}a@example.com")).is_err());
        let domain = format!("{}example", "ü.".repeat(40));
        assert!(domain.len() < 200);
        assert!(Address::parse(&format!("a@{domain}")).is_err(), "in ASCII");
    }

    #[test]
    fn what_no_mail_can_be_sent_to_is_refused() {
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
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
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
