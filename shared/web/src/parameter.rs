//! What a request is asked by.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use crate::{FieldError, Problem};

/// The longest value, in bytes: that of an identifier.
const LONGEST: usize = 128;

/// The parameters of a query.
pub fn parameters<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, FieldError> {
    let fault = |_| FieldError::new("query", "must name each parameter once");
    query.map(|Query(asked)| asked).map_err(fault)
}

/// Both, or all that is wrong with either.
pub fn both<A, B, E, F>(a: Result<A, E>, b: Result<B, F>) -> Result<(A, B), Vec<FieldError>>
where
    Vec<FieldError>: From<E> + From<F>,
{
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => {
            let of_a = a.err().map(Vec::from).into_iter();
            Err(of_a.chain(b.err().map(Vec::from)).flatten().collect())
        }
    }
}

impl From<FieldError> for Vec<FieldError> {
    fn from(fault: FieldError) -> Self {
        vec![fault]
    }
}

impl From<FieldError> for Problem {
    fn from(fault: FieldError) -> Self {
        Self::invalid_fields(vec![fault])
    }
}

/// The one parameter that a listing is asked by; `pick` takes it from the query.
pub fn required_parameter<T>(
    query: Result<Query<T>, QueryRejection>,
    field: &'static str,
    pick: impl FnOnce(T) -> Option<String>,
) -> Result<String, Problem> {
    let wrong = Problem::invalid_field;
    let asked = parameters(query)?;
    let given = pick(asked).filter(|text| !text.is_empty());
    let text = given.ok_or_else(|| wrong(field, "is required"))?;
    if text.len() > LONGEST {
        return Err(wrong(field, "must have at most 128 bytes"));
    }
    Ok(text)
}
