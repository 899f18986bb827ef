//! Which answers ack a push.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply, raw_endpoint};
use serde_json::json;

use super::bus::pushing_to;
use super::differences::{ACKING_STATUSES, CUT_AT_THE_DEADLINE, REDIRECTS};
use super::on_both_buses;
use crate::support::eventually;

const STATUSES: [u16; 18] = [
    200, 201, 202, 203, 204, 205, 206, 226, 304, 400, 401, 404, 408, 409, 429, 500, 502, 503,
];

fn pushes_of(endpoint: &PushEndpoint, text: &str) -> usize {
    let pushes = endpoint.pushes();
    pushes.iter().filter(|push| push.text() == text).count()
}

async fn pushed(endpoint: &PushEndpoint, text: &str, times: usize) {
    eventually("the push", || async {
        (pushes_of(endpoint, text) >= times).then_some(())
    })
    .await;
}

on_both_buses! {
    async fn four_statuses_ack_and_all_others_are_tried_again(bus) {
        // The first answer is the status that the message asks for, the second always acks.
        let endpoint = PushEndpoint::start(|push: &Push| match push.nth {
            1 => Reply::Status(push.text().parse().unwrap()),
            _ => Reply::Status(204),
        })
        .await;
        bus.topic("events").await;
        bus.subscription("pushing", pushing_to(endpoint.url())).await;
        bus.publish_texts(STATUSES.map(|status| status.to_string())).await;
        let acking = bus.unless_emulator(&ACKING_STATUSES, [200, 201, 202, 204], [200, 201, 203, 204]);
        for status in STATUSES {
            let times = if acking.contains(&status) { 1 } else { 2 };
            pushed(&endpoint, &status.to_string(), times).await;
        }
        // Whatever was still to come is in front of this.
        bus.publish_texts(["204"]).await;
        pushed(&endpoint, "204", 2).await;
        let once: Vec<u16> = STATUSES
            .into_iter()
            .filter(|status| pushes_of(&endpoint, &status.to_string()) == 1 + usize::from(*status == 204))
            .collect();
        assert_eq!(once, acking);
        assert_eq!(endpoint.count(), acking.len() + 2 * (STATUSES.len() - acking.len()) + 1);
    }

    async fn status_102_acks(bus) {
        const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";
        let (url, count, _server) = raw_endpoint(&[PROCESSING]).await;
        bus.topic("events").await;
        bus.subscription("pushing", pushing_to(url)).await;
        bus.publish_texts(["hello"]).await;
        eventually("the push", || async { (count.load(Ordering::SeqCst) == 1).then_some(()) }).await;
        // The next message would come after a second push of this one.
        bus.publish_texts(["next"]).await;
        eventually("the next", || async { (count.load(Ordering::SeqCst) >= 2).then_some(()) }).await;
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    async fn a_redirect_is_a_nack_and_is_not_followed(bus) {
        let elsewhere = PushEndpoint::start(|_| Reply::Status(204)).await;
        let to = elsewhere.url();
        let endpoint = PushEndpoint::start(move |push: &Push| match push.nth {
            1 => Reply::Redirect(push.text().parse().unwrap(), to.clone()),
            _ => Reply::Status(204),
        })
        .await;
        bus.topic("events").await;
        bus.subscription("pushing", pushing_to(endpoint.url())).await;
        bus.publish_texts(["302", "307"]).await;
        // Two pushes each; or one each and two visitors elsewhere, of whom a 302 makes a mere GET.
        let expected = bus.unless_emulator(&REDIRECTS, (4, 0, 0), (2, 1, 1));
        let found = || (endpoint.count(), elsewhere.count(), elsewhere.strangers());
        eventually("all of it", || async { (found() == expected).then_some(()) }).await;
        bus.publish_texts(["204"]).await;
        pushed(&endpoint, "204", 1).await;
        assert_eq!(found(), (expected.0 + 1, expected.1, expected.2));
    }

    async fn an_answer_after_the_ack_deadline_comes_too_late(bus) {
        // The late 204 comes while the second push is under way, which fails.
        let endpoint = PushEndpoint::start(|push: &Push| match (push.text().as_str(), push.nth) {
            ("slow", 1) => Reply::After(Duration::from_secs(12), 204),
            ("slow", 2) => Reply::After(Duration::from_secs(4), 500),
            _ => Reply::Status(204),
        })
        .await;
        bus.topic("events").await;
        let mut settings = pushing_to(endpoint.url());
        settings["ackDeadlineSeconds"] = json!(10);
        bus.subscription("pushing", settings).await;
        bus.publish_texts(["slow"]).await;
        pushed(&endpoint, "slow", 3).await;
        let pushes = endpoint.pushes();
        let wait = pushes[1].at - pushes[0].at;
        assert!((Duration::from_secs(9)..Duration::from_secs(20)).contains(&wait), "{wait:?}");
        let wait = pushes[2].at - pushes[1].at;
        assert!(wait >= Duration::from_secs(4), "{wait:?}");
        bus.publish_texts(["next"]).await;
        pushed(&endpoint, "next", 1).await;
        assert_eq!(pushes_of(&endpoint, "slow"), 3);
        let cut = bus.unless_emulator(&CUT_AT_THE_DEADLINE, 1, 0);
        assert_eq!(endpoint.broken_off(), cut);
    }
}
