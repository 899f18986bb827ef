//! The services of a live project against the table, in the JSON of Cloud Run's API. What Terraform's
//! `overrides` may say otherwise is not compared.

use fanout_kernel::ServiceSpec;
use fanout_runtime::{Timings, error_chain};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Report, differs, text};
use crate::answer::printable;
use crate::cli::SystemsFlags;
use crate::google_api::{GoogleApi, GoogleApiError};

/// The services run where the project's subscriptions push to.
pub(super) async fn check(
    cloud_run: &GoogleApi,
    project: &str,
    systems: &SystemsFlags,
    subscriptions: &[Value],
) -> Report {
    let Some(region) = subscriptions.iter().find_map(region_of) else {
        let finding = "no subscription says where services run, so none was looked at";
        return Report {
            looked_at: Vec::new(),
            findings: vec![finding.to_owned()],
        };
    };
    let path = ["v2", "projects", project, "locations", region, "services"];
    let (api, mut findings) = (cloud_run.clone().below(&path), Vec::new());
    for spec in systems.roles() {
        let name = format!(
            "projects/{project}/locations/{region}/services/{}",
            spec.name
        );
        match api.get::<Value>(&[spec.name]).await {
            Ok(found) => {
                let different = differences(&found, project, spec).into_iter();
                findings.extend(different.map(|difference| format!("{name}: {difference}")));
            }
            Err(GoogleApiError::Refused(StatusCode::NOT_FOUND, _)) => {
                findings.push(format!("{name} is missing"));
            }
            Err(error) => {
                let error = printable(&error_chain(&error));
                findings.push(format!("{name} could not be read: {error}"));
            }
        }
    }
    let services = systems.roles().count();
    Report {
        looked_at: vec![format!(
            "projects/{project}/locations/{region}: services: {services}"
        )],
        findings,
    }
}

/// The region of the service that a subscription pushes to: Cloud Run's predictable address is
/// `https://NAME-NUMBER.REGION.run.app`.
fn region_of(subscription: &Value) -> Option<&str> {
    let endpoint = text(subscription, "pushConfig.pushEndpoint");
    let host = endpoint.strip_prefix("https://")?.split('/').next()?;
    let (_, region) = host.strip_suffix(".run.app")?.split_once('.')?;
    Some(region)
}

fn differences(found: &Value, project: &str, spec: &ServiceSpec) -> Vec<String> {
    let account = format!("{}@{project}.iam.gserviceaccount.com", spec.name);
    let account = differs(found, "template.serviceAccount", &json!(account));
    // Longer than Pub/Sub waits, and the answer finds nobody.
    let limit = Timings::PRODUCTION.ack_deadline.as_secs();
    let limit = || differs(found, "template.timeout", &json!(format!("{limit}s")));
    let limit = spec.subscriber.as_ref().and_then(|_| limit());
    let found_differences = [account, limit, role(found, spec), state(found)];
    found_differences.into_iter().flatten().collect()
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

fn state(found: &Value) -> Option<String> {
    let state = text(found, "terminalCondition.state");
    let why = printable(text(found, "terminalCondition.message"));
    (state != "CONDITION_SUCCEEDED").then(|| format!("it is not ready ({state}): {why}"))
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

    fn pushed_to(endpoint: &str) -> Value {
        json!({"name": "any", "pushConfig": {"pushEndpoint": endpoint}})
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
        let subscriptions = [pushed_to(""), pushed_to(endpoint)];
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
        let cases: [(Answer, &str); 6] = [
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
                ": it is not ready (CONDITION_FAILED): no image",
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
                " could not be read: Permission denied (status 403)",
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
    async fn where_nothing_says_the_region_no_service_is_looked_at() {
        let ask = |name: &str| Json(service(name)).into_response();
        let report = found(ask, "http://localhost:8081/pubsub/push").await;
        let finding = "no subscription says where services run, so none was looked at";
        assert_eq!(report.findings, [finding]);
        assert_eq!(report.looked_at, [""; 0]);
    }
}
