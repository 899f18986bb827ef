#![doc = include_str!("../README.md")]

mod eml_mailer;
mod harmless;
mod letter;
mod letterhead;
mod mailer;
mod plain_id;
mod sender;
mod smtp;

pub use eml_mailer::EmlMailer;
pub use harmless::harmless;
pub use letter::{Letter, UnwritableAddress};
pub use letterhead::{Letterhead, Unsubscribe};
pub use mailer::{Mail, MailError, Mailer};
pub use sender::Sender;
pub use smtp::{SmtpLimits, SmtpMailer, SmtpServer};
