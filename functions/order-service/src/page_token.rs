//! Where a page ended, as a text that callers pass back and need not understand.

use std::fmt;

use fanout_events::is_identifier;
use fanout_runtime::Timestamp;
use fanout_store::{Cursor, Value};
use fanout_web::{InvalidPageToken, open_page_token, page_token_time, seal_page_token};

use crate::order::Order;

/// Says that the rest is ours, and how it is made.
const PREFIX: &str = "orders/1/";

/// The time and the id of the last order on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageToken {
    created_at: Timestamp,
    id: String,
}

impl PageToken {
    /// The page that comes after this order.
    pub(crate) fn after(last: &Order) -> Self {
        Self {
            created_at: last.created_at,
            id: last.id.clone(),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPageToken> {
        let rest = open_page_token(PREFIX, text)?;
        let (time, id) = rest.split_once('/').ok_or(InvalidPageToken)?;
        let created_at = page_token_time(time)?;
        if !is_identifier(id) || id.contains('/') {
            return Err(InvalidPageToken);
        }
        Ok(Self {
            created_at,
            id: id.to_owned(),
        })
    }

    /// Where a query by time goes on.
    pub(crate) fn into_cursor(self) -> Cursor {
        Cursor {
            values: vec![Value::from(self.created_at)],
            id: self.id,
        }
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.created_at.timestamp_millis();
        out.write_str(&seal_page_token(PREFIX, &format!("{time}/{}", self.id)))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_given_out() {
        let token = PageToken {
            created_at: Timestamp::from_timestamp_millis(1_795_176_000_123).unwrap(),
            id: "ord_01JD2V7Q4KA1B2C3D4E5F6G7H8".to_owned(),
        };
        assert_eq!(PageToken::parse(&token.to_string()), Ok(token));
    }

    #[test]
    fn what_was_never_given_out_is_refused() {
        let made = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in [
            "",
            "ord_1",
            "====",
            &made("ord_1"),
            &made("orders/2/1/ord_1"),
            &made("orders/1/x/ord_1"),
            &made("orders/1/1/"),
            &made("orders/1/1/a/b"),
            &made("orders/1/-1/ord_1"),
            &made("orders/1/99999999999999999/ord_1"),
            &URL_SAFE_NO_PAD.encode(b"orders/1/1/\xff"),
        ] {
            assert_eq!(PageToken::parse(text), Err(InvalidPageToken), "{text}");
        }
    }
}
