//! Which mail server: `SMTP_URL`.

use std::fmt;
use std::net::IpAddr;

use fanout_runtime::{Setting, Settings};
use percent_encoding::percent_decode_str;
use url::Url;

const VARIABLE: &str = "SMTP_URL";
const EXPECTS: &str = "an SMTP address such as smtps://user:password@host:465 (smtp:// is STARTTLS, and to this machine no TLS), in which user and password are percent-encoded: / is %2F, + is %2B, = is %3D, @ is %40, : is %3A, # is %23, ? is %3F, % is %25";

/// A mail server and how to talk to it. Shows itself as host and port, never with its password.
#[derive(Clone)]
pub struct SmtpServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
    /// What we call ourselves; some providers want to hear a domain of ours. Without one it is this
    /// machine's address.
    pub(super) hello: Option<String>,
}

/// Who we are to the server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// How a connection is kept from others' eyes. There is no way to take any certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte on: `smtps:`.
    Tls,
    /// TLS after a command; a server that does not know it gets no mail: `smtp:`.
    StartTls,
    /// None, which only a connection that does not leave the machine may have.
    None,
}

impl SmtpServer {
    /// Reads `SMTP_URL`, which must be set.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        settings.required_as(VARIABLE, EXPECTS, Self::parse)
    }

    /// Reads `SMTP_URL`, which may be absent.
    pub fn read_optional(settings: &mut Settings<'_>) -> Setting<Self> {
        settings.optional_as(VARIABLE, EXPECTS, Self::parse)
    }

    /// Takes what `SMTP_URL` can be.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || url.port() == Some(0) || url.fragment().is_some() {
            return None;
        }
        let (security, usual_port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", None) if is_this_machine(host) => (Security::None, 25),
            ("smtp", None | Some("tls=required")) => (Security::StartTls, 587),
            _ => return None,
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return None,
            (user, Some(password)) => Some(Credentials {
                user: decoded(user)?,
                password: decoded(password)?,
            }),
        };
        // As in `smtps://host/our.example.com`.
        let hello = url.path().trim_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        hello.chars().all(plain).then(|| Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(usual_port),
            security,
            credentials,
            hello: (!hello.is_empty()).then(|| hello.to_owned()),
        })
    }
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.host, self.port)
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|it| it.is_loopback())
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn parsed(text: &str) -> SmtpServer {
        SmtpServer::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_scheme_says_how_mail_is_kept_from_others() {
        let cases = [
            (
                "smtps://mail.example.com",
                "mail.example.com:465",
                Security::Tls,
            ),
            ("smtps://127.0.0.1:4465", "127.0.0.1:4465", Security::Tls),
            (
                "smtp://mail.example.com",
                "mail.example.com:587",
                Security::StartTls,
            ),
            (
                "smtp://mail.example.com:25",
                "mail.example.com:25",
                Security::StartTls,
            ),
            ("smtp://localhost:1025", "localhost:1025", Security::None),
            ("smtp://LOCALHOST", "LOCALHOST:25", Security::None),
            ("smtp://127.0.0.1", "127.0.0.1:25", Security::None),
            ("smtp://[::1]:2525", "::1:2525", Security::None),
            (
                "smtp://localhost:1025?tls=required",
                "localhost:1025",
                Security::StartTls,
            ),
            (
                "smtp://localhost.example.com",
                "localhost.example.com:587",
                Security::StartTls,
            ),
        ];
        for (text, address, security) in cases {
            let server = parsed(text);
            assert_eq!(
                (server.to_string().as_str(), server.security),
                (address, security)
            );
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_never_shown() {
        let server = parsed("smtps://user%40example.com:p%3Ass%2Fw%C3%B6rd@mail.example.com:465");
        let expected = Credentials {
            user: "user@example.com".to_owned(),
            password: "p:ss/wörd".to_owned(),
        };
        assert!(server.credentials.as_ref() == Some(&expected));
        assert_eq!(server.to_string(), "mail.example.com:465");
        assert!(parsed("smtps://mail.example.com").credentials.is_none());
    }

    /// Amazon's passwords are base64.
    #[test]
    fn a_password_that_is_not_encoded_is_refused_with_how_to_encode_it() {
        let password = "AbC/d+eF=";
        for scheme in ["smtp", "smtps"] {
            let plain = format!("{scheme}://AKIA:{password}@mail.example.com:465");
            let variables = HashMap::from([("SMTP_URL".to_owned(), plain)]);
            let mut settings = Settings::new(&variables);
            let server = SmtpServer::read(&mut settings);
            let refused = settings.finish(server).err().unwrap().to_string();
            assert!(refused.contains("/ is %2F, + is %2B"), "{refused}");
            let encoded = password.replace('/', "%2F").replace('+', "%2B");
            let encoded = parsed(&format!("{scheme}://AKIA:{encoded}@mail.example.com:465"));
            assert!(
                encoded
                    .credentials
                    .is_some_and(|it| it.password == password)
            );
        }
    }

    #[test]
    fn the_path_is_the_name_we_say() {
        let server = parsed("smtps://mail.example.com/our.example.com");
        assert_eq!(server.hello.as_deref(), Some("our.example.com"));
    }

    #[test]
    fn what_would_send_mail_in_the_open_or_nowhere_is_refused() {
        for bad in [
            "",
            "mail.example.com:465",
            "smtps://",
            "smtps:///path",
            "http://mail.example.com",
            "smtps://user@mail.example.com",
            "smtps://:password@mail.example.com",
            "smtps://user:%FF@mail.example.com",
            "smtps://mail.example.com:0",
            "smtps://mail.example.com:465000",
            "smtps://mail.example.com?tls=none",
            "smtp://mail.example.com?tls=opportunistic",
            "smtp://mail.example.com?tls=none",
            "smtp://localhost?verify=off",
            "smtps://mail.example.com/our%20name",
            "smtps://mail.example.com#fragment",
        ] {
            assert!(SmtpServer::parse(bad).is_none(), "{bad}");
        }
    }
}
