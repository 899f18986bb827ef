//! `POST /accounts/{id}/withdrawals {"amount"}`

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use fanout_web::RequestContext;
use http::HeaderMap;

use crate::api_error::ApiError;
use crate::{AccountCommand, Bank};

pub(crate) async fn withdraw_money(
    State(bank): State<Bank>,
    Extension(context): Extension<RequestContext>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let command = AccountCommand::Withdraw;
    bank.move_money("withdrawals", command, path, context, &headers, body)
        .await
}
