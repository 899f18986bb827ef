//! Settings that this broker does not know.

use serde_json::{Map, Value};

use super::error::RestError;

/// A setting that would be ignored is an error, unless it says what goes without saying: protobuf's
/// JSON has no difference between a field that is empty and one that is not there. Of a setting
/// with settings in it, `known` names those, as `pushConfig.pushEndpoint`.
pub(super) fn check(settings: &Map<String, Value>, known: &[&str]) -> Result<(), RestError> {
    for (name, value) in settings {
        check_one(name, value, known)?;
    }
    Ok(())
}

fn check_one(path: &str, value: &Value, known: &[&str]) -> Result<(), RestError> {
    if known.contains(&path) || is_default(value) {
        return Ok(());
    }
    let inner = value.as_object().into_iter().flatten();
    for (name, value) in inner.clone() {
        check_one(&format!("{path}.{name}"), value, known)?;
    }
    // An object with nothing but known settings is known.
    match inner.count() {
        0 => Err(RestError::UnsupportedSetting(path.to_owned())),
        _ => Ok(()),
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_ignored_is_named_and_what_says_nothing_is_let_through() {
        let known = ["name", "pushConfig.pushEndpoint"];
        let table = [
            (
                r#"{"name": "n", "pushConfig": {"pushEndpoint": "u"}}"#,
                None,
            ),
            (
                r#"{"labels": {}, "detached": false, "filter": "", "n": 0}"#,
                None,
            ),
            (r#"{"labels": {"a": "b"}}"#, Some("labels.a")),
            (r#"{"name": "n", "detached": true}"#, Some("detached")),
            (
                r#"{"pushConfig": {"pushEndpoint": "u", "oidcToken": {"audience": "a"}}}"#,
                Some("pushConfig.oidcToken.audience"),
            ),
        ];
        for (settings, expected) in table {
            let settings: Map<String, Value> = serde_json::from_str(settings).unwrap();
            let unknown = match check(&settings, &known) {
                Ok(()) => None,
                Err(RestError::UnsupportedSetting(name)) => Some(name),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(unknown.as_deref(), expected, "{settings:?}");
        }
    }
}
