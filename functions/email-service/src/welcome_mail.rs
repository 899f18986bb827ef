//! The welcome mail.

use askama::Template;
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_mail::{Letterhead, Mail, Unsubscribe, plain_id};
use fanout_runtime::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::{Address, Message};

/// Why a mail cannot be written. Holds no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnwritableMail {
    #[error("the user's address cannot be written into a mail header")]
    Address,
    #[error("the mail could not be put together")]
    Message,
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

/// The mail that welcomes a user. The same event always gives the same `Message-ID`, so that a mail
/// server or reader can drop a repeat.
pub(crate) fn welcome_mail(
    event: &Envelope<UserCreated>,
    letterhead: &Letterhead,
    now: Timestamp,
) -> Result<Mail, UnwritableMail> {
    let user = &event.data;
    let name = user.name.expose();
    let id = plain_id(&event.id);
    let from = letterhead.from.mailbox().clone();
    let message_id = format!("<{id}@{}>", from.email.domain());
    let mut builder = Message::builder()
        .from(from)
        .to(Mailbox::new(Some(name.to_owned()), address_of(user)?))
        .subject(format!("Welcome, {name}!"))
        .date(now.into())
        .message_id(Some(message_id))
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()));
    if let Some(reply_to) = &letterhead.reply_to {
        builder = builder.reply_to(reply_to.mailbox().clone());
    }
    if let Some(unsubscribe) = &letterhead.unsubscribe {
        builder = can_unsubscribe(builder, unsubscribe, &event.subject);
    }
    let text = Text { name }
        .render()
        .map_err(|_| UnwritableMail::Message)?;
    let html = Html { name }
        .render()
        .map_err(|_| UnwritableMail::Message)?;
    let both = MultiPart::alternative()
        .boundary(boundary(&id))
        .singlepart(SinglePart::plain(text))
        .singlepart(SinglePart::html(html));
    let message = builder.multipart(both);
    let message = message.map_err(|_| UnwritableMail::Message)?;
    Ok(Mail { id, message })
}

/// The user's address, its domain in ASCII: servers that take no internationalised addresses take
/// that one.
fn address_of(user: &UserCreated) -> Result<Address, UnwritableMail> {
    let address: Address = user
        .email
        .expose()
        .parse()
        .map_err(|_| UnwritableMail::Address)?;
    if address.domain().is_ascii() {
        return Ok(address);
    }
    let domain = idna::domain_to_ascii(address.domain()).map_err(|_| UnwritableMail::Address)?;
    Address::new(address.user(), domain).map_err(|_| UnwritableMail::Address)
}

fn can_unsubscribe(
    builder: MessageBuilder,
    unsubscribe: &Unsubscribe,
    user_id: &str,
) -> MessageBuilder {
    let builder = builder.raw_header(header("List-Unsubscribe", unsubscribe.header(user_id)));
    match unsubscribe.is_one_click() {
        true => builder.raw_header(header(
            "List-Unsubscribe-Post",
            "List-Unsubscribe=One-Click".to_owned(),
        )),
        false => builder,
    }
}

/// A header whose value is plain ASCII of one line, so there is nothing to encode or fold.
fn header(name: &'static str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}

/// What stands between the parts: the same for the same event, so that the whole mail is. At most
/// 70 characters (RFC 2046, section 5.1.1).
fn boundary(id: &str) -> String {
    format!("part-of-{}", id.get(..60).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use fanout_events::{EmailAddress, PersonName, Received, decode};
    use proptest::prelude::*;

    use super::*;

    fn golden() -> Envelope<UserCreated> {
        let golden = include_bytes!("../../../shared/contracts/golden/user.created/1.0.json");
        let decoded = decode(&Received {
            data: golden,
            message_id: "1",
            publish_time: Timestamp::UNIX_EPOCH,
        })
        .unwrap();
        decoded.event.read().unwrap()
    }

    /// The golden event, about this user.
    fn about(data: UserCreated) -> Envelope<UserCreated> {
        Envelope { data, ..golden() }
    }

    fn written(event: &Envelope<UserCreated>, letterhead: &Letterhead) -> String {
        let mail = welcome_mail(event, letterhead, event.timestamp).unwrap();
        let text = String::from_utf8(mail.message.formatted()).unwrap();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        text.replace("\r\n", "\n")
    }

    fn plain() -> Letterhead {
        Letterhead::of("Fanout <hello@example.com>".parse().unwrap())
    }

    #[test]
    fn the_mail_is_written_with_the_events_id() {
        insta::assert_snapshot!(written(&golden(), &plain()));
    }

    #[test]
    fn answers_and_unsubscribing_go_where_the_settings_say() {
        let letterhead = Letterhead {
            reply_to: Some("Support <support@example.com>".parse().unwrap()),
            unsubscribe: Some("https://example.com/u/{user_id}".parse().unwrap()),
            ..plain()
        };
        let text = written(&golden(), &letterhead);
        for line in [
            "Reply-To: Support <support@example.com>\n",
            "List-Unsubscribe: <https://example.com/u/usr_01JD2V7Q4KA1B2C3D4E5F6G7H8>\n",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        let by_mail = Letterhead {
            unsubscribe: Some("mailto:leave@example.com".parse().unwrap()),
            ..plain()
        };
        let text = written(&golden(), &by_mail);
        assert!(text.contains("List-Unsubscribe: <mailto:leave@example.com>\n"));
        assert!(!text.contains("List-Unsubscribe-Post"), "{text}");
    }

    #[test]
    fn a_name_is_text_in_html_and_as_it_is_in_plain_text() {
        let user = UserCreated {
            name: PersonName::parse("<b>\"Ada\" & co").unwrap(),
            ..golden().data
        };
        let text = written(&about(user), &plain());
        let (_, html) = text.split_once("text/html").unwrap();
        assert!(!html.contains("<b>"), "{html}");
        assert!(html.contains("Hello &#60;b&#62;"), "{html}");
        assert!(text.contains("Hello <b>\"Ada\" & co,"), "{text}");
    }

    proptest! {
        /// Nobody who signs up can add a header, a part, or a line that a server refuses.
        #[test]
        fn no_name_and_no_id_changes_the_shape_of_a_mail(
            name in "\\PC{1,200}",
            id in ".{1,300}",
            user_id in ".{0,300}",
        ) {
            let Ok(name) = PersonName::parse(&name) else { return Ok(()) };
            let data = UserCreated { name, ..golden().data };
            let event = Envelope { id, subject: user_id, ..about(data) };
            let letterhead = Letterhead {
                unsubscribe: Some("https://example.com/{user_id}".parse().unwrap()),
                ..plain()
            };
            let mail = welcome_mail(&event, &letterhead, event.timestamp).unwrap();
            let text = String::from_utf8(mail.message.formatted()).unwrap();
            prop_assert!(text.is_ascii());
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

    #[test]
    fn a_domain_of_another_script_is_written_in_ascii() {
        let user = UserCreated {
            email: EmailAddress::parse("ada@exämple.com").unwrap(),
            ..golden().data
        };
        let text = written(&about(user), &plain());
        assert!(text.contains("<ada@xn--exmple-cua.com>"), "{text}");
    }

    #[test]
    fn an_address_that_no_header_can_hold_is_not_written() {
        let user = UserCreated {
            email: EmailAddress::parse("a..b@example.com").unwrap(),
            ..golden().data
        };
        let event = about(user);
        let refused = welcome_mail(&event, &plain(), event.timestamp);
        assert_eq!(refused.err(), Some(UnwritableMail::Address));
    }
}
