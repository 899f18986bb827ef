//! What deposits and withdrawals have in common.

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use fanout_web::{Repeatable, RequestContext};
use http::HeaderMap;

use crate::api_error::ApiError;
use crate::request::{Request, account_id, origin};
use crate::{AccountCommand, Bank, Movement};

impl Bank {
    /// Reads an amount, and does with it what `command` says.
    pub(crate) async fn move_money(
        &self,
        kind: &str,
        command: fn(Movement) -> AccountCommand,
        path: Result<Path<String>, PathRejection>,
        context: RequestContext,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, ApiError> {
        let id = account_id(path)?;
        let mut request = Request::read(headers, body).await?;
        let movement = request.movement();
        let movement = request.complete(movement)?;
        let [amount, currency, date] = movement.asks();
        let asks = [id.as_str(), &amount, &currency, &date];
        let repeatable = Repeatable::from(headers, kind, &asks)?;
        let command = command(movement);
        self.movement(&id, &command, repeatable.as_ref(), &origin(context))
            .await
    }
}
