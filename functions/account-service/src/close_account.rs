//! `POST /accounts/{id}/close`

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use fanout_web::{Repeatable, RequestContext};
use http::HeaderMap;

use crate::api_error::ApiError;
use crate::request::{account_id, origin};
use crate::{AccountCommand, Bank};

pub(crate) async fn close_account(
    State(bank): State<Bank>,
    Extension(context): Extension<RequestContext>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = account_id(path)?;
    let repeatable = Repeatable::from(&headers, "closings", &[&id])?;
    let close = AccountCommand::Close;
    bank.movement(&id, &close, repeatable.as_ref(), &origin(context))
        .await
}
