//! The payment providers, and the payment service over Stripe.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod conformance;
mod crashes;
mod faults;
mod keep_books;
mod operator;
mod scene;
mod stand_in;
mod subject;
mod wire;
