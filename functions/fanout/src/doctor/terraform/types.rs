//! Type constraints of variables: they fill in what is optional and leave out what is not named.

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, FuncCall, Object, ObjectKey};

use super::evaluate::Scope;
use super::value::{Evaluated, Fault, Value};

impl<'a> Scope<'a> {
    /// The value in this type.
    pub(super) fn convert(&self, value: Value<'a>, wanted: &'a Expression) -> Evaluated<'a> {
        let value = value.known()?;
        if matches!(value, Value::Null | Value::Resource(_) | Value::Module(_)) {
            return Ok(value);
        }
        match wanted {
            Expression::Variable(name) => match name.as_str() {
                "string" => value.text().map(Value::Text),
                "number" => value.number().map(Value::Number),
                "bool" => value.flag().map(Value::Bool),
                "any" => Ok(value),
                other => Err(Fault::wrong(format!("there is no type `{other}`"))),
            },
            Expression::FuncCall(call) => self.convert_into_many(value, call),
            _no_type => Err(Fault::unsupported("a type of another form")),
        }
    }

    fn convert_into_many(&self, value: Value<'a>, call: &'a FuncCall) -> Evaluated<'a> {
        let inner = call
            .args
            .get(0)
            .ok_or_else(|| Fault::wrong("a type without its argument"))?;
        let part = |value| Value::part(self.convert(value, inner));
        match call.name.name.as_str() {
            "list" => Ok(Value::List(value.items()?.into_iter().map(part).collect())),
            "set" => {
                let items: Vec<Value<'a>> = value.items()?.into_iter().map(part).collect();
                super::functions::call("toset", &[Value::List(items)])
            }
            "map" => {
                let fields = value.fields()?.iter();
                let fields = fields.map(|(name, value)| (name.clone(), part(value.clone())));
                Ok(Value::Object(fields.collect()))
            }
            "object" => match inner {
                Expression::Object(object) => self.convert_into_object(&value, object),
                _no_object => Err(Fault::wrong("object takes attributes")),
            },
            other => Err(Fault::unsupported(format!("the type {other}"))),
        }
    }

    fn convert_into_object(&self, value: &Value<'a>, wanted: &'a Object) -> Evaluated<'a> {
        let given = value.fields()?;
        let mut fields = BTreeMap::new();
        for attribute in Attribute::of(wanted)? {
            let found = given.get(&attribute.name);
            let given = found.filter(|value| !matches!(value, Value::Null)).cloned();
            let value = match (given, attribute.optional, attribute.default) {
                (Some(value), _, _) => Value::part(self.convert(value, attribute.wanted)),
                (None, true, Some(default)) => {
                    let default = self.evaluate(default)?;
                    Value::part(self.convert(default, attribute.wanted))
                }
                (None, true, None) => Value::Null,
                (None, false, _) if found.is_some() => Value::Null,
                (None, false, _) => {
                    let name = attribute.name;
                    return Err(Fault::wrong(format!("the attribute `{name}` is missing")));
                }
            };
            fields.insert(attribute.name, value);
        }
        Ok(Value::Object(fields))
    }

    /// What stands for a variable that has no value: a text that says its name. Two expressions that
    /// are made from it in the same way are equal then, whatever its value will be. Only texts, and
    /// objects of them, can be stood for.
    pub(super) fn stand_in(&self, name: &str, wanted: &'a Expression) -> Evaluated<'a> {
        let unset = || Fault::unsupported(format!("{name} has no value: pass it by --var-file"));
        match wanted {
            Expression::Variable(word) if word.as_str() == "string" => {
                Ok(Value::Text(format!("<{name}>")))
            }
            Expression::FuncCall(call) if call.name.name.as_str() == "object" => {
                let Some(Expression::Object(object)) = call.args.get(0) else {
                    return Err(unset());
                };
                let mut fields = BTreeMap::new();
                for attribute in Attribute::of(object)? {
                    let value = match (attribute.optional, attribute.default) {
                        (true, Some(default)) => self.evaluate(default),
                        (true, None) => Ok(Value::Null),
                        (false, _) => {
                            let name = format!("{name}.{}", attribute.name);
                            self.stand_in(&name, attribute.wanted)
                        }
                    };
                    fields.insert(attribute.name, Value::part(value));
                }
                Ok(Value::Object(fields))
            }
            _other => Err(unset()),
        }
    }
}

/// One attribute of an object type.
struct Attribute<'a> {
    name: String,
    wanted: &'a Expression,
    optional: bool,
    default: Option<&'a Expression>,
}

impl<'a> Attribute<'a> {
    fn of(wanted: &'a Object) -> Result<Vec<Self>, Fault> {
        wanted
            .iter()
            .map(|(key, value)| Self::read(key, value.expr()))
            .collect()
    }

    fn read(key: &ObjectKey, wanted: &'a Expression) -> Result<Self, Fault> {
        let name = key
            .as_ident()
            .ok_or_else(|| Fault::unsupported("a quoted attribute of a type"))?;
        let name = name.as_str().to_owned();
        if let Expression::FuncCall(call) = wanted
            && call.name.name.as_str() == "optional"
        {
            let inner = call.args.get(0);
            return Ok(Self {
                name,
                wanted: inner.ok_or_else(|| Fault::wrong("optional takes a type"))?,
                optional: true,
                default: call.args.get(1),
            });
        }
        Ok(Self {
            name,
            wanted,
            optional: false,
            default: None,
        })
    }
}
