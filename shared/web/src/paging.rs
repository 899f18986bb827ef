//! Listings that are answered a page at a time, by `limit` and `page_token`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use fanout_runtime::Timestamp;

use crate::FieldError;

/// The last millisecond of the year 9999, since 1970: no store takes a later one.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;
/// The most on a page, and how many there are without a `limit`.
const MOST: u32 = 100;

/// Not a token that this listing gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no page token")]
pub struct InvalidPageToken;

/// A parameter's value. An empty one is as good as none: scripts write them.
pub fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// How many `limit` asks for.
pub fn page_limit(limit: Option<&str>) -> Result<u32, FieldError> {
    given(limit).map_or(Ok(MOST), |text| {
        let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        limit.ok_or_else(|| FieldError::new("limit", "must be a whole number from 1 to 100"))
    })
}

/// What `page_token` says the page comes after.
pub fn page_after<T>(
    token: Option<&str>,
    parse: impl Fn(&str) -> Result<T, InvalidPageToken>,
) -> Result<Option<T>, FieldError> {
    let must = "must be the `next_page_token` of another page";
    let after = given(token).map(parse).transpose();
    after.map_err(|InvalidPageToken| FieldError::new("page_token", must))
}

/// A token, as a text that callers pass back and need not understand. `prefix` names the listing, and
/// how the rest is made.
pub fn seal_page_token(prefix: &str, rest: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{prefix}{rest}"))
}

/// The rest of a token with this prefix.
pub fn open_page_token(prefix: &str, token: &str) -> Result<String, InvalidPageToken> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let rest = text.as_deref().and_then(|text| text.strip_prefix(prefix));
    rest.map(str::to_owned).ok_or(InvalidPageToken)
}

/// A time of what has happened that stands in a token, in milliseconds since 1970.
pub fn page_token_time(text: &str) -> Result<Timestamp, InvalidPageToken> {
    let time: Option<i64> = text.parse().ok();
    let time = time.filter(|time| (0..=LAST_MILLISECOND).contains(time));
    time.and_then(Timestamp::from_timestamp_millis)
        .ok_or(InvalidPageToken)
}
