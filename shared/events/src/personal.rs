//! Personal data as types that do not print themselves: logs, errors and panics show `[redacted]`.

use std::fmt;

use serde::Serialize;

/// An e-mail address as its owner typed it. Can be written to a mail header as it is.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// A person's name. Can be written to a mail header as it is.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PersonName(String);

/// Not usable as an e-mail address. Does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as name@example.com, at most 254 characters")]
pub struct InvalidEmailAddress;

/// Not usable as a name. Does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 200 characters and no control characters")]
pub struct InvalidPersonName;

impl EmailAddress {
    /// Takes what can be an address: one `@` with something on both sides, no spaces or control
    /// characters, 254 bytes at most (RFC 5321, section 4.5.3.1.3, less the angle brackets).
    pub fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let sides = text.rsplit_once('@');
        let plausible = sides.is_some_and(|(local, domain)| {
            !local.is_empty() && !local.contains('@') && !domain.is_empty()
        });
        let clean = !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if plausible && clean && text.len() <= 254 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEmailAddress)
        }
    }

    /// The address, to send or store it; never to log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PersonName {
    /// Takes 1 to 200 characters after trimming, none of them a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidPersonName> {
        let name = text.trim();
        let length = name.chars().count();
        if (1..=200).contains(&length) && !name.chars().any(char::is_control) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidPersonName)
        }
    }

    /// The name, to show or store it; never to log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
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
    use super::*;

    #[test]
    fn an_address_does_not_print_itself() {
        let address = EmailAddress::parse("ada@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress([redacted])");
        assert_eq!(address.expose(), "ada@example.com");
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "a b@c.de",
            "a@b\r\nBcc: x@y.z",
            &long,
        ] {
            assert_eq!(EmailAddress::parse(bad), Err(InvalidEmailAddress), "{bad}");
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
}
