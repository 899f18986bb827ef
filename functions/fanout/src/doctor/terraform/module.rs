//! Modules and resources as they are once `for_each` and `count` are written out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use hcl_edit::structure::Block;

use super::evaluate::Scope;
use super::source::{BlockIn, Folder, Sources};
use super::value::{Evaluated, Fault, Value};
use crate::doctor::place::Place;

/// A module: the root, or one that is called with arguments.
pub(super) struct Module<'a> {
    sources: &'a Sources,
    path: PathBuf,
    folder: &'a Folder,
    /// `module.topic["user-events"]`; empty for the root.
    address: String,
    arguments: Arguments<'a>,
    /// What has been evaluated; `None` while it is being evaluated.
    known: RefCell<BTreeMap<String, Option<Evaluated<'a>>>>,
}

enum Arguments<'a> {
    /// From files of variables.
    Given(BTreeMap<String, Value<'a>>),
    /// From a `module` block.
    Called(&'a Block, Scope<'a>),
}

/// A resource: one of those that a block makes.
pub(super) struct Instance<'a> {
    /// `google_pubsub_topic`
    pub(super) kind: &'a str,
    /// Where its block is.
    pub(super) at: BlockIn<'a>,
    /// What its expressions see.
    pub(super) scope: Scope<'a>,
    /// `google_pubsub_topic.dead_letters["crm"]`, unique within its module.
    pub(super) address: String,
}

/// One element of a `for_each` or a `count`: the scope, and the end of the address.
type Element<'a> = (Scope<'a>, Option<Value<'a>>);

impl<'a> Module<'a> {
    /// The root module with these values of its variables.
    pub(super) fn root(
        sources: &'a Sources,
        values: BTreeMap<String, Value<'a>>,
    ) -> Option<Rc<Self>> {
        Some(Rc::new(Self {
            sources,
            path: sources.root.clone(),
            folder: sources.folder(&sources.root)?,
            address: String::new(),
            arguments: Arguments::Given(values),
            known: RefCell::default(),
        }))
    }

    /// Evaluates once, and notices what refers to itself.
    fn once(&self, name: &str, evaluate: impl FnOnce() -> Evaluated<'a>) -> Evaluated<'a> {
        if let Some(known) = self.known.borrow().get(name) {
            let circular = || Err(Fault::unsupported(format!("{name} refers to itself")));
            return known.clone().unwrap_or_else(circular);
        }
        self.known.borrow_mut().insert(name.to_owned(), None);
        let value = evaluate();
        self.known
            .borrow_mut()
            .insert(name.to_owned(), Some(value.clone()));
        value
    }

    /// `FIRST.SECOND` in an expression: a variable, a local value, a module, a resource.
    pub(super) fn reference(self: &Rc<Self>, first: &str, second: &str) -> Evaluated<'a> {
        self.once(&format!("{first}.{second}"), || match first {
            "var" => self.variable(second),
            "local" => self.local(second),
            "module" => self.calls(second),
            "data" | "path" | "terraform" | "self" | "each" | "count" => {
                Err(Fault::unsupported(format!("`{first}.{second}`")))
            }
            kind => self.resources(kind, second),
        })
    }

