//! `GET /signups?from=2026-11-01&to=2026-11-30`, and the same with `by=source`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use fanout_runtime::Clock;
use fanout_store::{
    Collection, Comparison, Documents, Fields, MalformedDocument, Pages, Query, ReadError,
};
use fanout_web::Problem;
use http::header::CACHE_CONTROL;
use serde::Serialize;

use crate::asked::{DayRange, Parameters, Question};
use crate::record_signup::{SIGNUPS, SIGNUPS_BY_SOURCE, date_id};

/// How many documents are read at once: a year of 16 shards takes three round trips.
const PAGE: u32 = 2000;

/// What is answered; the sources only where it was asked for them.
#[derive(Serialize)]
struct Counts {
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<Source>>,
    days: Vec<Day>,
}

#[derive(Serialize)]
struct Source {
    source: String,
    count: u64,
}

#[derive(Serialize)]
struct Day {
    date: String,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<BTreeMap<String, u64>>,
}

pub(crate) async fn count_signups(
    State((documents, clock)): State<(Arc<dyn Documents>, Arc<dyn Clock>)>,
    query: Result<UrlQuery<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let question = Question::read(query, clock.now().date_naive());
    let question = question.map_err(Problem::invalid_fields)?;
    let counts = counts(documents.as_ref(), question).await;
    let counts = counts.map_err(Problem::unread)?;
    Ok(([(CACHE_CONTROL, "max-age=5")], Json(counts)).into_response())
}

async fn counts(documents: &dyn Documents, asked: Question) -> Result<Counts, ReadError> {
    let by_source = asked.by_source;
    let collection = if by_source {
        SIGNUPS_BY_SOURCE
    } else {
        SIGNUPS
    };
    let mut counted: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    each_document(documents, collection, asked.days, |shard| {
        let of_day = counted.entry(shard.text("date")?.to_owned()).or_default();
        let source = if by_source { shard.text("source")? } else { "" };
        *of_day.entry(source.to_owned()).or_default() += shard.count("count")?;
        Ok(())
    })
    .await?;
    let mut of_all_days: BTreeMap<String, u64> = BTreeMap::new();
    let mut day_of = |day: NaiveDate| {
        let date = date_id(day);
        let sources = counted.remove(&date).unwrap_or_default();
        for (source, count) in &sources {
            *of_all_days.entry(source.clone()).or_default() += count;
        }
        Day {
            date,
            count: sources.values().sum(),
            sources: by_source.then_some(sources),
        }
    };
    let days: Vec<Day> = asked.days.days().map(&mut day_of).collect();
    let sources = of_all_days.into_iter();
    let sources = sources.map(|(source, count)| Source { source, count });
    Ok(Counts {
        total: days.iter().map(|day| day.count).sum(),
        sources: by_source.then(|| sources.collect()),
        days,
    })
}

/// Shows each document of these days to `take`, whatever shard it is: one that was made when
/// there were more shards counts like the others.
pub(crate) async fn each_document(
    documents: &dyn Documents,
    collection: &'static Collection,
    range: DayRange,
    mut take: impl FnMut(&Fields) -> Result<(), MalformedDocument>,
) -> Result<(), ReadError> {
    let query = Query::of(collection)
        .only("date", Comparison::AtLeast, date_id(range.first))
        .only("date", Comparison::AtMost, date_id(range.last))
        .limit(PAGE)
        .for_listing();
    let mut pages = Pages::of(query);
    while let Some(page) = pages.next(documents).await? {
        page.iter().try_for_each(|shard| take(&shard.fields))?;
    }
    Ok(())
}
