//! Mail by SMTP.
//!
//! On lettre's connection instead of its transport: that puts no limit on the time of an answer, and
//! does not tell at which command a server refused, which decides whose fault it is.

mod fault;
mod idle;
mod limits;
mod mailer;
mod server;
mod session;

pub use limits::SmtpLimits;
pub use mailer::SmtpMailer;
pub use server::{InvalidSmtpUrl, SmtpServer};
