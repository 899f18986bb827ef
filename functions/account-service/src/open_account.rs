//! `POST /accounts {"owner","currency"}`

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use fanout_event_sourcing::{AsOf, Loaded};
use fanout_web::{Repeatable, RequestContext};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};

use crate::api_error::ApiError;
use crate::get_account::ShownAccount;
use crate::request::{Request, origin};
use crate::store_once::Outcome;
use crate::{Account, AccountCommand, Bank};

pub(crate) async fn open_account(
    State(bank): State<Bank>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut request = Request::read(&headers, body).await?;
    let read = (request.owner(), request.currency());
    let (owner, currency) = request.complete(read.0.zip(read.1))?;
    let repeatable = Repeatable::from(&headers, "accounts", &[&owner, currency.code()])?;
    let id = bank.ids.new_id("acc");
    let open = AccountCommand::Open {
        id: id.clone(),
        owner,
        currency,
    };
    let made = |[account]: &[Loaded<Account>; 1]| account.stream.clone();
    let (commands, origin) = ([(id.as_str(), &open)], origin(context));
    let opening = bank.once(commands, repeatable.as_ref(), &made, &origin);
    let account = match opening.await? {
        Outcome::Done([account]) => account,
        Outcome::Before(id) => bank.ledger.load_as_of(&id, AsOf::Sequence(1)).await?,
    };
    let location = [(LOCATION, format!("/accounts/{}", account.stream))];
    let body = Json(ShownAccount::of(&account));
    Ok((StatusCode::CREATED, location, body).into_response())
}
