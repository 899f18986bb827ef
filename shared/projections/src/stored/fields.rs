//! Fields of kinds that a standing alone has.

use fanout_store::{Fields, MalformedDocument, Value};

pub(super) fn number(fields: &Fields, name: &str) -> Result<u32, MalformedDocument> {
    u32::try_from(fields.count(name)?).map_err(|_| MalformedDocument {
        field: name.to_owned(),
        expected: "a number of 32 bits",
    })
}

pub(super) fn map<'a>(
    fields: &'a Fields,
    name: &str,
) -> Result<Option<&'a Fields>, MalformedDocument> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Map(map)) => Ok(Some(map)),
        Some(_) => Err(MalformedDocument {
            field: name.to_owned(),
            expected: "a map",
        }),
    }
}

pub(super) fn numbers(fields: &Fields, name: &str) -> Result<Vec<u64>, MalformedDocument> {
    let wrong = || MalformedDocument {
        field: name.to_owned(),
        expected: "an array of counts",
    };
    let Some(Value::Array(items)) = fields.get(name) else {
        return Err(wrong());
    };
    let number = |item: &Value| match item {
        Value::Integer(number) => u64::try_from(*number).map_err(|_| wrong()),
        _ => Err(wrong()),
    };
    items.iter().map(number).collect()
}
