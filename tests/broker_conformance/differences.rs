//! Where Google's emulator is not Pub/Sub, and where the embedded broker is not.

/// What one of the two does otherwise than Pub/Sub, and why that stays so.
#[derive(Debug)]
pub(super) struct Difference {
    /// What Pub/Sub does.
    pub(super) pubsub: &'static str,
    /// What the emulator or the embedded broker does.
    pub(super) instead: &'static str,
}

/// Shown in the failure of a case whose bus no longer differs.
impl std::fmt::Display for Difference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Pub/Sub: {}. Here: {}.", self.pubsub, self.instead)
    }
}

macro_rules! differences {
    ($($name:ident: $pubsub:literal, $instead:literal;)*) => {
        $(pub(super) const $name: Difference = Difference { pubsub: $pubsub, instead: $instead };)*

        const ALL: &[(&str, Difference)] = &[$((stringify!($name), $name)),*];
    };
}

// Of the emulator, unless the sentence says otherwise.
differences! {
    DELIVERY_ATTEMPT_IN_PUSH:
        "a push says which delivery it is, where there is a dead-letter policy",
        "never; only a pull does";
    ORDERING_KEY_IN_PUSH:
        "a push has the message's ordering key",
        "it has not; a pull and a dead letter have";
    EMPTY_FIELDS_IN_PUSH:
        "what is empty is left out of a push",
        "it is there, and empty";
    ACKING_STATUSES:
        "202 acks, 203 does not",
        "203 acks, 202 does not";
    REDIRECTS:
        "a redirect is a nack",
        "it is followed, as its HTTP client does by itself";
    CUT_AT_THE_DEADLINE:
        "a push that is not answered within the ack deadline is cut",
        "its answer is waited for, and of no effect";
    BACKOFF_OVERHEAD:
        "the waits are those of the retry policy",
        "the first wait is a second, each later one has two more than the policy says";
    FILTERS_APPLIED:
        "a subscription gets what its filter lets through",
        "filters are stored and not applied";
    FILTERS_CHECKED:
        "what is no filter is refused",
        "any text is taken";
    MESSAGE_LIMITS:
        "size, attributes and ordering keys have limits",
        "only the number of messages in a publish has one";
    KEYS_OF_A_PUBLISH:
        "all messages of a publish have the same ordering key, or none has one",
        "any mixture is taken";
    PARALLEL_PUSHES:
        "as many pushes are under way as the endpoint has shown that it can take",
        "two are, of each subscription";
    PULL_FROM_PUSH:
        "a push subscription cannot be pulled from",
        "the pull is answered, with nothing";
    PULL_SIZE:
        "a pull can have 1,000 messages",
        "it has 100 at most";
    PULL_OF_ONE_KEY:
        "a pull may have several messages of an ordering key, in order",
        "the embedded broker gives the next when the one before is acked: stricter, and simpler";
    SHORT_ACK_DEADLINES:
        "an ack deadline has at least 10 s",
        "any below is taken";
    LONG_RETENTION:
        "messages can be kept for up to 31 days",
        "for up to 7 days";
    SUBSCRIPTIONS_OF_NO_TOPIC:
        "the subscriptions of a topic that is not there are asked for in vain",
        "there are none";
    EXTENSION_LIMIT:
        "an ack deadline is put off by 600 s at most",
        "by any time";
}

/// The reviewed list. `cargo test the_differences -- --nocapture` prints it.
#[test]
fn the_differences_are_these_and_no_others() {
    let lines: Vec<String> = ALL
        .iter()
        .map(|(name, difference)| format!("{name}: {difference}"))
        .collect();
    println!("{}", lines.join("\n"));
    insta::assert_snapshot!(lines.join("\n"));
}
