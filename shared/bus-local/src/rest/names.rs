//! Names of resources, and of the methods on them.

use http::Method;

use super::error::RestError;
use crate::subscriptions::DELETED_TOPIC;

/// What can be called on a topic or a subscription.
pub(super) const CALLS: [&str; 5] = [
    "publish",
    "pull",
    "acknowledge",
    "modifyAckDeadline",
    "seek",
];

pub(super) fn topic_path(project: &str, name: &str) -> String {
    if name == DELETED_TOPIC {
        return name.to_owned();
    }
    format!("projects/{project}/topics/{name}")
}

/// `NAME:METHOD`, as Google writes calls that are more than reading and writing.
pub(super) fn split_method(segment: &str) -> (&str, &str) {
    segment.rsplit_once(':').unwrap_or((segment, ""))
}

/// The name in a path that calls no such method on it; no name has a colon. `kind` is `topics` or
/// `subscriptions`.
pub(super) fn plain_name(kind: &str, segment: String) -> Result<String, RestError> {
    match segment.split_once(':') {
        Some((_, method)) => Err(unsupported(kind, method)),
        None => Ok(segment),
    }
}

/// What this broker does not do, by Google's name for it: `projects.topics.getIamPolicy`.
pub(super) fn unsupported(kind: &str, method: &str) -> RestError {
    RestError::Invalid(format!(
        "the embedded broker does not do projects.{kind}.{method}. It does: topics list, describe, create, delete, publish and list-subscriptions; subscriptions list, describe, create, delete, pull, acknowledge, modifyAckDeadline and seek to a time"
    ))
}

/// The same for a request that no route is for.
pub(super) fn unsupported_request(method: &Method, path: &str) -> RestError {
    let Some(path) = path.strip_prefix("/v1/projects/") else {
        return RestError::NoSuchPath;
    };
    let mut segments: Vec<&str> = path.split('/').collect();
    let (last, called) = split_method(segments.pop().unwrap_or_default());
    segments.push(last);
    let (kind, named) = match segments[..] {
        [_project, kind] => (kind.to_owned(), false),
        [_project, kind, _name] => (kind.to_owned(), true),
        [_project, kind, _name, inner] => (format!("{kind}.{inner}"), false),
        _ => return RestError::NoSuchPath,
    };
    let known = |kind| ["topics", "subscriptions", "snapshots", "schemas"].contains(&kind);
    if !kind.split('.').all(known) {
        return RestError::NoSuchPath;
    }
    let method = match *method {
        _ if !called.is_empty() => called,
        Method::GET if !named => "list",
        Method::GET => "get",
        Method::PUT | Method::POST => "create",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => return RestError::NoSuchPath,
    };
    unsupported(&kind, method)
}