    fn variable(self: &Rc<Self>, name: &str) -> Evaluated<'a> {
        let declared = self.folder.block("variable", &[name]);
        let declared =
            declared.ok_or_else(|| Fault::wrong(format!("there is no variable {name}")))?;
        let body = &declared.block.body;
        let scope = Scope::new(self);
        let given = match &self.arguments {
            Arguments::Given(values) => values.get(name).cloned(),
            Arguments::Called(call, caller) => match call.body.get_attribute(name) {
                Some(argument) => Some(caller.evaluate(&argument.value)?),
                None => None,
            },
        };
        let nullable = match body.get_attribute("nullable") {
            Some(attribute) => scope.evaluate(&attribute.value)?.flag()?,
            None => true,
        };
        let given = given.filter(|value| nullable || !matches!(value, Value::Null));
        let default = || {
            body.get_attribute("default")
                .map(|found| scope.evaluate(&found.value))
        };
        let wanted = body.get_attribute("type").map(|attribute| &attribute.value);
        match (given.map(Ok).or_else(default), wanted) {
            (Some(value), Some(wanted)) => scope.convert(value?, wanted),
            (Some(value), None) => value,
            (None, Some(wanted)) => scope.stand_in(&format!("var.{name}"), wanted),
            (None, None) => Err(Fault::unsupported(format!("var.{name} has no value"))),
        }
    }

    /// A local value, and where it is; `None` if there is none of this name.
    pub(super) fn local_with_place(self: &Rc<Self>, name: &str) -> Option<(Place, Evaluated<'a>)> {
        let (file, attribute) = self.folder.local(name)?;
        let value = Scope::new(self).evaluate(&attribute.value);
        Some((file.place_of_attribute(attribute), value))
    }

    fn local(self: &Rc<Self>, name: &str) -> Evaluated<'a> {
        let (_, attribute) = self
            .folder
            .local(name)
            .ok_or_else(|| Fault::wrong(format!("there is no local value {name}")))?;
        Scope::new(self).evaluate(&attribute.value)
    }

    fn calls(self: &Rc<Self>, name: &str) -> Evaluated<'a> {
        let call = self.folder.block("module", &[name]);
        let call = call.ok_or_else(|| Fault::wrong(format!("there is no module {name}")))?;
        let make = |module: Rc<Self>| Value::Module(module);
        let modules = self.elements(call.block)?.into_iter();
        let modules = modules.map(|(scope, key)| {
            (
                key.clone(),
                self.call(name, call.block, scope, key.as_ref()).map(make),
            )
        });
        many(
            call.block,
            modules.map(|(key, module)| (key, Value::part(module))),
        )
    }

    fn call(
        self: &Rc<Self>,
        name: &str,
        call: &'a Block,
        caller: Scope<'a>,
        key: Option<&Value<'a>>,
    ) -> Result<Rc<Self>, Fault> {
        let path = self.sources.called(&self.path, call);
        let elsewhere = || Fault::unsupported(format!("module {name} is not in this folder"));
        let path = path.ok_or_else(elsewhere)?;
        Ok(Rc::new(Self {
            sources: self.sources,
            folder: self.sources.folder(&path).ok_or_else(elsewhere)?,
            path,
            address: self.within(&format!("module.{name}{}", bracketed(key))),
            arguments: Arguments::Called(call, caller),
            known: RefCell::default(),
        }))
    }

    fn within(&self, address: &str) -> String {
        match self.address.is_empty() {
            true => address.to_owned(),
            false => format!("{}.{address}", self.address),
        }
    }

    fn resources(self: &Rc<Self>, kind: &str, name: &str) -> Evaluated<'a> {
        let found = self.folder.block("resource", &[kind, name]);
        let found =
            found.ok_or_else(|| Fault::wrong(format!("there is no resource {kind}.{name}")))?;
        let made = self.instances(found)?.into_iter();
        many(
            found.block,
            made.map(|(key, instance)| (key, Value::Resource(Rc::new(instance)))),
        )
    }

    /// What a `resource` block makes.
    fn instances(
        self: &Rc<Self>,
        at: BlockIn<'a>,
    ) -> Result<Vec<(Option<Value<'a>>, Instance<'a>)>, Fault> {
        let [kind, name] = at.block.labels.as_slice() else {
            return Err(Fault::wrong("a resource has a type and a name"));
        };
        let instance = |(scope, key): Element<'a>| {
            let address = format!(
                "{}.{}{}",
                kind.as_str(),
                name.as_str(),
                bracketed(key.as_ref())
            );
            let instance = Instance {
                kind: kind.as_str(),
                at,
                scope,
                address: self.within(&address),
            };
            (key, instance)
        };
        Ok(self.elements(at.block)?.into_iter().map(instance).collect())
    }

    /// The elements that a block's `for_each` or `count` makes; one without a key if it has neither.
    fn elements(self: &Rc<Self>, block: &'a Block) -> Result<Vec<Element<'a>>, Fault> {
        let scope = Scope::new(self);
        if let Some(attribute) = block.body.get_attribute("for_each") {
            let mut elements = Vec::new();
            for (key, value) in each(&scope.evaluate(&attribute.value)?)? {
                elements.push((scope.with_each("each", key.clone(), value), Some(key)));
            }
            return Ok(elements);
        }
        if let Some(attribute) = block.body.get_attribute("count") {
            let count = scope.evaluate(&attribute.value)?.number()?;
            let element = |index: u32| {
                let index = Value::Number(f64::from(index));
                let count = Value::Object([("index".to_owned(), index.clone())].into());
                (scope.with("count", count), Some(index))
            };
            // More than a hundred thousand is nobody's topology.
            let count = (0..100_000).take_while(|index| f64::from(*index) < count);
            return Ok(count.map(element).collect());
        }
        Ok(vec![(scope, None)])
    }

    /// An output.
    pub(super) fn output(self: &Rc<Self>, name: &str) -> Evaluated<'a> {
        let found = self.folder.block("output", &[name]);
        let value = found.and_then(|output| output.block.body.get_attribute("value"));
        let missing = || Fault::wrong(format!("{} has no output {name}", self.address));
        let value = value.ok_or_else(missing)?;
        self.once(&format!("output.{name}"), || {
            Scope::new(self).evaluate(&value.value)
        })
    }

    /// Every resource of this module and of all that it calls. What a block makes cannot always be
    /// said; then there is the block and the reason.
    pub(super) fn all_resources(
        self: &Rc<Self>,
    ) -> Vec<Result<Rc<Instance<'a>>, (BlockIn<'a>, Fault)>> {
        let mut all = Vec::new();
        let folder: &'a Folder = self.folder;
        for at in folder.blocks("resource") {
            match self.instances(at) {
                Ok(made) => all.extend(made.into_iter().map(|(_, made)| Ok(Rc::new(made)))),
                Err(fault) => all.push(Err((at, fault))),
            }
        }
        for at in folder.blocks("module") {
            let Some(name) = at.block.labels.first() else {
                continue;
            };
            let called = self.reference("module", name.as_str());
            let modules = called.and_then(|value| match value {
                single @ Value::Module(_) => Ok(vec![single]),
                many => many.items(),
            });
            match modules {
                Ok(modules) => {
                    for module in modules {
                        match module {
                            Value::Module(module) => all.extend(module.all_resources()),
                            other => all.push(Err((
                                at,
                                other
                                    .known()
                                    .err()
                                    .unwrap_or_else(|| Fault::wrong("not a module")),
                            ))),
                        }
                    }
                }
                Err(fault) => all.push(Err((at, fault))),
            }
        }
        all
    }
}

