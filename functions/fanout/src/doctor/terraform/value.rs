//! Values of Terraform's expressions.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::module::{Instance, Module};

/// A value. Lists stand for sets and tuples too, objects for maps.
#[derive(Clone)]
pub(super) enum Value<'a> {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Value<'a>>),
    /// Values by name.
    Object(BTreeMap<String, Value<'a>>),
    /// A resource, read when it is asked for an attribute.
    Resource(Rc<Instance<'a>>),
    /// A module, read when it is asked for an output.
    Module(Rc<Module<'a>>),
    /// A part of a larger value that could not be evaluated: harmless until it is looked at.
    Unknown(Fault),
}

/// Why an expression has no value here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Terraform would refuse it as well: `try` goes on to its next argument.
    Wrong(String),
    /// Only here: a function or construct that is not evaluated, or a value that only Google knows.
    Unsupported(String),
}

/// What evaluating gives.
pub(super) type Evaluated<'a> = Result<Value<'a>, Fault>;

impl Fault {
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(message.into())
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::Unsupported(message.into())
    }

    /// A sentence's worth of why.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Wrong(message) | Self::Unsupported(message) => message,
        }
    }
}

impl<'a> Value<'a> {
    /// The value itself, unless it is one that could not be evaluated.
    pub(super) fn known(self) -> Evaluated<'a> {
        if let Self::Unknown(fault) = self {
            return Err(fault);
        }
        Ok(self)
    }

    /// What evaluating gave, as a part of a larger value.
    pub(super) fn part(evaluated: Evaluated<'a>) -> Self {
        evaluated.unwrap_or_else(Self::Unknown)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Resource(_) => "a resource",
            Self::Module(_) => "a module",
            Self::Unknown(_) => "unknown",
        }
    }

    fn mismatch<T>(&self, wanted: &str) -> Result<T, Fault> {
        if let Self::Unknown(fault) = self {
            return Err(fault.clone());
        }
        let kind = self.kind();
        Err(Fault::wrong(format!("{kind} where {wanted} is needed")))
    }

    /// As a text; numbers and truth values are written out, as Terraform does.
    pub(super) fn text(&self) -> Result<String, Fault> {
        if let Self::Text(text) = self {
            return Ok(text.clone());
        }
        if let Self::Number(number) = self {
            return Ok(number.to_string());
        }
        if let Self::Bool(flag) = self {
            return Ok(flag.to_string());
        }
        self.mismatch("a text")
    }

    /// As a number; a text that is one counts.
    pub(super) fn number(&self) -> Result<f64, Fault> {
        if let Self::Number(number) = self {
            return Ok(*number);
        }
        if let Self::Text(text) = self
            && let Ok(number) = text.parse()
        {
            return Ok(number);
        }
        self.mismatch("a number")
    }

    /// As true or false; a text that is one of these counts.
    pub(super) fn flag(&self) -> Result<bool, Fault> {
        if let Self::Bool(flag) = self {
            return Ok(*flag);
        }
        if let Self::Text(text) = self
            && let Ok(flag) = text.parse()
        {
            return Ok(flag);
        }
        self.mismatch("true or false")
    }

    /// As values in order; an object gives its values.
    pub(super) fn items(&self) -> Result<Vec<Value<'a>>, Fault> {
        if let Self::List(items) = self {
            return Ok(items.clone());
        }
        if let Self::Object(fields) = self {
            return Ok(fields.values().cloned().collect());
        }
        self.mismatch("a list")
    }

    /// As values by name.
    pub(super) fn fields(&self) -> Result<&BTreeMap<String, Value<'a>>, Fault> {
        if let Self::Object(fields) = self {
            return Ok(fields);
        }
        self.mismatch("an object")
    }

    /// Keys and values, as `for` and `for_each` see them: a list's keys are its indexes.
    pub(super) fn entries(&self) -> Result<Vec<(Value<'a>, Value<'a>)>, Fault> {
        if let Self::List(items) = self {
            let numbered = items.iter().enumerate();
            let entry =
                |(index, item): (usize, &Value<'a>)| (Value::Number(index as f64), item.clone());
            return Ok(numbered.map(entry).collect());
        }
        let named = self.fields()?.iter();
        let entry =
            |(name, value): (&String, &Value<'a>)| (Value::Text(name.clone()), value.clone());
        Ok(named.map(entry).collect())
    }

    /// Whether two values are the same.
    pub(super) fn equals(&self, other: &Self) -> Result<bool, Fault> {
        match (self, other) {
            (Self::Unknown(fault), _) | (_, Self::Unknown(fault)) => Err(fault.clone()),
            (Self::Null, Self::Null) => Ok(true),
            (Self::Bool(a), Self::Bool(b)) => Ok(a == b),
            (Self::Number(a), Self::Number(b)) => Ok(a == b),
            (Self::Text(a), Self::Text(b)) => Ok(a == b),
            (Self::List(a), Self::List(b)) => all_equal(a.iter(), b.iter(), a.len() == b.len()),
            (Self::Object(a), Self::Object(b)) => {
                let same_names = a.keys().eq(b.keys());
                all_equal(a.values(), b.values(), same_names)
            }
            (Self::Resource(_) | Self::Module(_), _) | (_, Self::Resource(_) | Self::Module(_)) => {
                Err(Fault::unsupported("whole resources are not compared here"))
            }
            (
                Self::Null
                | Self::Bool(_)
                | Self::Number(_)
                | Self::Text(_)
                | Self::List(_)
                | Self::Object(_),
                _,
            ) => Ok(false),
        }
    }
}

fn all_equal<'v, 'a: 'v>(
    left: impl Iterator<Item = &'v Value<'a>>,
    right: impl Iterator<Item = &'v Value<'a>>,
    same_shape: bool,
) -> Result<bool, Fault> {
    if !same_shape {
        return Ok(false);
    }
    for (a, b) in left.zip(right) {
        if !a.equals(b)? {
            return Ok(false);
        }
    }
    Ok(true)
}
