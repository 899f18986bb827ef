//! Waiting between deliveries.

use std::time::Duration;

use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply};
use serde_json::json;

use super::bus::pushing_to;
use super::differences::BACKOFF_OVERHEAD;
use super::on_both_buses;
use crate::support::eventually;

on_both_buses! {
    async fn the_waits_are_no_shorter_than_the_retry_policy_says_and_grow(bus) {
        let endpoint = PushEndpoint::start(|push: &Push| {
            Reply::Status(if push.nth < 4 { 503 } else { 204 })
        })
        .await;
        bus.topic("events").await;
        let mut settings = pushing_to(endpoint.url());
        settings["retryPolicy"] = json!({"minimumBackoff": "1s", "maximumBackoff": "3s"});
        bus.subscription("pushing", settings).await;
        // One message: two that fail get lost on the emulator, where there is a retry policy.
        bus.publish_texts(["hello"]).await;
        eventually("the fourth push", || async { (endpoint.count() == 4).then_some(()) }).await;
        let times: Vec<_> = endpoint.pushes().iter().map(|push| push.at).collect();
        let waits: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // A wait is the one before doubled, and moved by a fifth; or more than the policy says. How
        // long one may be is asked in the embedded broker's own tests, which move the clock.
        let shortest = bus.unless_emulator(&BACKOFF_OVERHEAD, [1_000, 1_600, 2_400], [1_000, 2_500, 2_500]);
        for (wait, shortest) in waits.iter().zip(shortest) {
            assert!(*wait >= Duration::from_millis(shortest - 1), "{waits:?}");
        }
    }
}
