//! Where mails go: to a mail server, or, on one machine without one, into files.

use std::path::PathBuf;
use std::sync::Arc;

use fanout_kernel::Place;
use fanout_mail::{EmlMailer, Letterhead, Mailer, Sender, SmtpLimits, SmtpMailer, SmtpServer};
use fanout_runtime::{BoxError, Setting, Settings};

/// Where mails go, and what they carry.
pub(crate) struct MailRoute {
    pub(crate) letterhead: Letterhead,
    pub(crate) mailer: Destination,
    /// The same for a person.
    pub(crate) note: String,
}

pub(crate) enum Destination {
    Server(SmtpServer),
    Files(PathBuf),
}

impl MailRoute {
    /// Reads `SMTP_URL`, `MAIL_FROM` and the like. Mails that become files have a sender of their
    /// own; a mail server is told whom it sends for.
    pub(crate) fn read(settings: &mut Settings<'_>, place: &Place) -> Option<Self> {
        let server = match place {
            Place::Container => SmtpServer::read(settings).map_or(Setting::Bad, Setting::Is),
            Place::OneMachine { .. } => SmtpServer::read_optional(settings),
        };
        let default_from = match server {
            Setting::Absent => Sender::parse("Fanout <welcome@fanout.example>"),
            Setting::Bad | Setting::Is(_) => None,
        };
        let letterhead = Letterhead::read(settings, default_from);
        let mailer = match (server, place) {
            (Setting::Is(server), _) => Destination::Server(server),
            (Setting::Absent, Place::OneMachine { folder }) => {
                Destination::Files(folder.join("mail"))
            }
            (Setting::Absent, Place::Container) | (Setting::Bad, _) => return None,
        };
        let note = match &mailer {
            Destination::Server(server) => format!("mails go to {server}"),
            Destination::Files(folder) => format!("mails are in {}", folder.display()),
        };
        Some(Self {
            letterhead: letterhead?,
            mailer,
            note,
        })
    }
}

impl Destination {
    pub(crate) fn open(self) -> Result<Arc<dyn Mailer>, BoxError> {
        match self {
            Self::Server(server) => Ok(Arc::new(SmtpMailer::new(server, SmtpLimits::PRODUCTION)?)),
            Self::Files(folder) => Ok(Arc::new(EmlMailer::new(&folder))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use fanout_runtime::SettingsError;

    use super::*;

    fn note(variables: &[(&str, &str)], place: &Place) -> Result<String, SettingsError> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let environment: HashMap<String, String> = variables.iter().map(owned).collect();
        let mut settings = Settings::new(&environment);
        let route = MailRoute::read(&mut settings, place);
        Ok(settings.finish(route)?.note)
    }

    fn here() -> Place {
        Place::OneMachine {
            folder: ".fanout".into(),
        }
    }

    const SERVER: (&str, &str) = ("SMTP_URL", "smtps://user:secret@mail.example.com");
    const FROM: (&str, &str) = ("MAIL_FROM", "Ada <ada@example.com>");

    #[test]
    fn on_one_machine_without_a_mail_server_mails_become_files() {
        for variables in [&[][..], &[FROM]] {
            assert_eq!(
                note(variables, &here()).unwrap(),
                "mails are in .fanout/mail"
            );
        }
    }

    #[test]
    fn a_container_needs_a_mail_server() {
        let error = note(&[FROM], &Place::Container).unwrap_err();
        let [fault] = &*error.faults else {
            panic!("{error}");
        };
        assert!(fault.starts_with("SMTP_URL is not set"), "{fault}");
    }

    #[test]
    fn with_a_mail_server_the_sender_must_be_said() {
        let error = note(&[SERVER], &here()).unwrap_err();
        insta::assert_snapshot!(error, @r"
        the environment is not complete:
          - MAIL_FROM is not set; it must be a sender such as `Fanout <hello@example.com>` with ASCII before the @ (put the name in double quotes if it has one of ()[]<>:;@,\ in it).
        ");
        for place in [here(), Place::Container] {
            let told = note(&[SERVER, FROM], &place).unwrap();
            assert_eq!(told, "mails go to mail.example.com:465");
        }
    }

    #[test]
    fn a_bad_address_of_a_mail_server_is_an_error_that_does_not_show_it() {
        let bad = [("SMTP_URL", "smtp://user:secret@"), FROM];
        let error = note(&bad, &here()).unwrap_err().to_string();
        assert!(error.contains("SMTP_URL is set to something else than an SMTP address"));
        assert!(!error.contains("secret"), "{error}");
    }
}
