//! One session of the mail server: RFC 5321, as far as mails are taken.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use super::server::{Encryption, Reaction, ReceivedMail, Stage, State};

/// A session on a stream.
pub(super) struct Talk<S> {
    stream: BufReader<S>,
    state: Arc<State>,
    encrypted: bool,
    is_known: bool,
    from: String,
    to: Vec<String>,
}

/// How a session goes on.
enum Next {
    Command,
    Tls,
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(super) fn new(stream: S, state: &Arc<State>, encrypted: bool) -> Self {
        Self {
            stream: BufReader::new(stream),
            state: Arc::clone(state),
            encrypted,
            is_known: state.account.is_none(),
            from: String::new(),
            to: Vec::new(),
        }
    }

    /// Talks until one side ends it; gives the stream back if it is to be encrypted.
    pub(super) async fn run(mut self, greets: bool) -> Option<S> {
        if greets && !self.reacts(Stage::Greeting, "220 test ESMTP").await {
            return None;
        }
        loop {
            let line = self.line().await?;
            match self.command(&line).await {
                Next::Command => {}
                Next::Tls => return Some(self.stream.into_inner()),
                Next::End => return None,
            }
        }
    }

    async fn command(&mut self, line: &str) -> Next {
        let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
        self.state.note(|seen| seen.commands.push(verb.clone()));
        let goes_on = match verb.as_str() {
            "EHLO" => self.greet().await,
            "STARTTLS" => {
                self.say("220 go ahead").await;
                return Next::Tls;
            }
            "AUTH" => self.authenticate(line).await,
            "MAIL" if !self.is_known => self.say("530 5.7.0 authentication required").await,
            "MAIL" => {
                self.from = address_in(line);
                self.to.clear();
                self.reacts(Stage::Sender, "250 2.1.0 ok").await
            }
            "RCPT" => {
                self.to.push(address_in(line));
                self.reacts(Stage::Recipient, "250 2.1.5 ok").await
            }
            "DATA" => self.take().await,
            "NOOP" | "RSET" => self.say("250 ok").await,
            "QUIT" => {
                self.say("221 bye").await;
                return Next::End;
            }
            _ => self.say("500 5.5.2 what?").await,
        };
        if goes_on { Next::Command } else { Next::End }
    }

    async fn greet(&mut self) -> bool {
        let mut lines = vec!["test"];
        if matches!(self.state.encryption, Encryption::OnRequest) && !self.encrypted {
            lines.push("STARTTLS");
        }
        if self.state.account.is_some() {
            lines.push("AUTH PLAIN");
        }
        if self.state.international {
            lines.push("SMTPUTF8");
        }
        let last = lines.len() - 1;
        for (number, line) in lines.into_iter().enumerate() {
            let mark = if number == last { ' ' } else { '-' };
            if !self.say(&format!("250{mark}{line}")).await {
                return false;
            }
        }
        true
    }

    /// `AUTH PLAIN`: base64 of nothing, user and password, each after a zero.
    async fn authenticate(&mut self, line: &str) -> bool {
        let said = line.rsplit(' ').next().unwrap();
        let said = String::from_utf8(STANDARD.decode(said).unwrap()).unwrap();
        let said = said.trim_start_matches('\0').replace('\0', ":");
        self.is_known = self.state.account == Some(said.as_str());
        if self.is_known {
            self.say("235 2.7.0 welcome").await
        } else {
            self.say("535 5.7.8 bad user or password").await
        }
    }

    async fn take(&mut self) -> bool {
        let reaction = self.state.reaction(Stage::Data);
        if !self.react(reaction, "354 go on").await {
            return false;
        }
        if reaction.is_some_and(Reaction::refuses) {
            return true;
        }
        let mut content = String::new();
        loop {
            let Some(line) = self.line().await else {
                return false;
            };
            if line == "." {
                break;
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
            content.push('\n');
        }
        let reaction = self.state.reaction(Stage::Content);
        if !reaction.is_some_and(Reaction::refuses) {
            let mail = ReceivedMail {
                from: self.from.clone(),
                to: self.to.clone(),
                content,
                encrypted: self.encrypted,
            };
            self.state.note(|seen| seen.mails.push(mail));
        }
        self.react(reaction, "250 2.0.0 taken").await
    }

    async fn reacts(&mut self, stage: Stage, usual: &str) -> bool {
        let reaction = self.state.reaction(stage);
        self.react(reaction, usual).await
    }

    /// Whether the session goes on.
    async fn react(&mut self, reaction: Option<Reaction>, usual: &str) -> bool {
        match reaction {
            None => self.say(usual).await,
            Some(Reaction::Says(text)) => self.say(text).await,
            Some(Reaction::SaysBytes(bytes)) => self.send(bytes).await,
            Some(Reaction::Hangs) => std::future::pending().await,
            Some(Reaction::HangsUp) => false,
        }
    }

    async fn say(&mut self, text: &str) -> bool {
        self.send(format!("{text}\r\n").as_bytes()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> bool {
        let said = self.stream.write_all(bytes).await;
        said.is_ok() && self.stream.flush().await.is_ok()
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await {
            Ok(length) if length > 0 => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
            Ok(_) | Err(_) => None,
        }
    }
}

/// What stands between the angle brackets.
fn address_in(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(address, _)| address.to_owned())
}
