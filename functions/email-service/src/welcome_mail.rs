//! The welcome mail.

use std::str::FromStr;

use fanout_events::{Event, UserCreated};
use fanout_runtime::Timestamp;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::mailer::Mail;

/// Who mails come from.
#[derive(Clone)]
pub struct Sender(Mailbox);

/// Why a mail cannot be written. Holds no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnwritableMail {
    #[error("the user's address cannot be written into a mail header")]
    Address,
    #[error("the mail could not be put together")]
    Message,
}

impl FromStr for Sender {
    type Err = lettre::address::AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The mail that welcomes a user. The same event always gives the same `Message-ID`, so that a mail
/// server or reader can drop a repeat.
pub(crate) fn welcome_mail(
    event: &Event,
    user: &UserCreated,
    from: &Sender,
    now: Timestamp,
) -> Result<Mail, UnwritableMail> {
    let address = user.email.expose().parse();
    let address = address.map_err(|_| UnwritableMail::Address)?;
    let name = user.name.expose();
    let id = mail_id(&event.id);
    let auto_submitted = HeaderName::new_from_ascii_str("Auto-Submitted");
    let message = Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(Some(name.to_owned()), address))
        .subject(format!("Welcome, {name}!"))
        .date(now.into())
        .message_id(Some(format!("<{id}@{}>", from.0.email.domain())))
        .raw_header(HeaderValue::new(
            auto_submitted,
            "auto-generated".to_owned(),
        ))
        .header(ContentType::TEXT_PLAIN)
        .body(format!(
            "Hello {name},\n\nwelcome! Your account is ready.\n"
        ))
        .map_err(|_| UnwritableMail::Message)?;
    Ok(Mail { id, message })
}

/// The event's id where it can stand in a header and a file name, else its SHA-256.
fn mail_id(event_id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=100).contains(&event_id.len()) && event_id.chars().all(plain) {
        event_id.to_owned()
    } else {
        hex::encode(Sha256::digest(event_id))
    }
}

#[cfg(test)]
mod tests {
    use fanout_events::{Payload, Received, decode};

    use super::*;

    #[test]
    fn the_mail_is_written_with_the_events_id() {
        let golden = include_bytes!("../../../shared/events/golden/user.created/1.0.json");
        let event = decode(&Received {
            data: golden,
            message_id: "1",
            publish_time: Timestamp::UNIX_EPOCH,
        })
        .unwrap()
        .event;
        let Payload::UserCreated(user) = &event.data else {
            panic!("another event");
        };
        let from = "Fanout <hello@example.com>".parse().unwrap();
        let mail = welcome_mail(&event, user, &from, event.timestamp).unwrap();
        let text = String::from_utf8(mail.message.formatted()).unwrap();
        insta::assert_snapshot!(text.replace("\r\n", "\n"));
    }

    #[test]
    fn an_id_that_would_break_a_header_or_a_file_name_is_replaced() {
        assert_eq!(mail_id("evt_1"), "evt_1");
        for odd in ["", "../x", "a b", "<x>", &"x".repeat(2048)] {
            assert_eq!(mail_id(odd).len(), 64, "{odd}");
        }
    }
}
