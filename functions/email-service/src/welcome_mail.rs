//! The welcome mail.

use askama::Template;
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_mail::{Letter, Letterhead, Mail, UnwritableAddress, harmless};
use fanout_runtime::Timestamp;

/// Why a mail cannot be written. Holds no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnwritableMail {
    #[error(transparent)]
    Address(#[from] UnwritableAddress),
    #[error("the mail could not be put together")]
    Template(#[from] askama::Error),
}

#[derive(Template)]
#[template(path = "welcome.txt")]
struct Text<'a> {
    name: &'a str,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Html<'a> {
    name: &'a str,
}

/// The mail that welcomes a user. The same event always gives the same mail, but for its date.
pub(crate) fn welcome_mail(
    event: &Envelope<UserCreated>,
    letterhead: &Letterhead,
    now: Timestamp,
) -> Result<Mail, UnwritableMail> {
    let user = &event.data;
    let name = &harmless(&user.name);
    let letter = Letter {
        event_id: &event.id,
        user_id: &event.subject,
        to: &user.email,
        name: &user.name,
        subject: "Welcome!",
        text: Text { name }.render()?,
        html: Html { name }.render()?,
    };
    Ok(letterhead.write(letter, now)?)
}

#[cfg(test)]
mod tests {
    use fanout_events::{PersonName, Received, decode};
    use fanout_mail::Sender;

    use super::*;

    /// The mail of the golden event, to a user of this name.
    fn written(name: &str) -> String {
        let golden =
            include_bytes!("../../../shared/contracts/user/golden/user.created/1.0/event.json");
        let decoded = decode(&Received {
            data: golden,
            message_id: "1",
            publish_time: Timestamp::UNIX_EPOCH,
        });
        let mut event: Envelope<UserCreated> = decoded.unwrap().event.read().unwrap();
        event.data.name = PersonName::parse(name).unwrap();
        let letterhead = Letterhead::of(Sender::parse("Fanout <hello@example.com>").unwrap());
        let mail = welcome_mail(&event, &letterhead, event.timestamp).unwrap();
        String::from_utf8(mail.content)
            .unwrap()
            .replace("\r\n", "\n")
    }

    #[test]
    fn the_mail_is_written_with_the_events_id() {
        insta::assert_snapshot!(written("Test User"));
    }

    #[test]
    fn a_name_is_text_in_html_and_as_it_is_in_plain_text() {
        let text = written("<b>\"Ada\" & co");
        let (_, html) = text.split_once("text/html").unwrap();
        assert!(!html.contains("<b>"), "{html}");
        assert!(html.contains("Hello &#60;b&#62;"), "{html}");
        assert!(text.contains("Hello <b>\"Ada\" & co,"), "{text}");
    }

    /// A stranger signs up with another person's address, and types a message as the name.
    #[test]
    fn a_name_is_neither_a_link_nor_a_subject() {
        let text = written("you won! Claim at https://evil.example/?x=1 before Friday or else");
        assert!(text.contains("Subject: Welcome!\n"), "{text}");
        assert!(
            !text.contains("://") && !text.contains("evil.example"),
            "{text}"
        );
        assert!(!text.contains("or else"), "60 characters: {text}");
    }
}
