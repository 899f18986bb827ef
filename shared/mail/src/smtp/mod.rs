//! Mail by SMTP.
//!
//! Own, and not lettre's transport: that puts no limit on the time of an answer, and does not tell at
//! which command a server refused, which decides whose fault it is.

mod fault;
mod idle;
mod limits;
mod mailer;
mod reply;
mod server;
mod session;
mod wire;

pub use limits::SmtpLimits;
pub use mailer::SmtpMailer;
pub use server::SmtpServer;
