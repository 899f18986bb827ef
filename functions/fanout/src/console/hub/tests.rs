use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn publication(id: &str) -> Publication {
    Publication {
        event_id: id.to_owned(),
        event_type: "user.created".to_owned(),
        topic: "user-events".to_owned(),
        ..Publication::default()
    }
}

/// The bus takes it.
fn publish(hub: &Hub, id: &str, now: Timestamp) {
    hub.publishing(publication(id), now);
    hub.published(id, true, now);
}

fn delivery(id: &str, outcome: &str) -> Delivery {
    Delivery {
        event_id: id.to_owned(),
        event_type: "user.created".to_owned(),
        consumer: "email".to_owned(),
        message_id: Some(format!("m-{id}")),
        outcome: outcome.to_owned(),
        ..Delivery::default()
    }
}

#[test]
fn an_event_that_failed_and_was_given_up_and_redriven_tells_all_of_it_in_order() {
    let hub = Hub::default();
    publish(&hub, "evt_1", at(0));
    for second in 1..=3 {
        hub.delivered(delivery("evt_1", "failed"), at(second));
    }
    hub.given_up("m-evt_1", "email", "3 deliveries failed".to_owned(), at(4));
    hub.delivered(delivery("evt_1", "done"), at(5));
    let seen = hub.look();
    let event = seen.event("evt_1").unwrap();
    let attempts = &event.reaction("email").unwrap().attempts;
    let came: Vec<Came> = attempts.iter().map(|it| it.came).collect();
    use Came::{Done, Failed, GivenUp};
    assert_eq!(came, [Failed, Failed, Failed, GivenUp, Done]);
    assert_eq!((event.copies, seen.count()), (1, 1));
}

#[test]
fn what_the_bus_does_not_take_counts_for_nothing_however_often_it_is_tried() {
    let hub = Hub::default();
    let known = || {
        let seen = hub.look();
        let event = seen.event("evt_1").unwrap();
        let counted = seen.meters.recent("user-events", at(5)).all;
        (event.is_unpublished, event.copies, counted)
    };
    hub.publishing(publication("evt_1"), at(0));
    assert_eq!(known(), (true, 0, 0), "no answer is none");
    for second in 1..=3 {
        hub.publishing(publication("evt_1"), at(second));
        hub.published("evt_1", false, at(second));
    }
    assert_eq!(known(), (true, 0, 0));
    publish(&hub, "evt_1", at(4));
    assert_eq!(known(), (false, 1, 1));
    // One more copy that it does not take changes nothing.
    hub.publishing(publication("evt_1"), at(5));
    hub.published("evt_1", false, at(5));
    assert_eq!(known(), (false, 1, 1));
}

#[test]
fn a_delivery_counts_for_the_subscription_that_it_came_from() {
    let hub = Hub::default();
    let mail = Delivery {
        event_type: "mail.confirmation_requested".to_owned(),
        ..delivery("evt_2", "failed")
    };
    hub.delivered(delivery("evt_1", "done"), at(0));
    hub.delivered(mail, at(0));
    let seen = hub.look();
    let counted = |subscription| {
        let recent = seen.meters.recent(subscription, at(0));
        (recent.all, recent.failed)
    };
    assert_eq!(counted("user-events-email"), (1, 0));
    assert_eq!(counted("mail-events-email"), (1, 1));
}

#[test]
fn the_ring_forgets_the_oldest_and_all_that_led_to_it() {
    let hub = Hub::default();
    for number in 0..=MOST_EVENTS {
        hub.delivered(delivery(&format!("evt_{number}"), "done"), at(0));
    }
    let seen = hub.look();
    assert!(seen.event("evt_0").is_none());
    assert!(seen.event("evt_1").is_some());
    assert_eq!(seen.by_message.len(), MOST_EVENTS);
    assert_eq!(seen.latest().count(), MOST_EVENTS);
}

#[test]
fn a_refused_request_counts_for_its_consumer_and_makes_no_event() {
    let hub = Hub::default();
    hub.delivered(delivery("", "token_missing"), at(0));
    let seen = hub.look();
    assert_eq!(seen.count(), 0);
    assert_eq!(seen.meters.recent("user-events-email", at(0)).failed, 1);
}

#[test]
fn what_was_before_comes_before_what_is_told_and_never_twice() {
    let hub = Hub::default();
    publish(&hub, "evt_3", at(3));
    let before = |id: &str| SeenEvent {
        number: 0,
        id: id.to_owned(),
        event_type: "user.created".to_owned(),
        topic: "user-events".to_owned(),
        subject: None,
        correlation_id: None,
        flow: None,
        at: at(0),
        copies: 1,
        is_unpublished: false,
        reactions: Vec::new(),
        messages: Vec::new(),
        lines: Vec::new(),
    };
    let waiting = SeenEvent {
        copies: 0,
        is_unpublished: true,
        ..before("evt_0")
    };
    let all = ["evt_1", "evt_2", "evt_3"].map(before);
    hub.remember([&[waiting][..], &all].concat());
    for was_taken in [false, true] {
        hub.publishing(publication("evt_0"), at(4));
        hub.published("evt_0", was_taken, at(4));
        let seen = hub.look();
        let event = seen.event("evt_0").unwrap();
        assert_eq!(
            (event.is_unpublished, event.copies),
            (!was_taken, u32::from(was_taken))
        );
    }
    hub.delivered(delivery("evt_2", "done"), at(4));
    let seen = hub.look();
    let latest: Vec<&str> = seen.latest().map(|it| it.id.as_str()).collect();
    assert_eq!(latest, ["evt_3", "evt_2", "evt_1", "evt_0"]);
    assert!(seen.event("evt_2").unwrap().reaction("email").is_some());
    assert_eq!(seen.count(), 1);
}
