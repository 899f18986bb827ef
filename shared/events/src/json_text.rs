//! JSON as it comes from editors, shells and programs in other languages, which write what serde_json
//! does not read.

use std::iter;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::DecodeError;

/// How UTF-8 begins when some editors and shells write it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How deep objects and arrays may lie in each other. Less than where serde_json stops reading, and
/// enough for whatever an event says.
pub(crate) const DEEPEST: usize = 64;

/// The same without a byte order mark.
pub fn skip_byte_order_mark(json: &[u8]) -> &[u8] {
    json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json)
}

/// The text of one JSON value that is not too deep. A byte order mark before it is skipped.
pub fn json_text(data: &[u8]) -> Result<&str, DecodeError> {
    let json: &RawValue = serde_json::from_slice(skip_byte_order_mark(data)).map_err(not_json)?;
    let depth = depth(json.get());
    if depth > DEEPEST {
        return Err(DecodeError::TooDeep { depth });
    }
    Ok(json.get())
}

/// The value of a message's data. What JSON allows and no Rust value holds (a number beyond all
/// doubles, half a surrogate) becomes an empty text: no field may be that, so it harms whoever reads
/// the field and no other.
pub(crate) fn read_json(data: &[u8]) -> Result<Value, DecodeError> {
    // The usual event is read in one go, and its UTF-8 is checked at once.
    if let Ok(text) = str::from_utf8(skip_byte_order_mark(data))
        && let Ok(value) = serde_json::from_str(text)
        && depth_of(&value) <= DEEPEST
    {
        return Ok(value);
    }
    let text = json_text(data)?;
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&readable(text)))
        .map_err(not_json)
}

fn not_json(error: serde_json::Error) -> DecodeError {
    DecodeError::NotJson {
        line: error.line(),
        column: error.column(),
    }
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth_of).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0, 0);
    for token in tokens(json) {
        match token {
            "[" | "{" => depth += 1,
            "]" | "}" => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn readable(json: &str) -> String {
    let unreadable = |token: &str| {
        token.starts_with(|first: char| matches!(first, '"' | '-' | '0'..='9'))
            && serde_json::from_str::<Value>(token).is_err()
    };
    let read = |token| if unreadable(token) { "\"\"" } else { token };
    tokens(json).map(read).collect()
}

/// Texts and numbers as a whole, all else byte by byte; of valid JSON.
fn tokens(mut json: &str) -> impl Iterator<Item = &str> {
    iter::from_fn(move || {
        let length = match json.bytes().next()? {
            b'"' => length_of_text(json),
            b'-' | b'0'..=b'9' => {
                let in_number =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                json.bytes().take_while(|byte| in_number(byte)).count()
            }
            _ => 1,
        };
        let (token, rest) = json.split_at(length);
        json = rest;
        Some(token)
    })
}

/// With both quotes.
fn length_of_text(json: &str) -> usize {
    let mut escaped = false;
    let is_within = |byte: &u8| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        !ends
    };
    json.bytes().skip(1).take_while(is_within).count() + 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn what_no_value_holds_is_an_empty_text_and_all_around_it_stays() {
        let text =
            r#"{"a": 1e400, "b": [-1E+999, 2e3, "1e400", "\\"], "c": "\ud800", "d": "]\"[ 1e400"}"#;
        let read = json!({"a": "", "b": ["", 2e3, "1e400", "\\"], "c": "", "d": "]\"[ 1e400"});
        assert_eq!(read_json(text.as_bytes()), Ok(read));
    }

    #[test]
    fn json_may_be_64_deep_and_what_is_deeper_says_how_deep() {
        assert!(read_json(nested(64).as_bytes()).is_ok());
        for depth in [65, 200, 100_000] {
            let too_deep = DecodeError::TooDeep { depth };
            assert_eq!(read_json(nested(depth).as_bytes()), Err(too_deep));
        }
        let in_texts = format!("[{:?}, {:?}]", nested(90), "\"[".repeat(90));
        assert!(read_json(in_texts.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_json_is_not_made_so() {
        for text in [
            "",
            "\u{feff}",
            "\u{feff}\u{feff}1",
            "1e",
            "01",
            "[1e400",
            "[1e400,]",
            "{\"a\":\"\\x\"}",
            "1e400 1",
            "\"\\ud800",
        ] {
            let read = read_json(text.as_bytes());
            assert!(matches!(read, Err(DecodeError::NotJson { .. })), "{text}");
        }
        assert!(read_json(b"\"\xFF\"").is_err());
    }

    proptest! {
        #[test]
        fn tokens_are_the_whole_text_and_each_text_or_number_is_one(
            values in prop::collection::vec((".{0,8}", any::<f64>()), 0..8)
        ) {
            let json = serde_json::to_string(&values).unwrap();
            prop_assert_eq!(tokens(&json).collect::<String>(), json.clone());
            let texts = tokens(&json).filter(|token| token.starts_with('"'));
            let texts: Vec<String> = texts.map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(texts, values.into_iter().map(|(text, _)| text).collect::<Vec<_>>());
            prop_assert_eq!(readable(&json), json);
        }
    }
}
