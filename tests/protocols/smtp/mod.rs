//! Mails by SMTP, against a real mail server on loopback that also refuses, defers, hangs and hangs
//! up. From the push to what the server has.

mod answers;
mod certificate;
mod connections;
mod encryption;
mod post;
mod server;
mod talk;
mod unknown_outcomes;
mod whole_system;
