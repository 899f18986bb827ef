//! One session with a mail server.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;

use super::fault::{SmtpFault, Stage};
use super::reply::Reply;
use super::server::{Credentials, Security, SmtpServer};
use super::wire::{Tls, Wire};
use crate::mailer::Mail;

/// How long a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// The first digit of a good answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Good {
    Done = 2,
    GoOn = 3,
}

/// A session that mails can be sent in, one after the other.
pub(super) struct SmtpSession {
    wire: Wire,
    /// What the server can do: the lines of its answer to `EHLO`, in upper case.
    offers: Vec<String>,
}

impl SmtpSession {
    /// Connects, and proves who we are.
    pub(super) async fn open(server: &SmtpServer, tls: &Tls) -> Result<Self, SmtpFault> {
        let connected = Wire::connect(&server.host, server.port).await;
        let mut wire = connected.map_err(SmtpFault::lost(Stage::Opening))?;
        if server.security == Security::Tls {
            wire = wire.encrypt(tls).await.map_err(SmtpFault::tls)?;
        }
        let hello = server.hello.clone().unwrap_or_else(|| literal(wire.local));
        let mut session = Self {
            wire,
            offers: Vec::new(),
        };
        session.hear(Stage::Opening, Good::Done).await?;
        session.greet(&hello).await?;
        if server.security == Security::StartTls {
            session = session.start_tls(tls).await?;
            session.greet(&hello).await?;
        }
        if let Some(credentials) = &server.credentials {
            session.authenticate(credentials).await?;
        }
        Ok(session)
    }

    /// Whether the server is still there.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.command(Stage::Opening, "NOOP", Good::Done)
            .await
            .is_ok()
    }

    /// Hands all of a mail over but its end. Until then nothing has happened.
    pub(super) async fn begin(&mut self, mail: &Mail) -> Result<(), SmtpFault> {
        let mut sender = format!("MAIL FROM:<{}>", mail.from);
        if !mail.to.is_ascii() {
            if !self.offers("SMTPUTF8") {
                return Err(SmtpFault::NoInternationalAddresses);
            }
            // The address stands in a header too; everything else is encoded.
            sender.push_str(" SMTPUTF8 BODY=8BITMIME");
        }
        self.command(Stage::Sender, &sender, Good::Done).await?;
        let recipient = format!("RCPT TO:<{}>", mail.to);
        self.command(Stage::Recipient, &recipient, Good::Done)
            .await?;
        self.command(Stage::Data, "DATA", Good::GoOn).await?;
        let sent = self.wire.send(&stuffed(&mail.content)).await;
        sent.map_err(SmtpFault::lost(Stage::Data))
    }

    /// Hands over the mail's end. After `Ok` the server is responsible for it.
    pub(super) async fn finish(&mut self) -> Result<(), SmtpFault> {
        let taken = self.command(Stage::Content, ".", Good::Done).await;
        taken.map(drop)
    }

    /// Says goodbye, for a moment.
    pub(super) async fn close(mut self) {
        let goodbye = self.command(Stage::Opening, "QUIT", Good::Done);
        let _ = timeout(GOODBYE, goodbye).await;
    }

    async fn greet(&mut self, hello: &str) -> Result<(), SmtpFault> {
        let greeting = format!("EHLO {hello}");
        let heard = self.command(Stage::Opening, &greeting, Good::Done).await?;
        let offers = heard.lines.iter().skip(1);
        self.offers = offers.map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    async fn start_tls(mut self, tls: &Tls) -> Result<Self, SmtpFault> {
        if !self.offers("STARTTLS") {
            return Err(SmtpFault::Lacks("STARTTLS"));
        }
        self.command(Stage::Opening, "STARTTLS", Good::Done).await?;
        let wire = self.wire.encrypt(tls).await;
        Ok(Self {
            wire: wire.map_err(SmtpFault::tls)?,
            offers: Vec::new(),
        })
    }

    /// Both ways of saying a password need a connection that only the two ends can read.
    async fn authenticate(&mut self, known: &Credentials) -> Result<(), SmtpFault> {
        let Credentials { user, password } = known;
        let said = if self.offers_mechanism("PLAIN") {
            let both = STANDARD.encode(format!("\0{user}\0{password}"));
            vec![format!("AUTH PLAIN {both}")]
        } else if self.offers_mechanism("LOGIN") {
            let (user, password) = (STANDARD.encode(user), STANDARD.encode(password));
            vec!["AUTH LOGIN".to_owned(), user, password]
        } else {
            return Err(SmtpFault::Lacks("AUTH PLAIN or AUTH LOGIN"));
        };
        for (number, line) in said.iter().enumerate() {
            let is_last = number + 1 == said.len();
            let good = if is_last { Good::Done } else { Good::GoOn };
            self.command(Stage::Opening, line, good).await?;
        }
        Ok(())
    }

    fn offers(&self, extension: &str) -> bool {
        let named = |line: &String| line.split_whitespace().next() == Some(extension);
        self.offers.iter().any(named)
    }

    /// Some servers still put it as `AUTH=PLAIN`.
    fn offers_mechanism(&self, mechanism: &str) -> bool {
        let listed = |line: &String| {
            let mut words = line.split([' ', '=']);
            words.next() == Some("AUTH") && words.any(|word| word == mechanism)
        };
        self.offers.iter().any(listed)
    }

    async fn command(&mut self, stage: Stage, line: &str, good: Good) -> Result<Reply, SmtpFault> {
        let line = format!("{line}\r\n");
        let sent = self.wire.send(line.as_bytes()).await;
        sent.map_err(SmtpFault::lost(stage))?;
        self.hear(stage, good).await
    }

    async fn hear(&mut self, stage: Stage, good: Good) -> Result<Reply, SmtpFault> {
        let heard = self.wire.reply().await;
        let reply = heard.map_err(SmtpFault::lost(stage))?;
        match reply.code / 100 {
            first if first == good as u16 => Ok(reply),
            4 | 5 => Err(SmtpFault::Refused(stage, reply.refusal(stage))),
            _ => {
                let cause = format!("{} is no answer to that", reply.code);
                Err(SmtpFault::Lost(stage, cause))
            }
        }
    }
}

/// What we call ourselves where no name of ours is set (RFC 5321, section 4.1.3).
fn literal(local: IpAddr) -> String {
    match local {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// The mail, its last line ended, and no line of a dot alone: that is the end of the mail (RFC 5321,
/// section 4.5.2).
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(content.len() + 16);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_mail_is_its_end() {
        for (content, sent) in [
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a", "a\r\n"),
            (".\r\n", "..\r\n"),
            ("a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n"),
            ("", "\r\n"),
        ] {
            assert_eq!(stuffed(content.as_bytes()), sent.as_bytes());
        }
    }

    #[test]
    fn a_machine_without_a_name_says_its_address() {
        assert_eq!(literal("127.0.0.1".parse().unwrap()), "[127.0.0.1]");
        assert_eq!(literal("::1".parse().unwrap()), "[IPv6:::1]");
    }
}
