//! What the stand-in for Stripe does to an intent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stand_in::{Books, Call};

/// A payment method of which a refund takes days.
pub(crate) const SLOW_REFUND: &str = "pm_slow_refund";

#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) standing: &'static str,
    /// How often money was captured by it.
    pub(crate) captures: usize,
    /// How each of its refunds stands.
    pub(crate) refunds: Vec<&'static str>,
    /// How often it was looked at.
    looks: usize,
}

impl Books {
    /// Does what a call asks for.
    pub(crate) fn act(&mut self, call: &Call) -> (u16, Value) {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let parts: Vec<&str> = path.split('/').skip(2).collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["payment_intents"]) => self.make(call.form()),
            ("POST", ["refunds"]) => self.refund(&call.form()),
            ("GET", ["refunds"]) => self.list_refunds(query),
            ("GET", ["payment_intents", id]) => self.find(id, |intent| {
                intent.looks += 1;
                if intent.standing == "processing" && intent.looks > 1 {
                    (intent.standing, intent.captures) = ("succeeded", 1);
                }
                None
            }),
            ("POST", ["payment_intents", id, "confirm"]) => self.find(id, Intent::confirm),
            ("POST", ["payment_intents", id, "cancel"]) => self.find(id, Intent::cancel),
            _ => (
                404,
                error("invalid_request_error", "resource_missing", "path"),
            ),
        }
    }

    fn make(&mut self, form: BTreeMap<String, String>) -> (u16, Value) {
        let is_ours = form["payment_method"].starts_with("pm_");
        if !is_ours {
            let missing = error(
                "invalid_request_error",
                "resource_missing",
                "payment_method",
            );
            return (400, missing);
        }
        if let Some(code) = refused_amount(&form) {
            return (400, error("invalid_request_error", code, "amount"));
        }
        self.intents.push(Intent {
            form,
            standing: "requires_confirmation",
            captures: 0,
            refunds: Vec::new(),
            looks: 0,
        });
        let id = format!("pi_{}", self.intents.len());
        (200, json!({"id": id, "status": "requires_confirmation"}))
    }

    fn find(
        &mut self,
        id: &str,
        act: impl FnOnce(&mut Intent) -> Option<(u16, Value)>,
    ) -> (u16, Value) {
        let number: usize = id.trim_start_matches("pi_").parse().unwrap();
        let intent = &mut self.intents[number - 1];
        let refused = act(intent);
        refused.unwrap_or_else(|| (200, json!({"id": id, "status": intent.standing})))
    }

    fn refund(&mut self, form: &BTreeMap<String, String>) -> (u16, Value) {
        self.find(&form["payment_intent"], |intent| {
            let mut refunds = intent.refunds.iter();
            let goes_back = refunds.any(|it| ["pending", "succeeded"].contains(it));
            let code = match intent.standing {
                "succeeded" if goes_back => "charge_already_refunded",
                "succeeded" => {
                    let is_slow = intent.form["payment_method"] == SLOW_REFUND;
                    let standing = if is_slow { "pending" } else { "succeeded" };
                    intent.refunds.push(standing);
                    return Some((200, json!({"id": "re_1", "status": standing})));
                }
                _ => "payment_intent_unexpected_state",
            };
            Some((400, error("invalid_request_error", code, "")))
        })
    }

    fn list_refunds(&mut self, query: &str) -> (u16, Value) {
        let mut asked = url::form_urlencoded::parse(query.as_bytes());
        let (_, intent) = asked.find(|(name, _)| name == "payment_intent").unwrap();
        self.find(&intent, |intent| {
            let refunds = intent.refunds.iter();
            let data: Vec<Value> = refunds
                .map(|standing| json!({"id": "re_1", "status": standing}))
                .collect();
            Some((200, json!({"object": "list", "data": data})))
        })
    }
}

/// Stripe takes no part of a krona or a shilling, though it has two digits for it, and of three
/// digits only the first two.
fn refused_amount(form: &BTreeMap<String, String>) -> Option<&'static str> {
    let amount: u64 = form["amount"].parse().unwrap();
    let least = match form.get("currency").map(String::as_str) {
        Some("isk" | "ugx") => 100,
        Some("bhd" | "jod" | "kwd" | "omr" | "tnd") => 10,
        Some(_) | None => 1,
    };
    match amount {
        0 => Some("amount_too_small"),
        amount if amount % least != 0 => Some("invalid_charge_amount_no_decimal_compatible"),
        _ => None,
    }
}

impl Intent {
    fn confirm(&mut self) -> Option<(u16, Value)> {
        // After a refusal it has no payment method any more.
        if self.standing != "requires_confirmation" {
            return unexpected();
        }
        match self.form["payment_method"].as_str() {
            "pm_card_chargeDeclined" => {
                self.standing = "requires_payment_method";
                let mut declined = error("card_error", "card_declined", "");
                declined["error"]["decline_code"] = json!("generic_decline");
                return Some((402, declined));
            }
            "pm_slow_bank" => self.standing = "processing",
            _ => {
                self.standing = "succeeded";
                self.captures += 1;
            }
        }
        None
    }

    fn cancel(&mut self) -> Option<(u16, Value)> {
        if ["succeeded", "canceled", "processing"].contains(&self.standing) {
            return unexpected();
        }
        self.standing = "canceled";
        None
    }
}

fn unexpected() -> Option<(u16, Value)> {
    let code = "payment_intent_unexpected_state";
    Some((400, error("invalid_request_error", code, "")))
}

pub(crate) fn error(kind: &str, code: &str, param: &str) -> Value {
    let message = "a sentence that repeats sk_test_51secret";
    json!({"error": {"type": kind, "code": code, "param": param, "message": message}})
}
