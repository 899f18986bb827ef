//! The services of a live project against the table, in the JSON of Cloud Run's API. What Terraform's
//! `overrides` may say otherwise is not compared.

use fanout_kernel::ServiceSpec;
use fanout_runtime::{Timings, error_chain};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Report, differs, field, named, pushed_to, text};
use crate::answer::printable;
use crate::cli::SystemsFlags;
use crate::google_api::{GoogleApi, GoogleApiError};

const NOWHERE: &str = "no subscription pushes to a service of Cloud Run, so none was looked at: run `terraform apply`";
const UNSEEN: &str =
    "is missing, or you may not see it: `terraform apply` makes it, and lets `operators` look";
const OPEN: &str = "everybody may call it, and must not: invokerIamDisabled is true";

/// The services run where the project's subscriptions push to.
pub(super) async fn check(
    cloud_run: &GoogleApi,
    project: &str,
    systems: &SystemsFlags,
    subscriptions: &[Value],
) -> Report {
    let mut roles = systems.roles();
    let region = roles.find_map(|spec| region_of(spec, project, subscriptions));
    let Some(region) = region else {
        return Report {
            looked_at: Vec::new(),
            findings: vec![NOWHERE.to_owned()],
        };
    };
    let path = ["v2", "projects", project, "locations", region, "services"];
    let api = cloud_run.clone().below(&path);
    let (mut looked_at, mut findings) = (0, Vec::new());
    let place = format!("projects/{project}/locations/{region}");
    for spec in systems.roles() {
        let name = format!("{place}/services/{}", spec.name);
        match api.get::<Value>(&[spec.name]).await {
            Ok(found) => {
                looked_at += 1;
                let different = differences(&found, project, spec).into_iter();
                findings.extend(different.map(|difference| format!("{name}: {difference}")));
            }
            Err(GoogleApiError::Refused(StatusCode::NOT_FOUND, _)) => {
                findings.push(format!("{name} is missing"));
            }
            // Who may see single services is not told which others there are.
            Err(GoogleApiError::Refused(StatusCode::FORBIDDEN, _)) => {
                findings.push(format!("{name} {UNSEEN}"));
            }
            Err(error) => {
                let error = printable(&error_chain(&error));
                findings.push(format!("{name} could not be read: {error}"));
            }
        }
    }
    Report {
        looked_at: vec![format!("{place}: services: {looked_at}")],
        findings,
    }
}

/// The region of a service that is pushed to. Terraform has pushes go to Cloud Run's predictable
/// address: `https://NAME-NUMBER.REGION.run.app`.
fn region_of<'s>(spec: &ServiceSpec, project: &str, subscriptions: &'s [Value]) -> Option<&'s str> {
    let subscription = spec.subscriber.as_ref()?.first_subscription();
    let subscription = format!("projects/{project}/subscriptions/{subscription}");
    let address = pushed_to(named(subscriptions, &subscription)?, spec.name)?;
    let (service, region) = address.strip_suffix(".run.app")?.split_once('.')?;
    let (_, number) = service.rsplit_once('-')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !region.contains('.')).then_some(region)
}

fn differences(found: &Value, project: &str, spec: &ServiceSpec) -> Vec<String> {
    let account = format!("{}@{project}.iam.gserviceaccount.com", spec.name);
    let account = differs(found, "template.serviceAccount", &json!(account));
    // Longer than Pub/Sub waits, and the answer finds nobody.
    let limit = Timings::PRODUCTION.ack_deadline.as_secs();
    let limit = || differs(found, "template.timeout", &json!(format!("{limit}s")));
    let limit = spec.subscriber.as_ref().and_then(|_| limit());
    // Callers are checked at the edge: without that, `PUSH_AUTH=iam` would let everybody in.
    let is_open = *field(found, "invokerIamDisabled") == json!(true);
    let open = (is_open && !spec.public).then(|| OPEN.to_owned());
    let all = [account, limit, role(found, spec), open, state(found)];
    all.into_iter().flatten().collect()
}

/// One image runs as all services: the container's argument says as which. Beside it there may be a
/// collector.
fn role(found: &Value, spec: &ServiceSpec) -> Option<String> {
    let none = Vec::new();
    let containers = found["template"]["containers"].as_array().unwrap_or(&none);
    let is_role = |container: &Value| container["args"] == json!([spec.name]);
    let is_there = containers.iter().any(is_role);
    (!is_there).then(|| format!("no container is started as {}", spec.name))
}

