//! Files of variables: what Terraform takes by itself, then what `--var-file` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use hcl_edit::expr::{Expression, ObjectKey};
use serde_json::Value as Json;

use super::source::SourceFile;
use super::value::Value;

/// A read file of variables.
pub(super) enum VariableFile {
    Hcl(SourceFile),
    Json(PathBuf, serde_json::Map<String, Json>),
}

/// All files that count, the strongest last.
pub(super) fn files(folder: &Path, named: &[PathBuf]) -> anyhow::Result<Vec<VariableFile>> {
    let shown = folder.display();
    let mut by_themselves = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {shown}"))? {
        let path = entry
            .with_context(|| format!("cannot read {shown}"))?
            .path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Terraform's own order: terraform.tfvars, terraform.tfvars.json, then *.auto.tfvars*.
        let rank = match name.as_ref() {
            "terraform.tfvars" => 0,
            "terraform.tfvars.json" => 1,
            auto if auto.ends_with(".auto.tfvars") || auto.ends_with(".auto.tfvars.json") => 2,
            _other => continue,
        };
        by_themselves.push((rank, path.clone()));
    }
    by_themselves.sort();
    let paths = by_themselves.into_iter().map(|(_, path)| path);
    paths
        .chain(named.iter().cloned())
        .map(|path| read(&path))
        .collect()
}

fn read(path: &Path) -> anyhow::Result<VariableFile> {
    if path.extension().is_none_or(|end| end != "json") {
        return SourceFile::read(path).map(VariableFile::Hcl);
    }
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    match serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))? {
        Json::Object(object) => Ok(VariableFile::Json(path.to_owned(), object)),
        _other => bail!("{shown} is not a JSON object"),
    }
}

/// The variables' values; a later file's comes before an earlier one's.
pub(super) fn values<'a>(files: &[VariableFile]) -> anyhow::Result<BTreeMap<String, Value<'a>>> {
    let mut values = BTreeMap::new();
    for file in files {
        match file {
            VariableFile::Hcl(source) => {
                for attribute in source.body.attributes() {
                    let place = source.place_of_attribute(attribute);
                    let value = literal(&attribute.value).with_context(|| {
                        format!("{place}: a variable's value must be written out")
                    })?;
                    values.insert(attribute.key.as_str().to_owned(), value);
                }
            }
            VariableFile::Json(path, object) => {
                for (name, value) in object {
                    let value = from_json(value)
                        .with_context(|| format!("{}: {name} is out of range", path.display()))?;
                    values.insert(name.clone(), value);
                }
            }
        }
    }
    Ok(values)
}

/// Files of variables hold nothing but literals.
fn literal<'a>(expression: &Expression) -> Option<Value<'a>> {
    Some(match expression {
        Expression::Null(_) => Value::Null,
        Expression::Bool(flag) => Value::Bool(*flag.value()),
        Expression::Number(number) => Value::Number(number.value().as_f64()?),
        Expression::String(text) => Value::Text(text.value().clone()),
        Expression::Array(items) => Value::List(items.iter().map(literal).collect::<Option<_>>()?),
        Expression::Object(object) => {
            let mut fields = BTreeMap::new();
            for (key, value) in object {
                let name = match key {
                    ObjectKey::Ident(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(name) => name.as_str()?.to_owned(),
                };
                fields.insert(name, literal(value.expr())?);
            }
            Value::Object(fields)
        }
        _no_literal => return None,
    })
}

fn from_json<'a>(json: &Json) -> Option<Value<'a>> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::Number(number.as_f64()?),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect::<Option<_>>()?),
        Json::Object(fields) => {
            let field = |(name, value): (&String, &Json)| Some((name.clone(), from_json(value)?));
            Value::Object(fields.iter().map(field).collect::<Option<_>>()?)
        }
    })
}
