//! Bodies that are JSON objects, with errors that say where and never show a value.

use fanout_events::skip_byte_order_mark;
use http::StatusCode;
use serde::Deserialize;

use crate::Problem;

/// The body is not the JSON expected from here on; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not the JSON expected: line {line}, column {column}")]
pub struct NotJson {
    /// The line.
    pub line: usize,
    /// The byte in it.
    pub column: usize,
}

/// Reads a JSON object. serde's own messages are not passed on: they quote what they found. Its derived
/// reading would take an array for the fields in their order.
pub fn read_json_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, NotJson> {
    let body = skip_byte_order_mark(body);
    let text = std::str::from_utf8(body).map_err(|error| at(body, error.valid_up_to()))?;
    let start = text.trim_ascii_start();
    if start.starts_with('[') {
        return Err(at(body, body.len() - start.len()));
    }
    serde_json::from_str(text).map_err(|error| NotJson {
        line: error.line(),
        column: error.column(),
    })
}

impl Problem {
    /// 400: the body is not JSON, or not `what`.
    pub fn not_json(NotJson { line, column }: NotJson, what: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed_json",
            "The body is not the JSON expected",
            format!("See line {line}, column {column}: it must be {what}."),
        )
    }
}

fn at(body: &[u8], index: usize) -> NotJson {
    let before = body.get(..index).unwrap_or(body);
    let mut lines = before.split(|byte| *byte == b'\n');
    let column = lines.next_back().map_or(0, <[u8]>::len) + 1;
    let line = lines.count() + 1;
    NotJson { line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Fields<'a> {
        name: Option<&'a str>,
    }

    #[test]
    fn an_object_is_read_and_anything_else_is_told_by_its_place() {
        let read = |body: &'static [u8]| read_json_object::<Fields<'_>>(body);
        let name = Some("a");
        assert_eq!(read(b"\xef\xbb\xbf{\"name\":\"a\"}"), Ok(Fields { name }));
        let place = |line, column| Err(NotJson { line, column });
        assert_eq!(read(b"\n  [\"a\"]"), place(2, 3));
        assert_eq!(read(b"{\n\"name\":\"\xff\"}"), place(2, 9));
        assert_eq!(read(b"{\"name\":\"a\",}"), place(1, 13));
        assert_eq!(read(b""), place(1, 0));
    }
}
