//! What every mail carries beside its text: who it comes from, who gets the answers, how to
//! unsubscribe.

use fanout_runtime::Settings;
use url::Url;

use crate::plain_id::plain_id;
use crate::sender::{EXPECTS, Sender};

/// What stands for the user's id in `MAIL_LIST_UNSUBSCRIBE`.
const USER_ID: &str = "{user_id}";
/// A header's line has at most 998 characters (RFC 5322, section 2.1.1); this leaves room for an id.
const LONGEST_URL: usize = 800;

/// Where recipients say that they want no more mails: an `https:` or a `mailto:` address. `{user_id}`
/// in it stands for the user's id, which a one-click address needs to tell who clicked (RFC 8058,
/// section 3.1).
#[derive(Clone)]
pub struct Unsubscribe {
    template: String,
    /// Whether a mail program may unsubscribe with one `POST` (RFC 8058).
    pub(crate) one_click: bool,
}

/// What every mail carries.
#[derive(Clone)]
pub struct Letterhead {
    /// Who mails come from.
    pub from: Sender,
    /// Who gets the answers, if not the sender.
    pub reply_to: Option<Sender>,
    /// How to unsubscribe, if that is possible.
    pub unsubscribe: Option<Unsubscribe>,
}

impl Letterhead {
    /// Nothing but a sender.
    pub fn of(from: Sender) -> Self {
        Self {
            from,
            reply_to: None,
            unsubscribe: None,
        }
    }

    /// Reads `MAIL_FROM`, `MAIL_REPLY_TO` and `MAIL_LIST_UNSUBSCRIBE`. Without a default the sender
    /// must be set.
    pub fn read(settings: &mut Settings<'_>, default_from: Option<Sender>) -> Option<Self> {
        let from = match default_from {
            Some(default) => settings
                .optional_as("MAIL_FROM", EXPECTS, Sender::parse)
                .or(default),
            None => settings.required_as("MAIL_FROM", EXPECTS, Sender::parse),
        };
        let reply_to = settings.optional_as("MAIL_REPLY_TO", EXPECTS, Sender::parse);
        let unsubscribe = settings.optional_as(
            "MAIL_LIST_UNSUBSCRIBE",
            "an https: or mailto: address such as https://example.com/unsubscribe/{user_id}",
            Unsubscribe::parse,
        );
        Some(Self {
            from: from?,
            reply_to: reply_to.value(),
            unsubscribe: unsubscribe.value(),
        })
    }
}

impl Unsubscribe {
    /// Takes an `https:` or a `mailto:` address.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(&text.replace(USER_ID, "id")).ok()?;
        let one_click = match url.scheme() {
            "https" => true,
            "mailto" if url.path().contains('@') => false,
            _ => return None,
        };
        // It goes into a header as it is, between angle brackets.
        let fits = |c: char| c.is_ascii_graphic() && c != '<' && c != '>';
        (text.chars().all(fits) && text.len() <= LONGEST_URL).then(|| Self {
            template: text.to_owned(),
            one_click,
        })
    }

    pub(crate) fn header(&self, user_id: &str) -> String {
        format!("<{}>", self.template.replace(USER_ID, &plain_id(user_id)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn https_and_mailto_addresses_can_be_unsubscribed_at() {
        let https = "https://example.com/u/{user_id}?list=welcome";
        let https = Unsubscribe::parse(https).unwrap();
        assert!(https.one_click);
        assert_eq!(
            https.header("usr_1"),
            "<https://example.com/u/usr_1?list=welcome>"
        );
        let mailto = Unsubscribe::parse("mailto:leave@example.com?subject=leave").unwrap();
        assert!(!mailto.one_click);
        assert_eq!(
            mailto.header("usr_1"),
            "<mailto:leave@example.com?subject=leave>"
        );
    }

    #[test]
    fn an_odd_user_id_cannot_break_the_header() {
        let https = Unsubscribe::parse("https://example.com/{user_id}").unwrap();
        let header = https.header("> \r\nBcc: x@y.z");
        assert_eq!(header.len(), "<https://example.com/>".len() + 64);
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("https://example.com/{}", "x".repeat(800));
        let bad = [
            "",
            "example.com",
            "http://example.com/",
            "mailto:nobody",
            "https://",
            "https://example.com/a b",
            "https://example.com/>",
            "https://example.com/é",
            "javascript:alert(1)",
            &long,
        ];
        for bad in bad {
            assert!(Unsubscribe::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_bad_setting_is_reported_and_no_value_is_shown() {
        let bad = [
            ("MAIL_FROM", "secret"),
            ("MAIL_REPLY_TO", "secret"),
            ("MAIL_LIST_UNSUBSCRIBE", "http://secret"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let environment: HashMap<String, String> = bad.map(owned).into();
        let mut settings = Settings::new(&environment);
        let read = Letterhead::read(&mut settings, None);
        let error = settings.finish(read).err().unwrap();
        insta::assert_snapshot!(error, @r"
        the environment is not complete:
          - MAIL_FROM is set to something else than a sender such as `Fanout <hello@example.com>` with ASCII before the @ (put the name in double quotes if it has one of ()[]<>:;@,\ in it) (its value is not shown).
          - MAIL_REPLY_TO is set to something else than a sender such as `Fanout <hello@example.com>` with ASCII before the @ (put the name in double quotes if it has one of ()[]<>:;@,\ in it) (its value is not shown).
          - MAIL_LIST_UNSUBSCRIBE is set to something else than an https: or mailto: address such as https://example.com/unsubscribe/{user_id} (its value is not shown).
        ");
    }
}
