//! Waiting between deliveries.

use std::time::Duration;

use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply};
use serde_json::json;

use super::bus::pushing_to;
use super::differences::BACKOFF_OVERHEAD;
use super::on_both_buses;
use crate::support::eventually;

/// How late a push may be on a busy machine.
const LATE: Duration = Duration::from_secs(5);

on_both_buses! {
    async fn the_waits_grow_within_the_bounds_of_the_retry_policy(bus) {
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
        let millisecond = Duration::from_millis(1);
        assert!(waits[0] >= Duration::from_secs(1) - millisecond, "{waits:?}");
        assert!(waits[0] < waits[1] && waits[0] < waits[2], "{waits:?}");
        // The second wait is a second doubled, and moved by a fifth; or more than the policy says.
        let (second, overhead) = bus.unless_emulator(&BACKOFF_OVERHEAD, (1_600, 0), (2_500, 2));
        assert!(waits[1] >= Duration::from_millis(second) - millisecond, "{waits:?}");
        let longest = Duration::from_secs(3 + overhead) + LATE;
        assert!(waits.iter().all(|wait| *wait <= longest), "{waits:?}");
    }
}