impl<'a> Instance<'a> {
    /// An attribute: as it is written, or as Google is known to fill it in.
    pub(super) fn attribute(&self, name: &str) -> Evaluated<'a> {
        let key = format!("{}:{name}", self.address);
        self.scope
            .module
            .once(&key, || match self.at.block.body.get_attribute(name) {
                Some(attribute) => self.scope.evaluate(&attribute.value),
                None => self.computed(name),
            })
    }

    /// What Google makes of other attributes, and so is the same for everybody.
    fn computed(&self, name: &str) -> Evaluated<'a> {
        let own = |attribute: &str| self.attribute(attribute).and_then(|value| value.text());
        let email = || {
            Ok::<_, Fault>(format!(
                "{}@{}.iam.gserviceaccount.com",
                own("account_id")?,
                own("project")?
            ))
        };
        Ok(Value::Text(match (self.kind, name) {
            ("google_pubsub_topic", "id") => {
                format!("projects/{}/topics/{}", own("project")?, own("name")?)
            }
            ("google_pubsub_subscription", "id") => {
                format!(
                    "projects/{}/subscriptions/{}",
                    own("project")?,
                    own("name")?
                )
            }
            ("google_service_account", "email") => email()?,
            ("google_service_account", "member") => format!("serviceAccount:{}", email()?),
            (_, "project") => "<the provider's project>".to_owned(),
            (_, _) => {
                let what = format!("`{name}` of {}, which only Google knows", self.address);
                return Err(Fault::unsupported(what));
            }
        }))
    }
}

/// Keys and values of a `for_each`: a set's keys are its elements.
pub(super) fn each<'a>(collection: &Value<'a>) -> Result<Vec<(Value<'a>, Value<'a>)>, Fault> {
    if let Value::List(items) = collection {
        return Ok(items
            .iter()
            .map(|item| (item.clone(), item.clone()))
            .collect());
    }
    collection.entries()
}

/// What a name stands for: one thing, or all those of a `for_each` or a `count`.
fn many<'a>(
    block: &Block,
    made: impl Iterator<Item = (Option<Value<'a>>, Value<'a>)>,
) -> Evaluated<'a> {
    let mut made = made.peekable();
    if block.body.has_attribute("count") {
        return Ok(Value::List(made.map(|(_, value)| value).collect()));
    }
    if !block.body.has_attribute("for_each") {
        let only = made.next().map(|(_, value)| value);
        return only.ok_or_else(|| Fault::wrong("nothing is made"));
    }
    let named = made.map(|(key, value)| Ok((key.unwrap_or(Value::Null).text()?, value)));
    Ok(Value::Object(named.collect::<Result<_, Fault>>()?))
}

fn bracketed(key: Option<&Value<'_>>) -> String {
    match key {
        None => String::new(),
        Some(Value::Number(index)) => format!("[{index}]"),
        Some(other) => format!("[{:?}]", other.text().unwrap_or_default()),
    }
}
