//! What `GET /signups` can be asked: a range of days, and whether by source.

use axum::extract::Query as UrlQuery;
use axum::extract::rejection::QueryRejection;
use chrono::{Days, NaiveDate};
use fanout_web::{FieldError, both, parameters};
use serde::Deserialize;

/// The longest range that is answered, in days.
const MAX_DAYS: i64 = 366;
/// How many days are answered when no range is asked for.
const DEFAULT_DAYS: u64 = 30;

/// The query as it came.
#[derive(Deserialize)]
pub(crate) struct Parameters {
    from: Option<String>,
    to: Option<String>,
    by: Option<String>,
}

/// A question that can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) days: DayRange,
    pub(crate) by_source: bool,
}

/// Days, both ends included; `first` is not after `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayRange {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
}

impl DayRange {
    pub(crate) fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.first
            .iter_days()
            .take_while(move |day| *day <= self.last)
    }
}

impl Question {
    /// Understands the query, or says all that is wrong with it.
    pub(crate) fn read(
        query: Result<UrlQuery<Parameters>, QueryRejection>,
        today: NaiveDate,
    ) -> Result<Self, Vec<FieldError>> {
        let asked = parameters(query)?;
        let by_source = match asked.by.as_deref() {
            None => Ok(false),
            Some("source") => Ok(true),
            Some(_) => Err(FieldError::new("by", "must be `source`")),
        };
        let (days, by_source) = both(days(&asked, today), by_source)?;
        Ok(Self { days, by_source })
    }
}

/// The range asked for; no `from` is 30 days up to `to`, no `to` is today.
fn days(asked: &Parameters, today: NaiveDate) -> Result<DayRange, Vec<FieldError>> {
    let last = date("to", asked.to.as_deref(), today);
    let default_first = |last: NaiveDate| last.checked_sub_days(Days::new(DEFAULT_DAYS - 1));
    let default = last.as_ref().ok().and_then(|last| default_first(*last));
    let first = date("from", asked.from.as_deref(), default.unwrap_or(today));
    let (first, last) = both(first, last)?;
    if first > last {
        return Err(vec![FieldError::new("from", "must not be after `to`")]);
    }
    if (last - first).num_days() >= MAX_DAYS {
        return Err(vec![FieldError::new(
            "from",
            "must be at most 365 days before `to`",
        )]);
    }
    Ok(DayRange { first, last })
}

fn date(
    field: &'static str,
    text: Option<&str>,
    default: NaiveDate,
) -> Result<NaiveDate, FieldError> {
    let date = text.map_or(Ok(default), str::parse);
    date.map_err(|_| FieldError::new(field, "must be a date such as 2026-11-20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Question, Vec<&'static str>> {
        let uri = format!("/signups?{query}").parse().unwrap();
        let today = "2026-11-20".parse().unwrap();
        Question::read(UrlQuery::try_from_uri(&uri), today)
            .map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    fn range(query: &str) -> Result<(String, String), Vec<&'static str>> {
        read(query).map(|asked| (asked.days.first.to_string(), asked.days.last.to_string()))
    }

    #[test]
    fn no_range_is_the_last_thirty_days() {
        let days = ("2026-10-22".to_owned(), "2026-11-20".to_owned());
        assert_eq!(range(""), Ok(days));
    }

    #[test]
    fn a_range_is_at_most_a_leap_year() {
        assert!(range("from=2026-01-01&to=2027-01-01").is_ok());
        assert_eq!(range("from=2026-01-01&to=2027-01-02"), Err(vec!["from"]));
    }

    #[test]
    fn a_range_the_wrong_way_round_or_of_no_dates_is_refused() {
        assert_eq!(range("from=2026-11-20&to=2026-11-19"), Err(vec!["from"]));
        assert_eq!(range("from=soon&to=later"), Err(vec!["from", "to"]));
    }

    #[test]
    fn nothing_but_the_source_can_be_asked_by() {
        assert_eq!(read("").map(|asked| asked.by_source), Ok(false));
        assert_eq!(read("by=source").map(|asked| asked.by_source), Ok(true));
        for other in ["by=", "by=Source", "by=user"] {
            assert_eq!(read(other), Err(vec!["by"]), "{other}");
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        assert_eq!(read("to=soon&by=user"), Err(vec!["to", "by"]));
        assert_eq!(read("by=source&by=source"), Err(vec!["query"]));
    }
}
