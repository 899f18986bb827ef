//! Terraform's functions, as far as they occur in a topology.

use std::collections::BTreeMap;

use super::value::{Evaluated, Fault, Value};

/// Calls a function. `try` and `can` are not among them: they look at arguments that have no value.
pub(super) fn call<'a>(name: &str, arguments: &[Value<'a>]) -> Evaluated<'a> {
    match (name, arguments) {
        ("merge", objects) => merge(objects),
        ("concat", lists) => {
            let lists = lists
                .iter()
                .map(Value::items)
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Value::List(lists.concat()))
        }
        ("coalesce", candidates) => coalesce(candidates),
        ("lookup", [object, key]) => lookup(object, key, None),
        ("lookup", [object, key, default]) => lookup(object, key, Some(default)),
        ("join", [separator, items]) => Ok(Value::Text(texts(items)?.join(&separator.text()?))),
        ("keys", [object]) => {
            let keys = object.fields()?.keys();
            Ok(Value::List(keys.cloned().map(Value::Text).collect()))
        }
        ("values" | "tolist", [items]) => items.items().map(Value::List),
        ("sort" | "toset", [items]) => {
            let mut sorted = texts(items)?;
            sorted.sort();
            if name == "toset" {
                sorted.dedup();
            }
            Ok(Value::List(sorted.into_iter().map(Value::Text).collect()))
        }
        ("compact", [items]) => compact(items),
        ("flatten", [items]) => flatten(items),
        ("setproduct", lists) => set_product(lists),
        ("contains", [items, wanted]) => contains(&items.items()?, wanted),
        ("length", [value]) => length(value),
        ("tostring", [value]) => value.text().map(Value::Text),
        ("tonumber", [value]) => value.number().map(Value::Number),
        ("tobool", [value]) => value.flag().map(Value::Bool),
        ("tomap", [value]) => Ok(value.clone()),
        ("lower", [text]) => Ok(Value::Text(text.text()?.to_lowercase())),
        ("upper", [text]) => Ok(Value::Text(text.text()?.to_uppercase())),
        ("trim", [text, cut]) => {
            let (text, cut) = (text.text()?, cut.text()?);
            Ok(Value::Text(
                text.trim_matches(|c| cut.contains(c)).to_owned(),
            ))
        }
        ("startswith", [text, start]) => Ok(Value::Bool(text.text()?.starts_with(&start.text()?))),
        ("max", numbers) => extreme(numbers, f64::max),
        ("min", numbers) => extreme(numbers, f64::min),
        (
            "lookup" | "join" | "keys" | "values" | "tolist" | "sort" | "toset" | "compact"
            | "flatten" | "contains" | "length" | "tostring" | "tonumber" | "tobool" | "tomap"
            | "lower" | "upper" | "trim" | "startswith",
            _,
        ) => Err(Fault::wrong(format!(
            "{name} is called with {} arguments",
            arguments.len()
        ))),
        (_, _) => Err(Fault::unsupported(format!("the function {name}"))),
    }
}

fn texts(items: &Value<'_>) -> Result<Vec<String>, Fault> {
    items.items()?.iter().map(Value::text).collect()
}

fn merge<'a>(objects: &[Value<'a>]) -> Evaluated<'a> {
    let mut merged = BTreeMap::new();
    for object in objects {
        if !matches!(object, Value::Null) {
            merged.extend(object.fields()?.clone());
        }
    }
    Ok(Value::Object(merged))
}

fn coalesce<'a>(candidates: &[Value<'a>]) -> Evaluated<'a> {
    for candidate in candidates {
        let value = candidate.clone().known()?;
        let empty = matches!(&value, Value::Text(text) if text.is_empty());
        if !empty && !matches!(value, Value::Null) {
            return Ok(value);
        }
    }
    Err(Fault::wrong("coalesce finds no value"))
}

fn lookup<'a>(object: &Value<'a>, key: &Value<'a>, default: Option<&Value<'a>>) -> Evaluated<'a> {
    let key = key.text()?;
    match object.fields()?.get(&key).or(default) {
        Some(found) => found.clone().known(),
        None => Err(Fault::wrong(format!("there is no `{key}`"))),
    }
}

fn compact<'a>(items: &Value<'a>) -> Evaluated<'a> {
    let mut kept = Vec::new();
    for item in items.items()? {
        let item = item.known()?;
        if !matches!(item, Value::Null) && !item.text()?.is_empty() {
            kept.push(item);
        }
    }
    Ok(Value::List(kept))
}

fn flatten<'a>(items: &Value<'a>) -> Evaluated<'a> {
    let mut flat = Vec::new();
    for item in items.items()? {
        match item.known()? {
            nested @ Value::List(_) => flat.extend(flatten(&nested)?.items()?),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Object(_)
            | Value::Resource(_)
            | Value::Module(_)
            | Value::Unknown(_)) => flat.push(other),
        }
    }
    Ok(Value::List(flat))
}

fn set_product<'a>(lists: &[Value<'a>]) -> Evaluated<'a> {
    let mut rows: Vec<Vec<Value<'a>>> = vec![Vec::new()];
    for list in lists {
        let items = list.items()?;
        let longer = |row: &Vec<Value<'a>>| {
            let row = row.clone();
            items.clone().into_iter().map(move |item| {
                let mut longer = row.clone();
                longer.push(item);
                longer
            })
        };
        rows = rows.iter().flat_map(longer).collect();
    }
    Ok(Value::List(rows.into_iter().map(Value::List).collect()))
}

fn contains<'a>(items: &[Value<'a>], wanted: &Value<'a>) -> Evaluated<'a> {
    for item in items {
        if item.equals(wanted)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn length<'a>(value: &Value<'a>) -> Evaluated<'a> {
    let length = match value {
        Value::Text(text) => text.chars().count(),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::List(_)
        | Value::Object(_)
        | Value::Resource(_)
        | Value::Module(_)
        | Value::Unknown(_) => value.items()?.len(),
    };
    Ok(Value::Number(length as f64))
}

fn extreme<'a>(numbers: &[Value<'a>], pick: fn(f64, f64) -> f64) -> Evaluated<'a> {
    let numbers = numbers
        .iter()
        .map(Value::number)
        .collect::<Result<Vec<_>, _>>()?;
    let extreme = numbers.into_iter().reduce(pick);
    extreme
        .map(Value::Number)
        .ok_or_else(|| Fault::wrong("there is no number to choose from"))
}
