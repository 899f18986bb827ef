//! Which account of Stripe's.

use std::str::FromStr;

use fanout_runtime::Settings;
use reqwest::Url;
use reqwest::header::HeaderValue;

/// Where Stripe is.
const STRIPE: &str = "https://api.stripe.com";

/// What it takes to call Stripe.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    pub(super) key: SecretKey,
    pub(super) url: Url,
}

/// The account's secret key. Never shown.
#[derive(Debug, Clone)]
pub(super) struct SecretKey(HeaderValue);

/// Neither a secret nor a restricted key.
#[derive(Debug, thiserror::Error)]
#[error("must be a secret key of Stripe's")]
pub(super) struct NotAKey;

impl StripeSettings {
    /// Reads `STRIPE_SECRET_KEY` and `STRIPE_API_URL`.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let expects = "a secret or restricted key of Stripe's, such as sk_live_...";
        let key = settings.required("STRIPE_SECRET_KEY", expects);
        let expects = "the scheme and host of Stripe's API, with https unless it is this machine";
        let url = settings.optional_as("STRIPE_API_URL", expects, safe_url);
        let url = url.or(Url::parse(STRIPE).ok()?);
        Some(Self {
            key: key?,
            url: url?,
        })
    }
}

impl SecretKey {
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl FromStr for SecretKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let is_secret = text.starts_with("sk_") || text.starts_with("rk_");
        let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
        if !is_secret || !text.bytes().all(plain) {
            return Err(NotAKey);
        }
        let header = HeaderValue::from_str(&format!("Bearer {text}"));
        let mut header = header.map_err(|_| NotAKey)?;
        // Its `Debug` shows nothing from here on, and HTTP/2 keeps it out of its tables.
        header.set_sensitive(true);
        Ok(Self(header))
    }
}

/// A URL that the key may be sent to.
fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&url.host_str()?);
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here);
    let is_plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    (is_safe && is_plain).then_some(url)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<StripeSettings, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: HashMap<String, String> = pairs.iter().map(owned).collect();
        let mut settings = Settings::new(&environment);
        let stripe = StripeSettings::read(&mut settings);
        settings.finish(stripe).map_err(|error| error.to_string())
    }

    const KEY: (&str, &str) = ("STRIPE_SECRET_KEY", "sk_test_51secret");

    #[test]
    fn a_key_alone_goes_to_stripe_and_is_never_shown() {
        let stripe = read(&[KEY]).unwrap();
        assert_eq!(stripe.url.as_str(), "https://api.stripe.com/");
        let shown = format!("{stripe:?}");
        assert!(!shown.contains("51secret"), "{shown}");
    }

    #[test]
    fn what_is_no_secret_key_or_no_safe_place_for_one_does_not_start_and_is_not_shown() {
        for bad in [
            "pk_live_51public",
            "sk_test_51 secret",
            "whsec_51",
            "sk_test_51\u{e9}",
        ] {
            let fault = read(&[("STRIPE_SECRET_KEY", bad)]).unwrap_err();
            assert!(fault.contains("STRIPE_SECRET_KEY is set to something else"));
            assert!(!fault.contains("51"), "{fault}");
        }
        assert!(
            read(&[])
                .unwrap_err()
                .contains("STRIPE_SECRET_KEY is not set")
        );
        for bad in [
            "http://api.stripe.com",
            "https://api.stripe.com/v1",
            "stripe",
            "https://a@b",
        ] {
            let fault = read(&[KEY, ("STRIPE_API_URL", bad)]).unwrap_err();
            assert!(
                fault.contains("STRIPE_API_URL is set to something else"),
                "{bad}"
            );
        }
        for good in [
            "https://stripe.example.com",
            "http://localhost:12111",
            "http://[::1]:1",
        ] {
            assert!(read(&[KEY, ("STRIPE_API_URL", good)]).is_ok(), "{good}");
        }
    }
}
