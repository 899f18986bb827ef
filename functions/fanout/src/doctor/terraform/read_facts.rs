//! From resources to facts.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use hcl_edit::structure::{Block, Body};

use super::evaluate::Scope;
use super::module::{Instance, Module, each};
use super::source::SourceFile;
use super::value::{Evaluated, Fault, Value};
use crate::doctor::facts::{
    Expires, Fact, Facts, Field, Grant, GrantedOn, Service, Subscription, Surroundings, Topic,
    Unreadable, parse_seconds, short_name,
};
use crate::doctor::place::Place;

/// Everything that the rules ask for.
pub(super) fn of(root: &Rc<Module<'_>>, folder: &Path) -> Facts {
    let mut facts = Facts {
        place: Place::Folder(folder.display().to_string()),
        topics: Vec::new(),
        subscriptions: Vec::new(),
        surroundings: None,
    };
    let mut around = Surroundings {
        mark_lifetime: mark_lifetime(root),
        ..Surroundings::default()
    };
    for found in root.all_resources() {
        match found {
            Ok(instance) => add(&instance, &mut facts, &mut around),
            Err((at, fault)) => around.unreadable.push(Unreadable {
                place: at.file.place_of_block(at.block),
                reason: fault.message().to_owned(),
            }),
        }
    }
    facts.surroundings = Some(around);
    facts
}

fn add(instance: &Instance<'_>, facts: &mut Facts, around: &mut Surroundings) {
    let body = Part::of(instance);
    match instance.kind {
        "google_pubsub_topic" => facts.topics.push(Topic {
            name: body.text("name"),
        }),
        "google_pubsub_subscription" => facts.subscriptions.push(subscription(&body)),
        "google_cloud_run_v2_service" => around.services.push(service(&body)),
        "google_firestore_field" => around.fields.push(field(&body)),
        kind => {
            let (on, name) = match kind.rsplit_once("_iam_").map(|(on, _)| on) {
                Some("google_pubsub_topic") => (GrantedOn::Topic, "topic"),
                Some("google_pubsub_subscription") => (GrantedOn::Subscription, "subscription"),
                Some("google_cloud_run_v2_service") => (GrantedOn::Service, "name"),
                Some("google_project") => (GrantedOn::Project, "project"),
                _other => return,
            };
            around.grants.push(Grant {
                on,
                name: body.text(name).map(short_name),
                role: body.text("role"),
                members: match kind.ends_with("_iam_member") {
                    true => body.text("member").map(|member| vec![member]),
                    false => body.texts("members"),
                },
            });
        }
    }
}

fn subscription(body: &Part<'_>) -> Subscription {
    let push = body.block("push_config");
    let token = push
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|push| match push {
            Some(push) => push.block("oidc_token"),
            None => Ok(None),
        });
    let retry = body.block("retry_policy");
    let dead_letters = body.block("dead_letter_policy");
    let expiration = body.block("expiration_policy");
    let seconds = |text: String| parse_seconds(&text);
    Subscription {
        name: body.text("name"),
        topic: body.text("topic").map(short_name),
        push_endpoint: body.text_in(&push, "push_endpoint"),
        push_identity: body.text_in(&token, "service_account_email"),
        dead_letter_topic: body
            .text_in(&dead_letters, "dead_letter_topic")
            .map(short_name),
        max_attempts: body
            .text_in(&dead_letters, "max_delivery_attempts")
            .try_map(|text| {
                text.parse()
                    .map_err(|_| format!("`{text}` is not a number"))
            }),
        min_backoff: body.text_in(&retry, "minimum_backoff").try_map(seconds),
        max_backoff: body.text_in(&retry, "maximum_backoff").try_map(seconds),
        expires: body
            .text_in(&expiration, "ttl")
            .map(|ttl| match ttl.is_empty() {
                true => Expires::Never,
                false => Expires::After(ttl),
            }),
        ack_deadline: body
            .text("ack_deadline_seconds")
            .try_map(|text| parse_seconds(&format!("{text}s"))),
        retention: body.text("message_retention_duration").try_map(seconds),
    }
}

fn service(body: &Part<'_>) -> Service {
    let environment = || -> Result<BTreeMap<String, Fact<String>>, Fault> {
        let mut variables = BTreeMap::new();
        for template in body.blocks("template")? {
            for container in template.blocks("containers")? {
                for variable in container.blocks("env")? {
                    let name = variable.evaluate("name")?.text()?;
                    variables.insert(name, variable.text("value"));
                }
            }
        }
        Ok(variables)
    };
    Service {
        name: body.text("name"),
        environment: environment().map_err(|fault| Unreadable {
            place: body.place.clone(),
            reason: fault.message().to_owned(),
        }),
    }
}

