//! Where a page ended, as a text that callers pass back and need not understand.

use fanout_store::{Cursor, Key};
use fanout_web::{InvalidPageToken, open_page_token, seal_page_token};

use crate::contact::CONTACTS;

/// Says that the rest is ours, and how it is made.
const PREFIX: &str = "contacts/1/";

/// Says that a page ended with this contact.
pub(crate) fn sealed(last: &Key) -> String {
    seal_page_token(PREFIX, last.id())
}

/// Where the page after it begins.
pub(crate) fn opened(token: &str) -> Result<Cursor, InvalidPageToken> {
    let id = open_page_token(PREFIX, token)?;
    if !is_an_id(&id) {
        return Err(InvalidPageToken);
    }
    let values = Vec::new();
    Ok(Cursor { values, id })
}

/// Whether [`Key::new`] gives out such ids. Another could be refused by the store.
fn is_an_id(id: &str) -> bool {
    let is_digest = |digest: &str| {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        digest.len() == 64 && digest.bytes().all(hexadecimal)
    };
    Key::new(CONTACTS, id).id() == id || id.strip_prefix("h_").is_some_and(is_digest)
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
            let last = Key::new(CONTACTS, user_id);
            let after = opened(&sealed(&last)).map(|after| after.id);
            assert_eq!(after.as_deref(), Ok(last.id()), "{user_id}");
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
            assert_eq!(opened(text), Err(InvalidPageToken), "{text}");
        }
    }
}
