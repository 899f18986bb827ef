//! `GET /accounts/{id}`, now or as of a time.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use fanout_contracts::Currency;
use fanout_event_sourcing::{AsOf, Loaded};
use fanout_runtime::Timestamp;
use fanout_web::{Problem, parameters};
use serde::{Deserialize, Serialize};

use crate::api_error::ApiError;
use crate::moment::{self, end_of};
use crate::request::account_id;
use crate::{Account, Bank, Refusal};

#[derive(Deserialize)]
pub(crate) struct Parameters {
    recorded_at: Option<String>,
    effective_at: Option<String>,
}

/// An account as it is answered.
#[derive(Serialize)]
pub(crate) struct ShownAccount {
    id: String,
    owner: String,
    currency: Option<Currency>,
    balance: String,
    version: u64,
}

impl ShownAccount {
    pub(crate) fn of(account: &Loaded<Account>) -> Self {
        Self {
            id: account.stream.clone(),
            owner: account.state.owner.clone(),
            currency: account.state.currency,
            balance: account.state.decimal(),
            version: account.sequence,
        }
    }
}

pub(crate) async fn get_account(
    State(bank): State<Bank>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<ShownAccount>, ApiError> {
    let id = account_id(path)?;
    let asked = parameters(query).map_err(Problem::from)?;
    let recorded_at = time("recorded_at", asked.recorded_at.as_deref())?;
    let effective_at = time("effective_at", asked.effective_at.as_deref())?;
    let account = match (recorded_at, effective_at) {
        (None, None) => bank.account(&id).await?,
        (Some(at), None) => bank.account_as_of(&id, AsOf::Recorded(at)).await?,
        (recorded, Some(at)) => {
            let as_of = AsOf::Effective(at, recorded);
            bank.account_as_of(&id, as_of).await?
        }
    };
    Ok(Json(ShownAccount::of(&account)))
}

fn time(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let time = end_of(text).ok_or_else(|| Problem::invalid_field(field, moment::MUST_BE))?;
    Ok(Some(time))
}

impl Bank {
    /// An account that was opened.
    pub(crate) async fn account(&self, id: &str) -> Result<Loaded<Account>, ApiError> {
        opened(self.ledger.load(id).await?)
    }

    /// The same, as of another moment.
    pub(crate) async fn account_as_of(
        &self,
        id: &str,
        as_of: AsOf,
    ) -> Result<Loaded<Account>, ApiError> {
        opened(self.ledger.load_as_of(id, as_of).await?)
    }
}

fn opened(account: Loaded<Account>) -> Result<Loaded<Account>, ApiError> {
    if account.sequence == 0 {
        return Err(Refusal::NoSuchAccount.into());
    }
    Ok(account)
}
