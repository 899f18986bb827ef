//! `GET /accounts/{id}/events?limit=&page_token=`: the statement, oldest first, with the balance after
//! each event.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use fanout_event_sourcing::{Aggregate as _, AsOf, Loaded, Stored};
use fanout_runtime::{Timestamp, serialize_rfc3339};
use fanout_web::{Problem, parameters};
use serde::{Deserialize, Serialize};

use crate::api_error::ApiError;
use crate::request::account_id;
use crate::{Account, AccountEvent, Bank, Refusal};

/// The most events on a page, and how many there are without a `limit`.
const MOST: usize = 100;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    limit: Option<String>,
    page_token: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Statement {
    events: Vec<Line>,
    /// Asks for the page after this one; `null` on the last.
    next_page_token: Option<String>,
}

#[derive(Serialize)]
struct Line {
    id: String,
    sequence: u64,
    r#type: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    recorded_at: Timestamp,
    data: AccountEvent,
    balance: String,
}

pub(crate) async fn list_events(
    State(bank): State<Bank>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Statement>, ApiError> {
    let id = account_id(path)?;
    let asked = parameters(query).map_err(Problem::from)?;
    let limit = match asked.limit.as_deref().map(str::parse) {
        None => MOST,
        Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
        Some(_) => {
            return Err(
                Problem::invalid_field("limit", "must be a whole number from 1 to 100").into(),
            );
        }
    };
    let after: u64 = match asked.page_token.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => return Err(Problem::invalid_field("page_token", "is no page token").into()),
    };
    let mut account: Loaded<Account> = bank.ledger.load_as_of(&id, AsOf::Sequence(after)).await?;
    let (found, more) = bank.ledger.events(&id, after, limit).await?;
    if found.is_empty() && account.sequence == 0 {
        return Err(Refusal::NoSuchAccount.into());
    }
    let next = found.last().filter(|_| more);
    let next_page_token = next.map(|last| last.row.sequence.to_string());
    let events = found.into_iter().map(|Stored { row, event }| {
        account.state.apply(&event);
        Line {
            id: row.event_id,
            sequence: row.sequence,
            r#type: row.event_type,
            recorded_at: row.recorded_at,
            data: event,
            balance: account.state.decimal(),
        }
    });
    Ok(Json(Statement {
        events: events.collect(),
        next_page_token,
    }))
}
