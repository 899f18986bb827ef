//! A status for people: one line per fact.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::backlog::Backlog;
use super::look::{Outbox, Seen, Status, Waiting};
use crate::answer::{counted, in_words, printable};
use crate::dead_letters::reasons_in_words;

/// How many refused events the text shows.
const REFUSED_SHOWN: usize = 10;

pub(super) fn of(status: &Status) -> String {
    let mut out = String::from("outbox\n");
    match &status.outbox {
        Seen::Known(outbox) => outbox_lines(&mut out, outbox),
        Seen::Unknown { unknown } | Seen::Untold { unknown } => {
            line(&mut out, "waiting", &unknown_because(unknown));
        }
    }
    for of in &status.consumers {
        let _ = writeln!(out, "{}", of.consumer);
        if !of.held.is_empty() {
            line(&mut out, "held still", &of.held.join(", "));
        }
        line(&mut out, "backlog", &seen(&of.backlog, backlog));
        line(&mut out, "dead letters", &seen(&of.dead_letters, reasons));
    }
    out.push_str("versions\n");
    line(&mut out, "fanout", status.versions.fanout);
    match &status.versions.services {
        Seen::Known(services) => {
            for (service, revisions) in services {
                line(&mut out, service, &printable(revisions));
            }
        }
        Seen::Unknown { unknown } | Seen::Untold { unknown } => {
            line(&mut out, "services", &unknown_because(unknown));
        }
    }
    out.push('\n');
    for wrong in &status.wrong {
        let _ = writeln!(out, "Wrong: {wrong}.");
    }
    if status.wrong.is_empty() {
        out.push_str("Nothing is wrong.\n");
    }
    out
}

fn outbox_lines(out: &mut String, outbox: &Outbox) {
    let more = if outbox.more { "more than " } else { "" };
    let count = match outbox.waiting {
        0 => "none".to_owned(),
        count => format!("{more}{}", counted(count, "event")),
    };
    line(out, "waiting", &count);
    if let Some(oldest) = &outbox.oldest {
        let age = in_words(oldest.waits_seconds);
        line(out, "oldest", &format!("{age}, {}", named(oldest)));
    }
    for refused in outbox.refused.iter().take(REFUSED_SHOWN) {
        let why = printable(refused.refusal.as_deref().unwrap_or_default());
        line(out, "refused", &format!("{}: {why}", named(refused)));
    }
    let hidden = outbox.refused.len().saturating_sub(REFUSED_SHOWN);
    if hidden > 0 {
        let hidden = format!("and {hidden} more: --json shows them all");
        line(out, "", &hidden);
    }
    for id in &outbox.unreadable {
        line(out, "unreadable", &printable(id));
    }
}

fn named(waiting: &Waiting) -> String {
    let Waiting {
        event_id,
        event_type,
        subject,
        ..
    } = waiting;
    printable(&format!("{event_id}, {event_type} of {subject}"))
}

fn backlog(backlog: &Backlog) -> String {
    match usize::try_from(backlog.messages).unwrap_or(usize::MAX) {
        0 => "none".to_owned(),
        count => {
            let (messages, age) = (counted(count, "message"), in_words(backlog.oldest_seconds));
            format!("{messages}, the oldest {age} old")
        }
    }
}

fn reasons(reasons: &BTreeMap<String, usize>) -> String {
    if reasons.is_empty() {
        return "none".to_owned();
    }
    reasons_in_words(reasons)
}

fn seen<T>(seen: &Seen<T>, words: impl Fn(&T) -> String) -> String {
    match seen {
        Seen::Known(known) => words(known),
        Seen::Unknown { unknown } | Seen::Untold { unknown } => unknown_because(unknown),
    }
}

fn unknown_because(why: &str) -> String {
    format!("unknown: {}", printable(why))
}

fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {name:<18} {text}");
}
