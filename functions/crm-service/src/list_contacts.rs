//! `GET /contacts?limit=&page_token=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use fanout_store::{Comparison, Cursor, Documents, Query, ReadError, Value};
use fanout_web::{FieldError, Problem, both, page_after, page_limit, parameters};
use serde::{Deserialize, Serialize};

use crate::contact::{CONTACTS, Contact, Known};
use crate::page_token::{opened, sealed};

#[derive(Deserialize)]
pub(crate) struct Parameters {
    limit: Option<String>,
    page_token: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Contacts {
    contacts: Vec<Contact>,
    /// Asks for the page after this one; `null` on the last.
    next_page_token: Option<String>,
}

pub(crate) async fn list_contacts(
    State(documents): State<Arc<dyn Documents>>,
    query: Result<UrlQuery<Parameters>, QueryRejection>,
) -> Result<Json<Contacts>, Problem> {
    let (limit, after) = asked(query).map_err(Problem::invalid_fields)?;
    let contacts = page(documents.as_ref(), limit, after).await;
    contacts.map(Json).map_err(Problem::unread)
}

/// How many are asked for, and after which.
fn asked(
    query: Result<UrlQuery<Parameters>, QueryRejection>,
) -> Result<(u32, Option<Cursor>), Vec<FieldError>> {
    let asked = parameters(query)?;
    let limit = page_limit(asked.limit.as_deref());
    both(limit, page_after(asked.page_token.as_deref(), opened))
}

/// One page, in the order of the documents' ids: no change to a contact moves it from one page to
/// another. The store leaves out who is gone, so a page is full wherever they lie.
async fn page(
    documents: &dyn Documents,
    limit: u32,
    after: Option<Cursor>,
) -> Result<Contacts, ReadError> {
    let mut query = Query::of(CONTACTS)
        .only("deleted_at", Comparison::Equal, Value::Null)
        // One more, to know whether this page is the last.
        .limit(limit + 1)
        .for_listing();
    query.after = after;
    let limit = limit as usize;
    let found = documents.query(&query).await?.documents;
    let last = found.get(limit - 1).filter(|_| found.len() > limit);
    let next_page_token = last.map(|last| sealed(&last.key));
    let known = found.iter().take(limit);
    let known = known.map(|document| Known::from_fields(&document.fields));
    let known: Vec<Known> = known.collect::<Result<_, _>>()?;
    let contacts = known.into_iter().filter_map(Known::into_contact);
    Ok(Contacts {
        contacts: contacts.collect(),
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<(u32, Option<Cursor>), Vec<&'static str>> {
        let uri = format!("/contacts?{query}").parse().unwrap();
        asked(UrlQuery::try_from_uri(&uri))
            .map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn a_page_has_1_to_100_contacts() {
        let first = |limit| Ok((limit, None));
        assert_eq!(read(""), first(100));
        assert_eq!(read("limit=1"), first(1));
        assert_eq!(read("limit=100"), first(100));
        assert_eq!(read("limit=&page_token="), first(100));
        for bad in ["limit=0", "limit=101", "limit=-1", "limit=ten"] {
            assert_eq!(read(bad), Err(vec!["limit"]), "{bad}");
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let both = read("limit=0&page_token=next");
        assert_eq!(both, Err(vec!["limit", "page_token"]));
        assert_eq!(read("limit=1&limit=2"), Err(vec!["query"]));
    }
}
