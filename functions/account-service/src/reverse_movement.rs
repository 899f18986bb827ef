//! `POST /accounts/{id}/reversals {"sequence"}`: a correction is one more event; the wrong one stays.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use fanout_contracts::Money;
use fanout_contracts::account::{Deposited, Direction, Withdrawn};
use fanout_event_sourcing::Stored;
use fanout_runtime::Timestamp;
use fanout_web::{Repeatable, RequestContext};
use http::HeaderMap;

use crate::api_error::ApiError;
use crate::request::{Request, account_id, origin};
use crate::{AccountCommand, AccountEvent, Bank, Movement};

pub(crate) async fn reverse_movement(
    State(bank): State<Bank>,
    Extension(context): Extension<RequestContext>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let id = account_id(path)?;
    let mut request = Request::read(&headers, body).await?;
    let (sequence, effective_at) = (request.sequence(), request.effective_at());
    let sequence = request.complete(sequence)?;
    let date = effective_at.map(|time| time.to_rfc3339());
    let asks = [
        id.as_str(),
        &sequence.to_string(),
        &date.unwrap_or_default(),
    ];
    let repeatable = Repeatable::from(&headers, "reversals", &asks)?;
    let (direction, amount) = bank.reversible(&id, sequence).await?;
    let reverse = AccountCommand::Reverse {
        sequence,
        direction,
        movement: of(amount, effective_at),
    };
    bank.movement(&id, &reverse, repeatable.as_ref(), &origin(context))
        .await
}

fn of(amount: Money, effective_at: Option<Timestamp>) -> Movement {
    Movement {
        amount: amount.to_string(),
        currency: Some(amount.currency()),
        effective_at,
    }
}

impl Bank {
    /// What undoes the event in this place. Events do not change, so this can be read before it is
    /// decided.
    async fn reversible(&self, id: &str, sequence: u64) -> Result<(Direction, Money), ApiError> {
        let (found, _) = self.ledger.events(id, sequence - 1, 1).await?;
        let event = found.into_iter().next();
        match event.map(|Stored { event, .. }| event) {
            Some(AccountEvent::Deposited(Deposited { amount, .. })) => Ok((Direction::Out, amount)),
            Some(AccountEvent::Withdrawn(Withdrawn { amount, .. })) => Ok((Direction::In, amount)),
            Some(
                AccountEvent::Opened(_)
                | AccountEvent::TransferSent(_)
                | AccountEvent::TransferReceived(_)
                | AccountEvent::MovementReversed(_)
                | AccountEvent::Closed(_),
            ) => Err(ApiError::NotReversible),
            None => {
                self.account(id).await?;
                Err(ApiError::NotReversible)
            }
        }
    }
}
