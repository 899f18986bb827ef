#![doc = include_str!("../README.md")]

mod eml_mailer;
mod letterhead;
mod mailer;
mod plain_id;
mod smtp;

pub use eml_mailer::EmlMailer;
pub use letterhead::{InvalidUnsubscribe, Letterhead, Sender, Unsubscribe};
pub use mailer::{Mail, MailError, Mailer};
pub use plain_id::plain_id;
pub use smtp::{InvalidSmtpUrl, SmtpLimits, SmtpMailer, SmtpServer};
