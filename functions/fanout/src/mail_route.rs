//! Where mails go on one machine.

use std::path::Path;
use std::sync::Arc;

use fanout_mail::{EmlMailer, Letterhead, Mailer, SmtpLimits, SmtpMailer, SmtpServer};
use fanout_runtime::{Environment, Setting, Settings, SettingsError};

/// Where mails go: files, unless the environment names a mail server.
#[derive(Clone)]
pub struct MailRoute {
    /// The mail server of `SMTP_URL`.
    pub server: Option<SmtpServer>,
    /// What every mail carries.
    pub letterhead: Letterhead,
}

impl MailRoute {
    /// Reads what email-service's container reads: `SMTP_URL`, `MAIL_FROM` and the like. Mails that
    /// become files have a sender of their own; a mail server is told whom it sends for.
    pub fn from_environment(environment: &dyn Environment) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(environment);
        let server = SmtpServer::read_optional(&mut settings);
        let default_from = match server {
            Setting::Absent => "Fanout <welcome@fanout.example>".parse().ok(),
            Setting::Bad | Setting::Is(_) => None,
        };
        let letterhead = Letterhead::read(&mut settings, default_from);
        Ok(Self {
            letterhead: settings.finish(letterhead)?,
            server: server.value(),
        })
    }

    /// The mailer of this route; files go into `folder`.
    pub(crate) fn mailer(&self, folder: &Path) -> anyhow::Result<Arc<dyn Mailer>> {
        let Some(server) = self.server.clone() else {
            return Ok(Arc::new(EmlMailer::new(folder)));
        };
        let mailer = SmtpMailer::new(server, SmtpLimits::PRODUCTION);
        Ok(Arc::new(mailer.map_err(|error| anyhow::anyhow!(error))?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn route(variables: &[(&str, &str)]) -> Result<MailRoute, SettingsError> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let environment: HashMap<String, String> = variables.iter().map(owned).collect();
        MailRoute::from_environment(&environment)
    }

    #[test]
    fn without_a_mail_server_mails_become_files() {
        assert!(route(&[]).unwrap().server.is_none());
        let from = [("MAIL_FROM", "Ada <ada@example.com>")];
        assert!(route(&from).unwrap().server.is_none());
    }

    #[test]
    fn with_a_mail_server_the_sender_must_be_said() {
        let url = ("SMTP_URL", "smtps://user:secret@mail.example.com");
        let error = route(&[url]).err().unwrap();
        insta::assert_snapshot!(error, @r"
        the environment is not complete:
          - MAIL_FROM is not set; it must be a sender such as `Fanout <hello@example.com>` with ASCII before the @ (put the name in double quotes if it has one of ()[]<>:;@,\ in it).
        ");
        let complete = route(&[url, ("MAIL_FROM", "ada@example.com")]).unwrap();
        assert_eq!(complete.server.unwrap().to_string(), "mail.example.com:465");
    }

    #[test]
    fn a_bad_address_of_a_mail_server_is_an_error_that_does_not_show_it() {
        let bad = [
            ("SMTP_URL", "smtp://user:secret@"),
            ("MAIL_FROM", "ada@example.com"),
        ];
        let error = route(&bad).err().unwrap().to_string();
        assert!(error.contains("SMTP_URL is set to something else than an SMTP address"));
        assert!(!error.contains("secret"), "{error}");
    }
}