/// A revision that is being deployed is none yet: the one before it goes on.
fn state(found: &Value) -> Option<String> {
    let why = printable(text(found, "terminalCondition.message"));
    match text(found, "terminalCondition.state") {
        "CONDITION_SUCCEEDED" | "CONDITION_PENDING" | "CONDITION_RECONCILING" => None,
        _ => Some(format!("its latest revision does not run: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Path;
    use axum::http::StatusCode as Status;
    use axum::response::{IntoResponse as _, Response};
    use axum::routing::get;
    use axum::{Json, Router};
    use reqwest::{Client, Url};
    use tokio::net::TcpListener;

    use super::*;

    const REGION: &str = "europe-west1";

    fn service(name: &str) -> Value {
        json!({
            "name": format!("projects/p/locations/{REGION}/services/{name}"),
            "template": {
                "serviceAccount": format!("{name}@p.iam.gserviceaccount.com"),
                "timeout": "60s",
                "containers": [
                    {"name": "service", "args": [name]},
                    {"name": "collector", "args": ["--config=env:COLLECTOR_CONFIG"]},
                ],
            },
            "terminalCondition": {"type": "Ready", "state": "CONDITION_SUCCEEDED"},
        })
    }

    /// What Cloud Run answers for a service of this name.
    type Answer = fn(&str) -> Response;

    fn subscribed(subscription: &str, endpoint: &str) -> Value {
        let name = format!("projects/p/subscriptions/{subscription}");
        json!({"name": name, "pushConfig": {"pushEndpoint": endpoint}})
    }

    /// What is found where Cloud Run answers so.
    async fn found(answer: Answer, endpoint: &str) -> Report {
        let services = format!("/v2/projects/p/locations/{REGION}/services/{{name}}");
        let answered = move |Path(name): Path<String>| async move { answer(&name) };
        let app = Router::new().route(&services, get(answered));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let api = GoogleApi::new(Client::new(), Url::parse(&url).unwrap(), None, "");
        let elsewhere = "https://email-service-9.us-central1.run.app/pubsub/push";
        let subscriptions = [
            subscribed("not-ours", elsewhere),
            subscribed("user-events-email", endpoint),
        ];
        check(&api, "p", &SystemsFlags::default(), &subscriptions).await
    }

    const ENDPOINT: &str = "https://email-service-1.europe-west1.run.app/pubsub/push";

    fn changed(name: &str, pointer: &str, value: Value) -> Response {
        let mut service = service(name);
        if name == "email-service" {
            *service.pointer_mut(pointer).unwrap() = value;
        }
        Json(service).into_response()
    }

    #[tokio::test]
    async fn services_as_they_should_be_have_no_finding() {
        let report = found(|name| Json(service(name)).into_response(), ENDPOINT).await;
        assert_eq!(report.findings, [""; 0]);
        let looked_at = ["projects/p/locations/europe-west1: services: 5"];
        assert_eq!(report.looked_at, looked_at);
    }

    #[tokio::test]
    async fn every_difference_of_a_service_is_one_sentence() {
        let cases: [(Answer, &str); 7] = [
            (
                |name| changed(name, "/template/serviceAccount", json!("default@p")),
                ": template.serviceAccount is \"default@p\" and must be \"email-service@p.iam.gserviceaccount.com\"",
            ),
            (
                |name| changed(name, "/template/timeout", json!("300s")),
                ": template.timeout is \"300s\" and must be \"60s\"",
            ),
            (
                |name| changed(name, "/template/containers/0/args", json!(["crm-service"])),
                ": no container is started as email-service",
            ),
            (
                |name| {
                    let failed = json!({"state": "CONDITION_FAILED", "message": "no image"});
                    changed(name, "/terminalCondition", failed)
                },
                ": its latest revision does not run: no image",
            ),
            (
                |name| {
                    let mut service = service(name);
                    let open = ["email-service", "user-service"].contains(&name);
                    service["invokerIamDisabled"] = json!(open);
                    Json(service).into_response()
                },
                ": everybody may call it, and must not: invokerIamDisabled is true",
            ),
            (
                |name| match name {
                    "email-service" => Status::NOT_FOUND.into_response(),
                    _ => Json(service(name)).into_response(),
                },
                " is missing",
            ),
            (
                |name| match name {
                    "email-service" => {
                        let error = json!({"error": {"message": "Permission denied"}});
                        (Status::FORBIDDEN, Json(error)).into_response()
                    }
                    _ => Json(service(name)).into_response(),
                },
                " is missing, or you may not see it: `terraform apply` makes it, and lets `operators` look",
            ),
        ];
        for (answer, sentence) in cases {
            let name = "projects/p/locations/europe-west1/services/email-service";
            let report = found(answer, ENDPOINT).await;
            assert_eq!(report.findings, [format!("{name}{sentence}")]);
        }
    }

    /// An operator's timeout of a service that no subscription pushes to is his own.
    #[tokio::test]
    async fn only_consumers_must_answer_while_pubsub_waits() {
        let slow = |name: &str| {
            let mut service = service(name);
            if matches!(name, "user-service" | "ticker") {
                service["template"]["timeout"] = json!("300s");
            }
            Json(service).into_response()
        };
        assert_eq!(found(slow, ENDPOINT).await.findings, [""; 0]);
    }

    #[tokio::test]
    async fn a_deployment_under_way_is_no_finding() {
        let deployed = |name: &str| {
            let state = json!({"state": "CONDITION_RECONCILING"});
            changed(name, "/terminalCondition", state)
        };
        assert_eq!(found(deployed, ENDPOINT).await.findings, [""; 0]);
    }

    #[tokio::test]
    async fn where_nothing_says_the_region_no_service_is_looked_at() {
        let endpoints = [
            "http://localhost:8081/pubsub/push",
            "https://email-service-x7k2-uc.a.run.app/pubsub/push",
            "https://email-service-1.b.europe-west1.run.app/pubsub/push",
        ];
        for endpoint in endpoints {
            let ask = |name: &str| Json(service(name)).into_response();
            let report = found(ask, endpoint).await;
            assert_eq!(report.findings, [NOWHERE], "{endpoint}");
            assert_eq!(report.looked_at, [""; 0]);
        }
    }
}
