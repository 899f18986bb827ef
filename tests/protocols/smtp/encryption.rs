//! TLS from the first byte or on request, and never with a server that cannot prove who it is.

use fanout_mail::{SmtpLimits, SmtpMailer, SmtpServer};

use super::certificate::SelfSigned;
use super::post::Post;
use super::server::{Encryption, MailServer};

const ACCOUNT: &str = "user:password";

/// A server with this certificate, and its address in settings.
async fn server(encryption: Encryption, certificate: &SelfSigned) -> (MailServer, String) {
    let server = MailServer::new(encryption, Some(certificate), Some(ACCOUNT)).await;
    let port = server.port();
    let url = match encryption {
        Encryption::AtOnce => format!("smtps://{ACCOUNT}@localhost:{port}"),
        Encryption::OnRequest | Encryption::None => {
            format!("smtp://{ACCOUNT}@localhost:{port}?tls=required")
        }
    };
    (server, url)
}

#[tokio::test]
async fn a_trusted_server_gets_the_password_and_the_mail_encrypted() {
    for encryption in [Encryption::AtOnce, Encryption::OnRequest] {
        let certificate = SelfSigned::of("localhost");
        let (server, url) = server(encryption, &certificate).await;
        let limits = SmtpLimits::PRODUCTION;
        let mailer = SmtpMailer::trusting(
            SmtpServer::parse(&url).unwrap(),
            limits,
            &[&certificate.der],
        );
        let post = Post::by(mailer.unwrap()).await;
        assert_eq!(post.deliver("evt_1", "usr_1").await.outcome, "done");
        let mails = server.mails();
        assert!(mails.len() == 1 && mails[0].encrypted);
    }
}

#[tokio::test]
async fn a_server_that_no_authority_vouches_for_gets_neither_password_nor_mail() {
    for encryption in [Encryption::AtOnce, Encryption::OnRequest] {
        let (server, url) = server(encryption, &SelfSigned::of("localhost")).await;
        let mailer = SmtpMailer::new(SmtpServer::parse(&url).unwrap(), SmtpLimits::PRODUCTION);
        gets_nothing(&server, mailer.unwrap(), "invalid peer certificate").await;
    }
}

#[tokio::test]
async fn a_trusted_certificate_of_another_name_is_not_enough() {
    for encryption in [Encryption::AtOnce, Encryption::OnRequest] {
        let certificate = SelfSigned::of("other.example");
        let (server, url) = server(encryption, &certificate).await;
        let limits = SmtpLimits::PRODUCTION;
        let mailer = SmtpMailer::trusting(
            SmtpServer::parse(&url).unwrap(),
            limits,
            &[&certificate.der],
        );
        gets_nothing(&server, mailer.unwrap(), "not valid for name").await;
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing_in_the_open() {
    let (server, url) = server(Encryption::None, &SelfSigned::of("localhost")).await;
    let mailer = SmtpMailer::new(SmtpServer::parse(&url).unwrap(), SmtpLimits::PRODUCTION);
    gets_nothing(&server, mailer.unwrap(), "offers no STARTTLS").await;
}

/// The mail waits, the log says why as an error, and the server heard no secret.
async fn gets_nothing(server: &MailServer, mailer: SmtpMailer, why: &str) {
    let post = Post::by(mailer).await;
    let delivered = post.deliver("evt_1", "usr_1").await;
    assert_eq!(delivered.outcome, "failed");
    let logs = delivered.logs;
    assert!(logs.contains(r#""severity":"ERROR""#), "{logs}");
    assert!(
        logs.contains("check SMTP_URL") && logs.contains(why),
        "{logs}"
    );
    assert!(!logs.contains("password"), "{logs}");
    let seen = server.seen();
    let secret = |command: &String| ["AUTH", "MAIL"].contains(&command.as_str());
    assert!(!seen.commands.iter().any(secret), "{:?}", seen.commands);
    assert!(seen.mails.is_empty());
    assert!(post.scene.dead_letters.take().is_empty());
    let mark = post.scene.mark("email", "evt_1").await.unwrap();
    assert!(!mark.may_have_repeated);
}
