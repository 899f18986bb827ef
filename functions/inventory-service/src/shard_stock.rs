//! `POST /stock/{product_id}/shards {"shards": n}`: divides a product's stock anew, over so many
//! documents. With 1 it lies in one again.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fanout_runtime::error_chain;
use fanout_store::{CommitError, Documents, ReadError, StoreError, Write};
use fanout_web::{FieldError, NotJson, Problem, read_json_body};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::error;

use crate::get_stock::no_such_product;
use crate::shards::{Whole, shard_key};
use crate::stock::{Read, Stock};

/// The most shards of a product: all are changed in one commit.
pub const MOST_SHARDS: u64 = 100;
/// A body has one number.
const MOST_BYTES: usize = 64 * 1024;
/// How often a division is tried again that met an order. A product that is divided is wanted.
const TRIES: u32 = 50;

/// How a product's stock is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// The product.
    pub product_id: String,
    /// What lies in each document: one, or the shards.
    pub shards: Vec<Part>,
}

/// What lies in one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How many lie in the warehouse.
    pub on_hand: u64,
    /// How many of them are promised to orders.
    pub reserved: u64,
}

/// Why a stock is not divided.
#[derive(Debug, thiserror::Error)]
pub enum NotDivided {
    /// No stock was ever put in for the product.
    #[error("there is no such product")]
    NoSuchProduct,
    /// Too many shards, or none.
    #[error("a stock lies over 1 to {MOST_SHARDS} shards")]
    NotSoMany,
    /// Others changed it each time.
    #[error("orders changed the stock each time")]
    Contention,
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a product's stock is divided now.
pub async fn division_of(
    documents: &dyn Documents,
    product_id: &str,
) -> Result<Division, NotDivided> {
    let whole = Whole::read(documents, product_id).await?;
    whole
        .map(|it| it.division())
        .ok_or(NotDivided::NoSuchProduct)
}

/// How it would be divided over so many shards, evenly.
pub fn divided(division: &Division, shards: u64) -> Result<Division, NotDivided> {
    if !(1..=MOST_SHARDS).contains(&shards) {
        return Err(NotDivided::NotSoMany);
    }
    let sum = |of: fn(&Part) -> u64| division.shards.iter().map(of).sum::<u64>();
    let (on_hand, reserved) = (sum(|it| it.on_hand), sum(|it| it.reserved));
    Ok(Division {
        product_id: division.product_id.clone(),
        shards: parts(on_hand, reserved, shards).collect(),
    })
}

/// Divides a product's stock over so many shards, in one commit: none of it is ever missing, and
/// none is there twice.
pub async fn shard_stock(
    documents: &dyn Documents,
    product_id: &str,
    shards: u64,
) -> Result<Division, NotDivided> {
    for _ in 0..TRIES {
        let whole = Whole::read(documents, product_id).await?;
        let whole = whole.ok_or(NotDivided::NoSuchProduct)?;
        let wanted = divided(&whole.division(), shards)?;
        match documents.commit(whole.divide(&wanted)).await {
            Ok(_) => return Ok(wanted),
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(NotDivided::Contention)
}

/// As many parts, of which none has one more than another.
fn parts(on_hand: u64, reserved: u64, shards: u64) -> impl Iterator<Item = Part> {
    let share = move |all: u64, number: u64| all / shards + u64::from(number < all % shards);
    let free = on_hand.saturating_sub(reserved);
    (0..shards).map(move |number| {
        let reserved = share(reserved, number);
        Part {
            // What is over of both goes to different shards, as far as there are.
            on_hand: reserved + share(free, shards - 1 - number),
            reserved,
        }
    })
}

impl Whole {
    fn division(&self) -> Division {
        let parts = self.parts().map(|part| Part {
            on_hand: part.stock.on_hand,
            reserved: part.stock.reserved,
        });
        Division {
            product_id: self.own.stock.product_id.clone(),
            shards: parts.collect(),
        }
    }

    /// What makes it this stock, over as many shards, if it still is as it was read.
    pub(crate) fn put(&self, stock: &Stock) -> Vec<Write> {
        let shards = self.own.shards.max(1);
        self.divide(&Division {
            product_id: stock.product_id.clone(),
            shards: parts(stock.on_hand, stock.reserved, shards).collect(),
        })
    }

    /// What makes it lie like this, if it still is as it was read.
    pub(crate) fn divide(&self, wanted: &Division) -> Vec<Write> {
        let product_id = &wanted.product_id;
        let stocks = wanted.shards.iter();
        let stocks = stocks.filter_map(|it| Stock::of(product_id, it.on_hand, it.reserved));
        let stocks: Vec<Stock> = stocks.collect();
        if let [all] = stocks.as_slice() {
            let shards = self.shards.iter().map(Read::delete);
            return shards.chain([self.own.replace(all)]).collect();
        }
        let own = self.own.lies_over(stocks.len() as u64);
        let mut writes = vec![own];
        let mut there = self.shards.iter();
        for (number, stock) in (0..).zip(&stocks) {
            writes.push(match there.next() {
                Some(shard) => shard.replace(stock),
                None => Write::create(shard_key(product_id, number), stock.to_fields()),
            });
        }
        writes.extend(there.map(Read::delete));
        writes
    }
}

pub(crate) async fn get_shards(
    State(documents): State<Arc<dyn Documents>>,
    product_id: Result<Path<String>, PathRejection>,
) -> Response {
    // What is no text names no product.
    let product_id = product_id.map_or_else(|_| String::new(), |Path(id)| id);
    match division_of(documents.as_ref(), &product_id).await {
        Ok(division) => Json(division).into_response(),
        Err(cause) => cause.into_response(),
    }
}

pub(crate) async fn post_shards(
    State(documents): State<Arc<dyn Documents>>,
    product_id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let product_id = product_id.map_or_else(|_| String::new(), |Path(id)| id);
    let shards = match read_shards(&headers, body).await {
        Ok(shards) => shards,
        Err(problem) => return problem.into_response(),
    };
    match shard_stock(documents.as_ref(), &product_id, shards).await {
        Ok(division) => Json(division).into_response(),
        Err(cause) => cause.into_response(),
    }
}

async fn read_shards(headers: &HeaderMap, body: Body) -> Result<u64, Problem> {
    let body = read_json_body(headers, body, MOST_BYTES).await?;
    let asked: Map<String, Value> = serde_json::from_slice(&body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Problem::not_json(NotJson { line, column }, "a JSON object with `shards`")
    })?;
    let shards = asked.get("shards").and_then(Value::as_u64);
    let shards = shards.filter(|shards| (1..=MOST_SHARDS).contains(shards));
    shards.ok_or_else(|| {
        let fault = format!("must be a whole number from 1 to {MOST_SHARDS}");
        Problem::invalid_fields(vec![FieldError::new("shards", fault)])
    })
}

impl IntoResponse for NotDivided {
    fn into_response(self) -> Response {
        let problem = match &self {
            Self::NoSuchProduct => no_such_product(),
            Self::NotSoMany => Problem::invalid_fields(vec![FieldError::new(
                "shards",
                format!("must be a whole number from 1 to {MOST_SHARDS}"),
            )]),
            Self::Contention | Self::Store(StoreError::Unavailable(_)) => Problem::unavailable(),
            Self::Read(cause) => Problem::from(cause),
            Self::Store(StoreError::Refused(_)) => Problem::internal(),
        };
        if problem.status().is_server_error() {
            error!(error = error_chain(&self), "stock could not be divided");
        }
        problem.into_response()
    }
}
