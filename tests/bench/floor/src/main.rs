//! A bare consumer on Firestore's emulator, as one would write it first: an HTTP server, JSON, and one commit of a mark
//! and a contact by Google's client. No log, no check, no retry, and nothing tuned. Only the benchmark runs it.

use std::error::Error;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use firestore::{FirestoreDb, FirestoreDbOptions};
use gcloud_sdk::GoogleAuthHeaders;
use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::write::Operation;
use gcloud_sdk::google::firestore::v1::{CommitRequest, Document, Precondition, Value, Write};
use gcloud_sdk::google_cloud_auth::credentials::anonymous;
use gcloud_sdk::tonic::Code;
use serde::Deserialize;

#[derive(Deserialize)]
struct Push {
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    data: String,
    message_id: String,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    subject: String,
    data: User,
}

#[derive(Deserialize)]
struct User {
    email: String,
    name: String,
}

/// Where documents are, and the name that theirs begin with.
#[derive(Clone)]
struct Store {
    db: FirestoreDb,
    database: String,
    /// Whether documents have as many fields as those of crm-service: the emulator works for each.
    wide: bool,
}

/// What crm-service's mark and contact have more, as texts of about the same length.
const MORE_IN_MARK: [&str; 5] = [
    "consumer",
    "outcome",
    "fingerprint",
    "finished_at",
    "expires_at",
];
const MORE_IN_CONTACT: [&str; 8] = [
    "user_id",
    "source",
    "created_at",
    "first_event_id",
    "first_sequence",
    "last_event_id",
    "version",
    "updated_at",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [project, emulator, port, rest @ ..] = arguments.as_slice() else {
        return Err("floor PROJECT FIRESTORE_EMULATOR PORT [wide]".into());
    };
    let credentials = GoogleAuthHeaders::from(anonymous::Builder::new().build());
    let options = FirestoreDbOptions::new(project.clone());
    let options = options.with_firebase_api_url(format!("http://{emulator}"));
    let store = Store {
        db: FirestoreDb::with_options_auth(options, credentials).await?,
        database: format!("projects/{project}/databases/(default)"),
        wide: rest.iter().any(|word| word == "wide"),
    };
    let routes = Router::new()
        .route("/health", get(|| async { StatusCode::OK }))
        .route("/pubsub/push", post(receive))
        .with_state(store);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn receive(State(store): State<Store>, Json(push): Json<Push>) -> StatusCode {
    let data = BASE64_STANDARD.decode(&push.message.data);
    let event = data
        .ok()
        .and_then(|data| serde_json::from_slice::<Event>(&data).ok());
    let Some(event) = event else {
        return StatusCode::BAD_REQUEST;
    };
    let mark = format!("processed_events/crm:{}", event.id);
    let mark = store.write(mark, [("event_id", event.id)], &MORE_IN_MARK, Some(false));
    let contact = [
        ("email", event.data.email),
        ("name", event.data.name),
        ("message_id", push.message.message_id),
    ];
    let name = format!("contacts/{}", event.subject);
    let contact = store.write(name, contact, &MORE_IN_CONTACT, None);
    let request = CommitRequest {
        database: store.database.clone(),
        writes: vec![mark, contact],
        ..Default::default()
    };
    match store.db.client().get().commit(request).await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(status) if status.code() == Code::AlreadyExists => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Store {
    fn write<const N: usize>(
        &self,
        document: String,
        fields: [(&str, String); N],
        more: &[&str],
        exists: Option<bool>,
    ) -> Write {
        let value = |text| Value {
            value_type: Some(ValueType::StringValue(text)),
        };
        let more = more.iter().filter(|_| self.wide);
        let more = more.map(|name| (*name, "2026-11-26T22:00:00.000Z".to_owned()));
        let fields = fields.into_iter().chain(more);
        let fields = fields.map(|(name, text)| (name.to_owned(), value(text)));
        Write {
            operation: Some(Operation::Update(Document {
                name: format!("{}/documents/{document}", self.database),
                fields: fields.collect(),
                ..Default::default()
            })),
            current_document: exists.map(|exists| Precondition {
                condition_type: Some(ConditionType::Exists(exists)),
            }),
            ..Default::default()
        }
    }
}
