//! `GET /signups?from=2026-11-01&to=2026-11-30`

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use chrono::{Days, NaiveDate};
use fanout_runtime::{Clock, FieldError, Problem, error_chain};
use fanout_store::{Comparison, Documents, Query, ReadError, all_documents};
use http::header::CACHE_CONTROL;
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::record_signup::{SIGNUPS, date_id};

/// The longest range that is answered, in days.
const MAX_DAYS: i64 = 366;
/// How many days are answered when no range is asked for.
const DEFAULT_DAYS: u64 = 30;

/// What the route needs.
#[derive(Clone)]
pub struct CountSignups {
    /// Where the counts live.
    pub documents: Arc<dyn Documents>,
    /// The time, for the default range.
    pub clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
pub(crate) struct Range {
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct Counts {
    total: i64,
    days: Vec<Day>,
}

#[derive(Serialize)]
struct Day {
    date: String,
    count: i64,
}

pub(crate) async fn count_signups(
    State(service): State<CountSignups>,
    UrlQuery(range): UrlQuery<Range>,
) -> Response {
    let today = service.clock.now().date_naive();
    let (from, to) = match days_asked_for(&range, today) {
        Ok(days) => days,
        Err(faults) => return Problem::invalid_fields(faults).into_response(),
    };
    match service.counts(from, to).await {
        Ok(counts) => ([(CACHE_CONTROL, "max-age=5")], Json(counts)).into_response(),
        Err(cause) => {
            error!(error = error_chain(&cause), "sign-ups could not be counted");
            cause.problem().into_response()
        }
    }
}

/// The range asked for; no `from` is 30 days up to `to`, no `to` is today.
fn days_asked_for(
    range: &Range,
    today: NaiveDate,
) -> Result<(NaiveDate, NaiveDate), Vec<FieldError>> {
    let to = asked_date("to", range.to.as_deref(), today);
    let default_from = |to: NaiveDate| to.checked_sub_days(Days::new(DEFAULT_DAYS - 1));
    let first = to.as_ref().ok().and_then(|to| default_from(*to));
    let from = asked_date("from", range.from.as_deref(), first.unwrap_or(today));
    let (from, to) = match (from, to) {
        (Ok(from), Ok(to)) => (from, to),
        (from, to) => return Err(from.err().into_iter().chain(to.err()).collect()),
    };
    if from > to {
        return Err(vec![fault("from", "must not be after `to`")]);
    }
    if (to - from).num_days() >= MAX_DAYS {
        return Err(vec![fault("from", "must be at most 365 days before `to`")]);
    }
    Ok((from, to))
}

fn asked_date(
    field: &'static str,
    text: Option<&str>,
    default: NaiveDate,
) -> Result<NaiveDate, FieldError> {
    let date = text.map_or(Ok(default), str::parse);
    date.map_err(|_| fault(field, "must be a date such as 2026-11-20"))
}

fn fault(field: &'static str, message: &str) -> FieldError {
    let message = message.to_owned();
    FieldError { field, message }
}

impl CountSignups {
    async fn counts(&self, from: NaiveDate, to: NaiveDate) -> Result<Counts, ReadError> {
        let query = Query::of(SIGNUPS)
            .only("date", Comparison::AtLeast, date_id(from))
            .only("date", Comparison::AtMost, date_id(to));
        let mut counted: HashMap<String, i64> = HashMap::new();
        for day in all_documents(self.documents.as_ref(), query).await? {
            let date = day.fields.text("date")?.to_owned();
            *counted.entry(date).or_default() += day.fields.integer("count")?;
        }
        let days = from.iter_days().take_while(|day| *day <= to).map(|day| {
            let date = date_id(day);
            let count = counted.get(&date).copied().unwrap_or(0);
            Day { date, count }
        });
        let days: Vec<Day> = days.collect();
        let total = days.iter().map(|day| day.count).sum();
        Ok(Counts { total, days })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: Option<&str>, to: Option<&str>) -> Result<(String, String), Vec<&'static str>> {
        let range = Range {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let today = "2026-11-20".parse().unwrap();
        days_asked_for(&range, today)
            .map(|(from, to)| (from.to_string(), to.to_string()))
            .map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn no_range_is_the_last_thirty_days() {
        let days = ("2026-10-22".to_owned(), "2026-11-20".to_owned());
        assert_eq!(asked(None, None), Ok(days));
    }

    #[test]
    fn a_range_is_at_most_a_leap_year() {
        assert!(asked(Some("2026-01-01"), Some("2027-01-01")).is_ok());
        assert_eq!(
            asked(Some("2026-01-01"), Some("2027-01-02")),
            Err(vec!["from"])
        );
    }

    #[test]
    fn a_range_the_wrong_way_round_or_of_no_dates_is_refused() {
        assert_eq!(
            asked(Some("2026-11-20"), Some("2026-11-19")),
            Err(vec!["from"])
        );
        assert_eq!(asked(Some("soon"), Some("later")), Err(vec!["from", "to"]));
    }
}
