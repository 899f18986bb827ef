//! What each kind of statement counts for.

use super::families::{
    DELIVERIES, OUTBOX_OLDEST_AGE, OUTBOX_ROWS, PARKED, PROCESS_TIME, REQUEST_TIME, SEND_TIME,
    SENT, TAKEN_OVER,
};
use super::samples::Samples;
use super::statement::Statement;
use crate::method;

pub(super) fn count(statement: &Statement, samples: &mut Samples) {
    delivery(statement, samples);
    request(statement, samples);
    publication(statement, samples);
    relay(statement, samples);
}

fn delivery(statement: &Statement, samples: &mut Samples) {
    let (Some(consumer), Some(outcome)) = (&statement.consumer, &statement.outcome) else {
        return;
    };
    let labels = || vec![consumer.clone(), outcome.clone()];
    samples.add_one(&DELIVERIES, labels());
    if let Some(latency) = statement.latency {
        samples.observe(&PROCESS_TIME, labels(), latency);
    }
    if let Some(reason) = &statement.reason {
        samples.add_one(&PARKED, vec![consumer.clone(), reason.clone()]);
    }
    if statement.may_have_repeated {
        samples.add_one(&TAKEN_OVER, vec![consumer.clone()]);
    }
}

fn request(statement: &Statement, samples: &mut Samples) {
    if let (Some(method), Some(route), Some(status), Some(latency)) = (
        &statement.method,
        &statement.route,
        statement.status,
        statement.latency,
    ) {
        let method = method::told(method).to_owned();
        let labels = vec![method, route.clone(), status.to_string()];
        samples.observe(&REQUEST_TIME, labels, latency);
    }
}

fn publication(statement: &Statement, samples: &mut Samples) {
    if let (Some(topic), Some(latency)) = (&statement.topic, statement.send_latency) {
        samples.add_one(&SENT, vec![topic.clone()]);
        samples.observe(&SEND_TIME, vec![topic.clone()], latency);
    }
}

fn relay(statement: &Statement, samples: &mut Samples) {
    if let (Some(remaining), Some(oldest)) = (statement.remaining, statement.oldest_age_seconds) {
        samples.set(&OUTBOX_ROWS, Vec::new(), remaining as f64);
        samples.set(&OUTBOX_OLDEST_AGE, Vec::new(), oldest as f64);
    }
}
