//! Where a page ended, as a text that callers pass back and need not understand.

use std::fmt;

use fanout_store::{Cursor, Key};
use fanout_web::{InvalidPageToken, open_page_token, seal_page_token};

use crate::contact::CONTACTS;

/// Says that the rest is ours, and how it is made.
const PREFIX: &str = "contacts/1/";

/// The id of the last contact on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageToken(String);

impl PageToken {
    pub(crate) fn after(last: &Key) -> Self {
        Self(last.id().to_owned())
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPageToken> {
        let id = open_page_token(PREFIX, text)?;
        if is_an_id(&id) {
            Ok(Self(id))
        } else {
            Err(InvalidPageToken)
        }
    }

    pub(crate) fn into_cursor(self) -> Cursor {
        Cursor {
            values: Vec::new(),
            id: self.0,
        }
    }
}

/// Whether [`Key::new`] gives out such ids. Another could be refused by the store.
fn is_an_id(id: &str) -> bool {
    let is_digest = |digest: &str| {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        digest.len() == 64 && digest.bytes().all(hexadecimal)
    };
    Key::new(CONTACTS, id).id() == id || id.strip_prefix("h_").is_some_and(is_digest)
}

impl fmt::Display for PageToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&seal_page_token(PREFIX, &self.0))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_given_out() {
        for user_id in [
            "usr_1",
            "test-123",
            "a@b.c",
            "ü",
            "a/b",
            "h_1",
            &"x".repeat(900),
        ] {
            let token = PageToken::after(&Key::new(CONTACTS, user_id));
            assert_eq!(PageToken::parse(&token.to_string()), Ok(token), "{user_id}");
        }
    }

    #[test]
    fn what_was_never_given_out_is_refused() {
        let made = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let long = format!("contacts/1/{}", "x".repeat(201));
        for text in [
            "",
            "usr_1",
            "====",
            "YQ==",
            &made("usr_1"),
            &made("contacts/2/usr_1"),
            &made("contacts/1/"),
            &made("contacts/1/a/b"),
            &made("contacts/1/.."),
            &made("contacts/1/h_00"),
            &made("contacts/1/a\0"),
            &made(&long),
            &URL_SAFE_NO_PAD.encode(b"contacts/1/\xff"),
        ] {
            assert_eq!(PageToken::parse(text), Err(InvalidPageToken), "{text}");
        }
    }
}
