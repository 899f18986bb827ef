use proptest::prelude::*;

use super::*;
use crate::{Sender, Unsubscribe};

fn letter<'a>(to: &'a EmailAddress, name: &'a PersonName) -> Letter<'a> {
    Letter {
        event_id: "evt_1",
        user_id: "usr_1",
        to,
        name,
        subject: "Welcome!",
        text: "Hello\n".to_owned(),
        html: "<p>Hello</p>\n".to_owned(),
    }
}

fn from(sender: &str) -> Letterhead {
    Letterhead::of(Sender::parse(sender).unwrap())
}

/// Head and body of the mail to this address and name.
fn written(letterhead: &Letterhead, address: &str, name: &str) -> (String, String) {
    let to = EmailAddress::parse(address).unwrap();
    let name = PersonName::parse(name).unwrap();
    let mail = letterhead
        .write(letter(&to, &name), Timestamp::UNIX_EPOCH)
        .unwrap();
    let text = String::from_utf8(mail.content).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn answers_and_unsubscribing_go_where_the_settings_say() {
    let letterhead = Letterhead {
        reply_to: Sender::parse("Support <support@example.com>"),
        unsubscribe: Unsubscribe::parse("https://example.com/u/{user_id}"),
        ..from("hello@example.com")
    };
    let (head, body) = written(&letterhead, "ada@example.com", "Ada");
    insta::assert_snapshot!(format!("{head}\n\n{body}"));
    let by_mail = Letterhead {
        unsubscribe: Unsubscribe::parse("mailto:leave@example.com"),
        ..from("hello@example.com")
    };
    let (head, _) = written(&by_mail, "ada@example.com", "Ada");
    assert!(
        head.contains("List-Unsubscribe: <mailto:leave@example.com>\n"),
        "{head}"
    );
    assert!(!head.contains("List-Unsubscribe-Post"), "{head}");
}

#[test]
fn names_are_quoted_encoded_and_folded() {
    for (name, expected) in [
        ("Ada", "To: Ada <ada@example.com>"),
        ("Ada Lovelace", "To: \"Ada Lovelace\" <ada@example.com>"),
        (r#"Ada "x" \"#, r#"To: "Ada \"x\" \\" <ada@example.com>"#),
        ("Käse", "To: =?utf-8?b?S8Okc2U=?= <ada@example.com>"),
        // It would be read as `Bank Security`.
        (
            "=?utf-8?Q?Bank_Security?=",
            "To: =?utf-8?b?PT91dGYtOD9RP0JhbmtfU2VjdXJpdHk/PQ==?= <ada@example.com>",
        ),
        ("Ada".repeat(60).as_str(), "To: =?utf-8?b?QWRhQWRh"),
    ] {
        let (head, _) = written(&from("hello@example.com"), "ada@example.com", name);
        assert!(head.contains(expected), "{expected} is not in {head}");
        assert!(
            head.lines().all(|line| line.len() <= 76 && line.is_ascii()),
            "{head}"
        );
    }
    let long = "x".repeat(180);
    let (head, _) = written(
        &from(&format!("\"{long}\" <hi@example.com>")),
        "ada@example.com",
        "Ada",
    );
    assert!(head.lines().all(|line| line.len() <= 76), "{head}");
    assert!(head.contains("\n <hi@example.com>\n"), "{head}");
}

#[test]
fn an_international_sender_goes_out_in_ascii() {
    let (head, _) = written(&from("Käse <hi@käse.example>"), "ada@exämple.com", "Ada");
    for line in [
        "From: =?utf-8?b?S8Okc2U=?= <hi@xn--kse-qla.example>",
        "To: Ada <ada@xn--exmple-cua.com>",
        "Message-ID: <evt_1@xn--kse-qla.example>",
    ] {
        assert!(head.lines().any(|it| it == line), "{line} is not in {head}");
    }
    assert!(head.is_ascii());
}

#[test]
fn only_a_local_part_beyond_ascii_is_written_as_it_is() {
    let address = "हिन्दी@डाटामेल.भारत";
    let (head, _) = written(&from("hello@example.com"), address, "Ada");
    let line = "To: Ada <हिन्दी@xn--c2bd4bq1db8d.xn--h2brj9c>";
    assert!(head.lines().any(|it| it == line), "{head}");
}

#[test]
fn an_address_that_has_no_form_for_servers_is_not_written() {
    let to = EmailAddress::stored("ada@-");
    let name = PersonName::parse("Ada").unwrap();
    let refused = from("hello@example.com").write(letter(&to, &name), Timestamp::UNIX_EPOCH);
    assert_eq!(refused.err(), Some(UnwritableAddress));
}

proptest! {
    /// No stranger who signs up can add a header, a part, or a line that a server refuses.
    #[test]
    fn no_name_and_no_id_changes_the_shape_of_a_mail(
        name in "\\PC{1,200}",
        sender in "\\PC{1,200}",
        event_id in ".{1,300}",
        user_id in ".{0,300}",
    ) {
        let Ok(name) = PersonName::parse(&name) else { return Ok(()) };
        let sender = format!("\"{}\" <hello@example.com>", sender.replace(['"', '\\'], ""));
        let Some(sender) = Sender::parse(&sender) else { return Ok(()) };
        let letterhead = Letterhead {
            unsubscribe: Unsubscribe::parse("https://example.com/{user_id}"),
            ..Letterhead::of(sender)
        };
        let to = EmailAddress::parse("ada@example.com").unwrap();
        let letter = Letter { event_id: &event_id, user_id: &user_id, ..letter(&to, &name) };
        let mail = letterhead.write(letter, Timestamp::UNIX_EPOCH).unwrap();
        let text = String::from_utf8(mail.content).unwrap();
        prop_assert!(text.is_ascii());
        let is_text = |line: &&str| !line.starts_with("Message-ID") && !line.starts_with("List-");
        prop_assert!(text.split("\r\n").filter(is_text).all(|line| line.len() <= 76));
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let headers = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        let names: Vec<&str> = headers.map(|line| line.split(':').next().unwrap()).collect();
        prop_assert_eq!(names, [
            "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
            "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
        ]);
        prop_assert_eq!(body.matches(&format!("--{}", boundary(&mail.id))).count(), 3);
    }
}
