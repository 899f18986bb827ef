//! What a listing is asked by.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use crate::Problem;

/// The longest value, in bytes: that of an identifier.
const LONGEST: usize = 128;

/// The one parameter that a listing is asked by; `pick` takes it from the query.
pub fn required_parameter<T>(
    query: Result<Query<T>, QueryRejection>,
    field: &'static str,
    pick: impl FnOnce(T) -> Option<String>,
) -> Result<String, Problem> {
    let wrong = Problem::invalid_field;
    let Query(asked) = query.map_err(|_| wrong("query", "must name each parameter once"))?;
    let given = pick(asked).filter(|text| !text.is_empty());
    let text = given.ok_or_else(|| wrong(field, "is required"))?;
    if text.len() > LONGEST {
        return Err(wrong(field, "must have at most 128 bytes"));
    }
    Ok(text)
}
