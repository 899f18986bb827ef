//! A topology as the rules see it, wherever it was read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::place::Place;

/// One thing that is said of a resource, and where. `Ok(None)`: nothing is said. `Err`: something is
/// said that cannot be evaluated, and why.
#[derive(Debug, Clone)]
pub(super) struct Fact<T> {
    pub(super) value: Result<Option<T>, String>,
    pub(super) place: Place,
}

/// Topics and subscriptions, and what belongs to them.
#[derive(Debug)]
pub(super) struct Facts {
    /// Where all of it is, for what is missing.
    pub(super) place: Place,
    pub(super) topics: Vec<Topic>,
    pub(super) subscriptions: Vec<Subscription>,
    /// What only Terraform says; `None` where it was not read.
    pub(super) surroundings: Option<Surroundings>,
}

/// Rights, services and fields.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub(super) grants: Vec<Grant>,
    pub(super) services: Vec<Service>,
    pub(super) fields: Vec<Field>,
    /// The variable that repeats how long marks live, by its path, if there is one.
    pub(super) mark_lifetime: Option<Fact<Duration>>,
    /// Resources that cannot be said to exist or not.
    pub(super) unreadable: Vec<Unreadable>,
}

/// Something that could not be evaluated.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) place: Place,
    pub(super) reason: String,
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: Fact<String>,
}

/// A subscription. Topics are named by their short names.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) name: Fact<String>,
    pub(super) topic: Fact<String>,
    pub(super) push_endpoint: Fact<String>,
    /// The e-mail address of the service account that pushes.
    pub(super) push_identity: Fact<String>,
    pub(super) dead_letter_topic: Fact<String>,
    pub(super) max_attempts: Fact<f64>,
    pub(super) min_backoff: Fact<Duration>,
    pub(super) max_backoff: Fact<Duration>,
    pub(super) expires: Fact<Expires>,
    pub(super) ack_deadline: Fact<Duration>,
    pub(super) retention: Fact<Duration>,
}

/// When an idle subscription is deleted. Said of none, it is after 31 days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expires {
    Never,
    After(String),
}

/// A right on something.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) on: GrantedOn,
    /// The short name of what it is on.
    pub(super) name: Fact<String>,
    pub(super) role: Fact<String>,
    pub(super) members: Fact<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantedOn {
    Topic,
    Subscription,
    Service,
    Project,
}

/// A container and what it is told.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: Fact<String>,
    pub(super) environment: Result<BTreeMap<String, Fact<String>>, Unreadable>,
}

/// What is said of a field of a Firestore collection.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) collection: Fact<String>,
    pub(super) field: Fact<String>,
    pub(super) expires: bool,
    /// `Some(0)`: no index. `None`: the automatic ones.
    pub(super) indexes: Option<usize>,
    pub(super) place: Place,
}

impl<T> Fact<T> {
    pub(super) fn known(value: Option<T>, place: Place) -> Self {
        Self {
            value: Ok(value),
            place,
        }
    }

    /// The value, if there is one that could be evaluated.
    pub(super) fn get(&self) -> Option<&T> {
        self.value.as_ref().ok().and_then(Option::as_ref)
    }

    /// The same fact in another form.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        Fact {
            value: self.value.map(|value| value.map(change)),
            place: self.place,
        }
    }

    /// The same fact in another form, which not every value has.
    pub(super) fn try_map<U>(self, change: impl FnOnce(T) -> Result<U, String>) -> Fact<U> {
        Fact {
            value: self.value.and_then(|value| value.map(change).transpose()),
            place: self.place,
        }
    }
}

impl Subscription {
    /// Its name, as far as it can be said.
    pub(super) fn label(&self) -> String {
        self.name
            .get()
            .cloned()
            .unwrap_or_else(|| self.name.place.to_string())
    }
}

/// `600s`, as Google writes durations.
pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .strip_suffix('s')
        .and_then(|number| number.parse().ok());
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| format!("`{text}` is not a number of seconds such as 600s"))
}

/// The last part of a full name.
pub(super) fn short_name(name: String) -> String {
    match name.rsplit_once('/') {
        Some((_, short)) => short.to_owned(),
        None => name,
    }
}
