//! A trace for people: one block per event, one line per fact.

use std::fmt::Write as _;

use fanout_google_cloud::GoogleCloudSettings;

use super::find::{Question, Trace, UserStanding};
use super::life::{ConsumerLife, Life, Publication, State};
use crate::answer::plain;
use crate::target::Target;

pub(super) fn of(trace: &Trace) -> String {
    let mut out = String::new();
    for user in &trace.users {
        let _ = writeln!(out, "user {}", standing(user));
        if !user.unknown_sequences.is_empty() {
            let numbers = ranges(&user.unknown_sequences);
            let _ = writeln!(
                out,
                "     {numbers}: no row and no mark, so older than both are kept"
            );
        }
    }
    for life in &trace.events {
        if !out.is_empty() {
            out.push('\n');
        }
        event(&mut out, life, &trace.asked);
    }
    if trace.incomplete {
        out.push_str("\nThere is more than was read: ask for one event or one user.\n");
    }
    out
}

fn standing(user: &UserStanding) -> String {
    let id = plain(&user.user_id);
    match &user.deleted_at {
        Some(time) => format!("{id}: version {}, deleted {time}", user.version),
        None => format!("{id}: version {}", user.version),
    }
}

/// `#1 to #3, #5`
fn ranges(numbers: &[u64]) -> String {
    let runs = numbers.chunk_by(|before, after| before + 1 == *after);
    let run = |run: &[u64]| match run {
        [first, .., last] => format!("#{first} to #{last}"),
        [only] => format!("#{only}"),
        [] => String::new(),
    };
    runs.map(run).collect::<Vec<_>>().join(", ")
}

fn event(out: &mut String, life: &Life, asked: &Question) {
    let _ = write!(out, "{}", plain(&life.event_id));
    if life.event_type.is_empty() {
        out.push_str("  (not decodable)");
    } else {
        let _ = write!(out, "  {}", plain(&life.event_type));
    }
    if let Some(sequence) = life.sequence {
        let _ = write!(out, "  #{sequence}");
    }
    if let Some(subject) = &life.subject {
        let _ = write!(out, " of {}", plain(subject));
    }
    out.push('\n');
    if let Some(time) = &life.stored_at {
        line(out, "stored", time);
    }
    line(out, "published", &publication(&life.publication));
    for reaction in &life.consumers {
        line(out, &plain(&reaction.consumer), &words(reaction));
        if reaction.may_have_repeated {
            line(
                out,
                "",
                "may have repeated: a holder took it over that could not know whether it was done",
            );
        }
    }
    if let (Some(id), true) = (
        &life.correlation_id,
        !matches!(asked, Question::Correlation(_) | Question::Order(_)),
    ) {
        line(out, "request", &plain(id));
    }
    if let Some(id) = &life.causation_id {
        line(out, "caused by", &plain(id));
    }
    match life.caused.as_slice() {
        [] if matches!(asked, Question::Event(_)) => line(out, "caused", "nothing that is known"),
        [] => {}
        ids => {
            let ids: Vec<String> = ids.iter().map(|id| plain(id)).collect();
            line(out, "caused", &ids.join(", "));
        }
    }
}

fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {name:<10} {text}");
}

fn publication(publication: &Publication) -> String {
    match publication {
        Publication::Waiting { since } => format!("not yet: waits since {since}"),
        Publication::SeenAndWaiting { since } => format!(
            "yes, consumers have seen it; its row waits since {since}, so once more perhaps"
        ),
        Publication::Published { at } => at.clone(),
        Publication::Skipped { at, reason } => {
            format!("no: skipped {at}: {}", plain(reason))
        }
        Publication::Seen => {
            "yes: consumers have seen it; it has no row in the event store".to_owned()
        }
    }
}

fn words(reaction: &ConsumerLife) -> String {
    let finished = reaction
        .finished_at
        .as_deref()
        .unwrap_or("at a time that is not known");
    let state = match &reaction.state {
        State::Done => format!("done {finished}"),
        State::Stale => format!("stale {finished}: a later event of the subject had been applied"),
        State::Parked { reason, detail } => {
            format!("parked {finished}: {}, {}", plain(reason), plain(detail))
        }
        State::OtherPayloadParked { reason, detail } => format!(
            "another message with this id parked {finished}: {}, {}",
            plain(reason),
            plain(detail)
        ),
        State::Claimed { until } => format!("at work, claimed until {until}"),
        State::ClaimEnded { at } => {
            format!("its claim ended {at} without an outcome: the next delivery takes over")
        }
        State::Released => "failed: the next delivery tries again".to_owned(),
        State::Forgotten { since } => format!("its mark no longer counts since {since}"),
        State::NotSeen => "no mark: not arrived yet, or failing before a mark is made".to_owned(),
        State::NotWanted => "no use for this type".to_owned(),
    };
    match reaction.attempts {
        None => state,
        Some(number) => format!("{state} (attempt {number})"),
    }
}

/// What to say when nothing is known, and what to do next.
pub(super) fn nothing(trace: &Trace, target: &Target) -> String {
    let (what, field, id) = match &trace.asked {
        Question::Event(id) => ("event", "event_id", id),
        Question::User(id) => ("user", "subject", id),
        Question::Order(id) => ("order", "subject", id),
        Question::Correlation(id) => ("request", "correlation_id", id),
    };
    let said = format!(
        "no row and no mark knows the {what} {}: it is not an id of this system, it is older than rows and marks are kept, or it was typed by hand and is on its way to its first consumer.",
        plain(id)
    );
    format!("{said}\nLogs may know more:\n  {}", logs(field, id, target))
}

fn logs(field: &str, id: &str, target: &Target) -> String {
    match target {
        Target::Google(GoogleCloudSettings {
            project,
            emulators: None,
            ..
        }) => {
            let filter = format!("jsonPayload.{field}={}", serde_json::Value::from(plain(id)));
            let quoted = filter.replace('\'', r"'\''");
            format!(
                "gcloud logging read '{quoted}' --project={project} --freshness=60d --order=asc"
            )
        }
        Target::Embedded { .. } | Target::Google(_) => {
            let wanted = plain(id).replace('\'', r"'\''");
            format!("grep -F '{wanted}' in what `fanout up` has written")
        }
    }
}
