//! `GET /sales?from=2026-11-01&to=2026-11-30`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use fanout_contracts::Currency;
use fanout_runtime::Clock;
use fanout_store::{Documents, Fields, MalformedDocument, ReadError};
use fanout_web::{FieldError, Problem};
use http::header::CACHE_CONTROL;
use serde::Serialize;

use crate::asked::{DayRange, Parameters, Question};
use crate::count_signups::each_document;
use crate::record_sale::SALES;
use crate::record_signup::date_id;

#[derive(Serialize)]
struct Sales {
    days: Vec<Day>,
}

#[derive(Serialize)]
struct Day {
    date: String,
    orders: u64,
    /// By currency, as decimals.
    revenue: BTreeMap<&'static str, String>,
}

/// What is counted of a day.
#[derive(Default)]
struct Counted {
    orders: u64,
    /// Minor units, which all shards together may have more of than one amount may.
    minor: BTreeMap<Currency, u64>,
}

pub(crate) async fn count_sales(
    State((documents, clock)): State<(Arc<dyn Documents>, Arc<dyn Clock>)>,
    query: Result<UrlQuery<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let question = Question::read(query, clock.now().date_naive());
    let question = question.map_err(Problem::invalid_fields)?;
    if question.by_source {
        let by = FieldError::new("by", "is for sign-ups only");
        return Err(Problem::invalid_fields(vec![by]));
    }
    let sales = sales(documents.as_ref(), question.days).await;
    let sales = sales.map_err(Problem::unread)?;
    Ok(([(CACHE_CONTROL, "max-age=5")], Json(sales)).into_response())
}

async fn sales(documents: &dyn Documents, range: DayRange) -> Result<Sales, ReadError> {
    let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
    let take = |shard: &Fields| {
        let day = counted.entry(shard.text("date")?.to_owned()).or_default();
        let currency: Currency = shard.text("currency")?.parse().map_err(|_| unreadable())?;
        day.orders += shard.count("orders")?;
        let minor = day.minor.entry(currency).or_default();
        *minor = minor.saturating_add(shard.count("minor")?);
        Ok(())
    };
    each_document(documents, SALES, range, take).await?;
    let day = |date| {
        let date = date_id(date);
        let Counted { orders, minor } = counted.remove(&date).unwrap_or_default();
        let revenue = minor
            .into_iter()
            .map(|(currency, minor)| (currency.code(), currency.decimal(minor)));
        Day {
            date,
            orders,
            revenue: revenue.collect(),
        }
    };
    Ok(Sales {
        days: range.days().map(day).collect(),
    })
}

fn unreadable() -> MalformedDocument {
    MalformedDocument {
        field: "currency".to_owned(),
        expected: "a currency",
    }
}