fn field(body: &Part<'_>) -> Field {
    let count = |kind| body.blocks(kind).map_or(0, |blocks| blocks.len());
    let indexes = body.block("index_config").ok().flatten();
    Field {
        collection: body.text("collection"),
        field: body.text("field"),
        expires: count("ttl_config") > 0,
        indexes: indexes.map(|config| {
            config
                .blocks("indexes")
                .map_or(usize::MAX, |found| found.len())
        }),
        place: body.place.clone(),
    }
}

/// `local.mark_retention_days`: Terraform's copy of how long the code keeps marks.
fn mark_lifetime(root: &Rc<Module<'_>>) -> Option<Fact<Duration>> {
    let (place, days) = root.local_with_place("mark_retention_days")?;
    let fact = Fact {
        value: days
            .and_then(|days| Ok(Some(days.number()?)))
            .map_err(|fault| fault.message().to_owned()),
        place,
    };
    let day =
        |days: f64| Duration::try_from_secs_f64(days * 86_400.0).map_err(|error| error.to_string());
    Some(fact.try_map(day))
}

/// A resource's body, or a block in it.
#[derive(Clone)]
struct Part<'a> {
    file: &'a SourceFile,
    body: &'a Body,
    scope: Scope<'a>,
    place: Place,
}

impl<'a> Part<'a> {
    fn of(instance: &Instance<'a>) -> Self {
        let at = instance.at;
        Self {
            file: at.file,
            body: &at.block.body,
            scope: instance.scope.clone(),
            place: at.file.place_of_block(at.block),
        }
    }

    fn evaluate(&self, name: &str) -> Evaluated<'a> {
        match self.body.get_attribute(name) {
            Some(attribute) => self.scope.evaluate(&attribute.value),
            None => Ok(Value::Null),
        }
    }

    fn fact<T>(&self, name: &str, read: impl FnOnce(Value<'a>) -> Result<T, Fault>) -> Fact<T> {
        let attribute = self.body.get_attribute(name);
        let value = self.evaluate(name).and_then(|value| match value {
            Value::Null => Ok(None),
            value => read(value).map(Some),
        });
        Fact {
            value: value.map_err(|fault| fault.message().to_owned()),
            place: attribute.map_or_else(
                || self.place.clone(),
                |attribute| self.file.place_of_attribute(attribute),
            ),
        }
    }

    fn text(&self, name: &str) -> Fact<String> {
        self.fact(name, |value| value.text())
    }

    fn texts(&self, name: &str) -> Fact<Vec<String>> {
        self.fact(name, |value| {
            value.items()?.iter().map(Value::text).collect()
        })
    }

    /// The text of this name in a block of this part, which may not be there.
    fn text_in(&self, block: &Result<Option<Part<'a>>, Fault>, name: &str) -> Fact<String> {
        match block {
            Ok(Some(block)) => block.text(name),
            Ok(None) => Fact::known(None, self.place.clone()),
            Err(fault) => Fact {
                value: Err(fault.message().to_owned()),
                place: self.place.clone(),
            },
        }
    }

    fn block(&self, kind: &str) -> Result<Option<Part<'a>>, Fault> {
        Ok(self.blocks(kind)?.into_iter().next())
    }

    /// The blocks of this kind, those of `dynamic` blocks written out.
    fn blocks(&self, kind: &str) -> Result<Vec<Part<'a>>, Fault> {
        let part = |block: &'a Block, scope: Scope<'a>| Part {
            file: self.file,
            body: &block.body,
            scope,
            place: self.file.place_of_block(block),
        };
        let blocks = self.body.blocks();
        let written = blocks.filter(|block| block.has_ident(kind) && block.labels.is_empty());
        let mut found: Vec<Part<'a>> = written
            .map(|block| part(block, self.scope.clone()))
            .collect();
        for dynamic in self
            .body
            .blocks()
            .filter(|block| block.has_ident("dynamic"))
        {
            if !dynamic.has_exact_labels(&[kind]) {
                continue;
            }
            let content = dynamic
                .body
                .blocks()
                .find(|block| block.has_ident("content"));
            let collection = dynamic.body.get_attribute("for_each");
            let (Some(content), Some(collection)) = (content, collection) else {
                return Err(Fault::wrong("a dynamic block without for_each or content"));
            };
            if dynamic.body.has_attribute("iterator") {
                return Err(Fault::unsupported(
                    "a dynamic block with an iterator of its own",
                ));
            }
            for (key, value) in each(&self.scope.evaluate(&collection.value)?)? {
                found.push(part(content, self.scope.with_each(kind, key, value)));
            }
        }
        Ok(found)
    }
}
