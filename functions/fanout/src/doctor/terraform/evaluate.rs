//! Terraform's expressions, as far as they are needed to see what a topology comes to. What is not
//! understood is an error that says so, never a guess.

use std::collections::BTreeMap;
use std::rc::Rc;

use hcl_edit::expr::{
    BinaryOp, BinaryOperator, Conditional, Expression, ForExpr, FuncCall, Object, ObjectKey,
    Traversal, TraversalOperator, UnaryOp, UnaryOperator,
};
use hcl_edit::template::{Element, StringTemplate};

use super::functions;
use super::module::Module;
use super::value::{Evaluated, Fault, Value};

/// Where an expression stands: its module, and the names that only hold there (`each`, `count`, what
/// a `for` or a dynamic block goes over).
#[derive(Clone)]
pub(super) struct Scope<'a> {
    pub(super) module: Rc<Module<'a>>,
    names: BTreeMap<String, Value<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(module: &Rc<Module<'a>>) -> Self {
        let module = Rc::clone(module);
        let names = BTreeMap::new();
        Self { module, names }
    }

    /// The same scope with one more name.
    pub(super) fn with(&self, name: &str, value: Value<'a>) -> Self {
        let mut scope = self.clone();
        scope.names.insert(name.to_owned(), value);
        scope
    }

    /// The scope of one element: `each.key` and `each.value`, or the same of a dynamic block.
    pub(super) fn with_each(&self, name: &str, key: Value<'a>, value: Value<'a>) -> Self {
        let each = [("key".to_owned(), key), ("value".to_owned(), value)];
        self.with(name, Value::Object(each.into_iter().collect()))
    }

    /// What the expression comes to.
    pub(super) fn evaluate(&self, expression: &'a Expression) -> Evaluated<'a> {
        match expression {
            Expression::Null(_) => Ok(Value::Null),
            Expression::Bool(flag) => Ok(Value::Bool(*flag.value())),
            Expression::Number(number) => match number.value().as_f64() {
                Some(number) => Ok(Value::Number(number)),
                None => Err(Fault::unsupported("a number that is too large")),
            },
            Expression::String(text) => Ok(Value::Text(text.value().clone())),
            Expression::Array(array) => {
                let items = array.iter().map(|item| Value::part(self.evaluate(item)));
                Ok(Value::List(items.collect()))
            }
            Expression::Object(object) => self.object(object),
            Expression::StringTemplate(template) => self.template(template),
            Expression::HeredocTemplate(_) => Err(Fault::unsupported("a heredoc")),
            Expression::Parenthesis(inner) => self.evaluate(inner.inner()),
            Expression::Variable(name) => self.name(name.as_str()),
            Expression::Conditional(conditional) => self.conditional(conditional),
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(operation) => self.unary(operation),
            Expression::BinaryOp(operation) => self.binary(operation),
            Expression::ForExpr(expression) => self.for_each(expression),
        }
    }

    /// A word by itself. In a place that takes a type it may be one; here it is none.
    fn name(&self, name: &str) -> Evaluated<'a> {
        match self.names.get(name) {
            Some(value) => value.clone().known(),
            None => Err(Fault::wrong(format!(
                "`{name}` is no name that is known here"
            ))),
        }
    }

    fn object(&self, object: &'a Object) -> Evaluated<'a> {
        let mut fields = BTreeMap::new();
        for (key, value) in object {
            let name = match key {
                ObjectKey::Ident(name) => name.as_str().to_owned(),
                ObjectKey::Expression(key) => self.evaluate(key)?.text()?,
            };
            fields.insert(name, Value::part(self.evaluate(value.expr())));
        }
        Ok(Value::Object(fields))
    }

    fn template(&self, template: &'a StringTemplate) -> Evaluated<'a> {
        let elements: Vec<&Element> = template.iter().collect();
        if let [Element::Interpolation(only)] = elements.as_slice() {
            return self.evaluate(&only.expr);
        }
        let mut text = String::new();
        for element in elements {
            match element {
                Element::Literal(literal) => text.push_str(literal.value()),
                Element::Interpolation(part) => text.push_str(&self.evaluate(&part.expr)?.text()?),
                Element::Directive(_) => return Err(Fault::unsupported("a template directive")),
            }
        }
        Ok(Value::Text(text))
    }

    fn conditional(&self, conditional: &'a Conditional) -> Evaluated<'a> {
        match self.evaluate(&conditional.cond_expr)?.flag()? {
            true => self.evaluate(&conditional.true_expr),
            false => self.evaluate(&conditional.false_expr),
        }
    }

    fn call(&self, call: &'a FuncCall) -> Evaluated<'a> {
        let name = call.name.name.as_str();
        if call.name.is_namespaced() {
            return Err(Fault::unsupported(format!(
                "the function {name} of a provider"
            )));
        }
        let mut arguments: Vec<&'a Expression> = call.args.iter().collect();
        if name == "try" {
            return self.first_that_works(&arguments);
        }
        if name == "can" {
            let [argument] = arguments.as_slice() else {
                return Err(Fault::wrong("can takes one argument"));
            };
            return match self.evaluate(argument) {
                Ok(_) => Ok(Value::Bool(true)),
                Err(Fault::Wrong(_)) => Ok(Value::Bool(false)),
                Err(unsupported @ Fault::Unsupported(_)) => Err(unsupported),
            };
        }
        let spread = match call.args.expand_final() {
            true => arguments.pop(),
            false => None,
        };
        let values = arguments
            .into_iter()
            .map(|argument| self.evaluate(argument));
        let mut values = values.collect::<Result<Vec<_>, _>>()?;
        if let Some(last) = spread {
            values.extend(self.evaluate(last)?.items()?);
        }
        functions::call(name, &values)
    }

    fn first_that_works(&self, arguments: &[&'a Expression]) -> Evaluated<'a> {
        let mut last = Fault::wrong("try takes an argument");
        for argument in arguments {
            match self.evaluate(argument) {
                Ok(value) => return Ok(value),
                Err(wrong @ Fault::Wrong(_)) => last = wrong,
                Err(unsupported @ Fault::Unsupported(_)) => return Err(unsupported),
            }
        }
        Err(last)
    }

    fn traversal(&self, traversal: &'a Traversal) -> Evaluated<'a> {
        let operators: Vec<&'a TraversalOperator> = traversal
            .operators
            .iter()
            .map(|operator| operator.value())
            .collect();
        let Expression::Variable(first) = &traversal.expr else {
            return self.walk(self.evaluate(&traversal.expr)?, &operators);
        };
        let first = first.as_str();
        if self.names.contains_key(first) {
            return self.walk(self.name(first)?, &operators);
        }
        let Some((TraversalOperator::GetAttr(second), rest)) = operators.split_first() else {
            return Err(Fault::unsupported(format!("`{first}` by itself")));
        };
        let value = self.module.reference(first, second.as_str())?;
        self.walk(value, rest)
    }

    /// Goes from a value to what the rest of a traversal names in it.
    fn walk(&self, value: Value<'a>, operators: &[&'a TraversalOperator]) -> Evaluated<'a> {
        let Some((operator, rest)) = operators.split_first() else {
            return value.known();
        };
        let next = match operator {
            TraversalOperator::GetAttr(name) => get(&value, name.as_str())?,
            TraversalOperator::Index(index) => self.index(&value, index)?,
            TraversalOperator::LegacyIndex(index) => get(&value, &index.value().to_string())?,
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                let items = match value {
                    Value::List(items) => items,
                    Value::Null => Vec::new(),
                    single @ (Value::Bool(_)
                    | Value::Number(_)
                    | Value::Text(_)
                    | Value::Object(_)
                    | Value::Resource(_)
                    | Value::Module(_)
                    | Value::Unknown(_)) => vec![single],
                };
                let walked = items
                    .into_iter()
                    .map(|item| Value::part(self.walk(item, rest)));
                return Ok(Value::List(walked.collect()));
            }
        };
        self.walk(next, rest)
    }

    fn index(&self, value: &Value<'a>, index: &'a Expression) -> Evaluated<'a> {
        get(value, &self.evaluate(index)?.text()?)
    }

    fn unary(&self, operation: &'a UnaryOp) -> Evaluated<'a> {
        let value = self.evaluate(&operation.expr)?;
        match operation.operator.value() {
            UnaryOperator::Neg => Ok(Value::Number(-value.number()?)),
            UnaryOperator::Not => Ok(Value::Bool(!value.flag()?)),
        }
    }

    fn binary(&self, operation: &'a BinaryOp) -> Evaluated<'a> {
        let left = self.evaluate(&operation.lhs_expr)?;
        let operator = *operation.operator.value();
        match operator {
            BinaryOperator::And if !left.flag()? => return Ok(left),
            BinaryOperator::Or if left.flag()? => return Ok(left),
            _needs_both => {}
        }
        let right = self.evaluate(&operation.rhs_expr)?;
        let numbers = || Ok::<_, Fault>((left.number()?, right.number()?));
        Ok(match operator {
            BinaryOperator::And | BinaryOperator::Or => Value::Bool(right.flag()?),
            BinaryOperator::Eq => Value::Bool(left.equals(&right)?),
            BinaryOperator::NotEq => Value::Bool(!left.equals(&right)?),
            BinaryOperator::LessEq => numbers().map(|(a, b)| Value::Bool(a <= b))?,
            BinaryOperator::GreaterEq => numbers().map(|(a, b)| Value::Bool(a >= b))?,
            BinaryOperator::Less => numbers().map(|(a, b)| Value::Bool(a < b))?,
            BinaryOperator::Greater => numbers().map(|(a, b)| Value::Bool(a > b))?,
            BinaryOperator::Plus => numbers().map(|(a, b)| Value::Number(a + b))?,
            BinaryOperator::Minus => numbers().map(|(a, b)| Value::Number(a - b))?,
            BinaryOperator::Mul => numbers().map(|(a, b)| Value::Number(a * b))?,
            BinaryOperator::Div => numbers().map(|(a, b)| Value::Number(a / b))?,
            BinaryOperator::Mod => numbers().map(|(a, b)| Value::Number(a % b))?,
        })
    }

    fn for_each(&self, expression: &'a ForExpr) -> Evaluated<'a> {
        let intro = &expression.intro;
        let mut list = Vec::new();
        let mut object: BTreeMap<String, Value<'a>> = BTreeMap::new();
        for (key, value) in self.evaluate(&intro.collection_expr)?.entries()? {
            let mut scope = self.with(intro.value_var.as_str(), value);
            if let Some(name) = &intro.key_var {
                scope = scope.with(name.as_str(), key);
            }
            if let Some(condition) = &expression.cond
                && !scope.evaluate(&condition.expr)?.flag()?
            {
                continue;
            }
            let value = Value::part(scope.evaluate(&expression.value_expr));
            match &expression.key_expr {
                None => list.push(value),
                Some(_) if expression.grouping => {
                    return Err(Fault::unsupported("a `for` that groups"));
                }
                Some(key) => {
                    object.insert(scope.evaluate(key)?.text()?, value);
                }
            }
        }
        Ok(match expression.key_expr {
            None => Value::List(list),
            Some(_) => Value::Object(object),
        })
    }
}

/// One thing in a value, by its name or index.
fn get<'a>(value: &Value<'a>, name: &str) -> Evaluated<'a> {
    let missing = || Fault::wrong(format!("there is no `{name}`"));
    match value {
        Value::Resource(instance) => instance.attribute(name),
        Value::Module(module) => module.output(name),
        Value::List(items) => {
            let index: usize = name.parse().map_err(|_| missing())?;
            items.get(index).cloned().ok_or_else(missing)?.known()
        }
        Value::Object(fields) => fields.get(name).cloned().ok_or_else(missing)?.known(),
        Value::Unknown(fault) => Err(fault.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => Err(missing()),
    }
}
