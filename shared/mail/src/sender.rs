//! Who mails come from, or who gets the answers: one address with a name, as settings say it.

use fanout_events::{EmailAddress, PersonName};

/// A name and an address that every mail server takes.
#[derive(Clone)]
pub struct Sender {
    pub(crate) name: Option<PersonName>,
    pub(crate) local: String,
    pub(crate) domain: String,
}

/// What a setting is asked to be.
pub(crate) const EXPECTS: &str = "a sender such as `Fanout <hello@example.com>` with ASCII before the @ (put the name in double quotes if it has one of ()[]<>:;@,\\ in it)";

impl Sender {
    /// The address, in ASCII.
    pub(crate) fn address(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// Takes `hello@example.com`, `Fanout <hello@example.com>` and `"Fanout, Inc." <hello@example.com>`.
    /// An international domain becomes A-labels. A local part beyond ASCII is refused: a server
    /// without SMTPUTF8 would take no mail from it, to no recipient.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(text) => text.rsplit_once('<')?,
            None => ("", text),
        };
        let name = match name.trim() {
            "" => None,
            name => Some(PersonName::parse(&unquoted(name)?).ok()?),
        };
        let address = EmailAddress::parse(address).ok()?;
        let (local, domain) = address.parts()?;
        local.is_ascii().then(|| Self {
            name,
            local: local.to_owned(),
            domain,
        })
    }
}

/// RFC 5322: a name in double quotes holds anything, the quote and the backslash after a backslash.
/// Without them it has none of the characters that an address is made of.
fn unquoted(name: &str) -> Option<String> {
    let Some(quoted) = name.strip_prefix('"') else {
        let is_special = |c| "()<>[]:;@\\,\"".contains(c);
        return (!name.contains(is_special)).then(|| name.to_owned());
    };
    let mut said = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next() {
            Some('\\') => said.push(rest.next()?),
            Some('"') if rest.as_str().is_empty() => return Some(said),
            Some('"') | None => return None,
            Some(other) => said.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("hi@example.com", None, "hi@example.com"),
            (" <hi@example.com> ", None, "hi@example.com"),
            ("Acme <hi@example.com>", Some("Acme"), "hi@example.com"),
            ("Acme<hi@example.com>", Some("Acme"), "hi@example.com"),
            (
                "Acme & Co. <hi@example.com>",
                Some("Acme & Co."),
                "hi@example.com",
            ),
            (
                "\"Acme, Inc.\" <hi@example.com>",
                Some("Acme, Inc."),
                "hi@example.com",
            ),
            (
                r#""Acme \"(x)\" \\" <hi@example.com>"#,
                Some(r#"Acme "(x)" \"#),
                "hi@example.com",
            ),
            (
                "Käse <hi@käse.example>",
                Some("Käse"),
                "hi@xn--kse-qla.example",
            ),
            (
                "李 <hi@例え.テスト>",
                Some("李"),
                "hi@xn--r8jz45g.xn--zckzah",
            ),
            (
                "=?utf-8?q?Acme?= <hi@example.com>",
                Some("=?utf-8?q?Acme?="),
                "hi@example.com",
            ),
        ] {
            let sender = Sender::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(sender.name.as_ref().map(PersonName::expose), name, "{text}");
            assert_eq!(sender.address(), address);
        }
    }

    #[test]
    fn what_is_no_sender_is_refused() {
        for bad in [
            "",
            "Acme",
            "Acme <hi@example.com",
            "Acme hi@example.com",
            "Acme, Inc. <hi@example.com>",
            "Acme (Support) <hi@example.com>",
            "Acme; Co <hi@example.com>",
            r"Acme \ Co <hi@example.com>",
            "Acme: Co <hi@example.com>",
            "Acme @ Co <hi@example.com>",
            "[Acme] <hi@example.com>",
            "Acme \"Co\" <hi@example.com>",
            "\"Acme <hi@example.com>",
            "\"Acme\" Co <hi@example.com>",
            r#""Acme\" <hi@example.com>"#,
            "Acme <Co> <hi@example.com>",
            "Acme <hi..there@example.com>",
            "Acme <hi@localhost>",
            "Acme <>",
            "Acme <hi@example.com> x",
            "a@example.com, b@example.com",
            "Acme\r\nBcc: x <hi@example.com>",
            "\u{200b} <hi@example.com>",
            "Ac\u{202e}me <hi@example.com>",
            "Käse <käse@example.com>",
            "käse@example.com",
        ] {
            assert!(Sender::parse(bad).is_none(), "{bad}");
        }
    }
}
