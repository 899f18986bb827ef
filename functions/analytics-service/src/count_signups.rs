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

/// What the route needs.
#[derive(Clone)]
pub struct CountSignups {
    /// Where the counts live.
    pub documents: Arc<dyn Documents>,
    /// The time, for the default range.
    pub clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct Counts {
    total: u64,
    days: Vec<Day>,
}

#[derive(Serialize)]
struct Day {
    date: String,
    count: u64,
}

#[derive(Serialize)]
struct CountsBySource {
    total: u64,
    sources: Vec<Source>,
    days: Vec<DayBySource>,
}

#[derive(Serialize)]
struct Source {
    source: String,
    count: u64,
}

#[derive(Serialize)]
struct DayBySource {
    date: String,
    count: u64,
    sources: BTreeMap<String, u64>,
}

pub(crate) async fn count_signups(
    State(service): State<CountSignups>,
    query: Result<UrlQuery<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let question = Question::read(query, service.clock.now().date_naive());
    let question = question.map_err(Problem::invalid_fields)?;
    let counts = service.answer(question).await.map_err(Problem::unread)?;
    Ok(([(CACHE_CONTROL, "max-age=5")], counts).into_response())
}

impl CountSignups {
    async fn answer(&self, question: Question) -> Result<Response, ReadError> {
        Ok(if question.by_source {
            Json(self.counts_by_source(question.days).await?).into_response()
        } else {
            Json(self.counts(question.days).await?).into_response()
        })
    }

    async fn counts(&self, range: DayRange) -> Result<Counts, ReadError> {
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        self.each_document(SIGNUPS, range, |shard| {
            let date = shard.text("date")?.to_owned();
            *counted.entry(date).or_default() += shard.count("count")?;
            Ok(())
        })
        .await?;
        let days = range.days().map(|day| {
            let date = date_id(day);
            let count = counted.remove(&date).unwrap_or(0);
            Day { date, count }
        });
        let days: Vec<Day> = days.collect();
        let total = days.iter().map(|day| day.count).sum();
        Ok(Counts { total, days })
    }

    async fn counts_by_source(&self, range: DayRange) -> Result<CountsBySource, ReadError> {
        let mut counted: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        self.each_document(SIGNUPS_BY_SOURCE, range, |shard| {
            let of_day = counted.entry(shard.text("date")?.to_owned()).or_default();
            let of_source = of_day.entry(shard.text("source")?.to_owned());
            *of_source.or_default() += shard.count("count")?;
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
            let count = sources.values().sum();
            DayBySource {
                date,
                count,
                sources,
            }
        };
        let days: Vec<DayBySource> = range.days().map(&mut day_of).collect();
        let sources = of_all_days.into_iter();
        Ok(CountsBySource {
            total: days.iter().map(|day| day.count).sum(),
            sources: sources
                .map(|(source, count)| Source { source, count })
                .collect(),
            days,
        })
    }

    /// Shows each document of these days to `take`, whatever shard it is: one that was made when
    /// there were more shards counts like the others.
    pub(crate) async fn each_document(
        &self,
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
        while let Some(page) = pages.next(self.documents.as_ref()).await? {
            page.iter().try_for_each(|shard| take(&shard.fields))?;
        }
        Ok(())
    }
}
