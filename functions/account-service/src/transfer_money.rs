//! `POST /transfers {"from","to","amount"}`: both sides in one commit.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use fanout_contracts::Currency;
use fanout_web::{Repeatable, RequestContext};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::api_error::ApiError;
use crate::request::{Request, origin};
use crate::store_once::Outcome;
use crate::{AccountCommand, Bank, Movement};

#[derive(Serialize)]
struct Transfer {
    id: String,
    from: String,
    to: String,
    amount: String,
    currency: Option<Currency>,
}

pub(crate) async fn transfer_money(
    State(bank): State<Bank>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut request = Request::read(&headers, body).await?;
    let from = request.from();
    let to = request.to(from.as_deref());
    let movement = request.movement();
    let read = from.zip(to).zip(movement);
    let ((from, to), movement) = request.complete(read)?;
    let [amount, meant, date] = movement.asks();
    let asks = [from.as_str(), &to, &amount, &meant, &date];
    let repeatable = Repeatable::from(&headers, "transfers", &asks)?;
    // An account's currency never changes, so it can be read before it is decided.
    let currency = bank.account(&from).await?.state.currency;
    let movement = Movement {
        currency: movement.currency.or(currency),
        ..movement
    };
    let transfer_id = bank.ids.new_id("trf");
    let send = AccountCommand::Send {
        transfer_id: transfer_id.clone(),
        to: to.clone(),
        movement: movement.clone(),
    };
    let receive = AccountCommand::Receive {
        transfer_id: transfer_id.clone(),
        from: from.clone(),
        movement: movement.clone(),
    };
    let sides = [(from.as_str(), &send), (to.as_str(), &receive)];
    let made = |_: &_| transfer_id.clone();
    let origin = origin(context);
    let transferring = bank.once(sides, repeatable.as_ref(), &made, &origin);
    let id = match transferring.await? {
        Outcome::Done(_) => transfer_id,
        Outcome::Before(id) => id,
    };
    let amount = movement.decimal();
    let transfer = Transfer {
        id,
        from,
        to,
        amount,
        currency,
    };
    Ok((StatusCode::CREATED, Json(transfer)).into_response())
}

impl Movement {
    /// The amount as it was booked.
    fn decimal(&self) -> String {
        let amount = self
            .currency
            .map(|it| fanout_contracts::Money::parse(&self.amount, it));
        let amount = amount.and_then(Result::ok);
        amount.map_or_else(|| self.amount.clone(), |amount| amount.to_string())
    }
}
