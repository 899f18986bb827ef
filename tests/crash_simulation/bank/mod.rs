//! The bank under crashes: accounts whose events are all that is stored, moved by clients who ask again
//! when an answer is lost.

pub(crate) mod end;
mod past;
mod rules;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

pub(crate) use past::{BOOKED, past};
pub(crate) use rules::Bank;

use super::script::Clients;
use super::services::Service;

/// What a client wants of the bank. Accounts go by their owners' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Booking {
    Deposit(u64),
    Withdraw(u64),
    /// From the one to the other.
    Transfer(u64, u64),
}

/// By how much more a deposit is than its number: so that there is something to take out.
const DEPOSITED: u64 = 1_000;

/// What the booking of this number moves, in cents: no two bookings of a kind move the same.
fn cents(number: u64, booking: Booking) -> u64 {
    match booking {
        Booking::Deposit(_) => DEPOSITED + number,
        Booking::Withdraw(_) | Booking::Transfer(..) => number,
    }
}

fn decimal(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn owner(number: u64) -> String {
    format!("owner_{number}")
}

impl Clients {
    pub(super) async fn open_account(&self, number: u64) {
        let body = json!({"owner": owner(number), "currency": "EUR"});
        self.ask_bank(
            number,
            "/accounts".to_owned(),
            format!("open-{number}"),
            body,
        )
        .await;
    }

    /// Asks for the booking of this number.
    pub(super) async fn book(&self, number: u64, booking: Booking) {
        let account = |number: u64| self.sim.facts().bank.account_of(&owner(number));
        let amount = decimal(cents(number, booking));
        let asked = match booking {
            Booking::Deposit(of) => account(of).map(|id| {
                let body = json!({"amount": amount});
                (format!("/accounts/{id}/deposits"), body)
            }),
            Booking::Withdraw(of) => account(of).map(|id| {
                let body = json!({"amount": amount});
                (format!("/accounts/{id}/withdrawals"), body)
            }),
            Booking::Transfer(from, to) => account(from).zip(account(to)).map(|(from, to)| {
                let body = json!({"from": from, "to": to, "amount": amount});
                ("/transfers".to_owned(), body)
            }),
        };
        let Some((path, body)) = asked else {
            return;
        };
        if self
            .ask_bank(number, path, format!("book-{number}"), body)
            .await
        {
            let booked = (booking, cents(number, booking));
            self.sim.facts().bank.answered.push(booked);
        }
    }

    /// Whether it was done. Requests of odd and even numbers go to different instances at first.
    async fn ask_bank(&self, number: u64, path: String, key: String, body: Value) -> bool {
        let request = || {
            Request::post(&path)
                .header("content-type", "application/json")
                .header("idempotency-key", &key)
                .body(Body::from(body.to_string()))
                .unwrap()
        };
        let answer = self
            .ask_from(Service::Account, number as usize, request)
            .await;
        answer.is_some_and(|(status, _)| status == StatusCode::CREATED)
    }
}
