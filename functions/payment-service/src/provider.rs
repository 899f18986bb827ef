//! Who moves the money: the port, and which adapter is behind it.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_contracts::Money;
use fanout_kernel::Place;
use fanout_runtime::{BoxError, Settings};
use fanout_store::Documents;

use crate::stripe::{Stripe, StripeSettings};
use crate::test_provider::TestProvider;

/// How long a provider may take to answer, unless it says otherwise. A delivery that waits takes room
/// from those behind it, so it is settled then: the process asks again, which no step's deadline makes
/// it do sooner.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who moves the money. Every call carries a key: under one key there is one effect, however often
/// it is asked for.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// Captures the charge under this key, once: asked again, it answers what it answered then.
    async fn capture(&self, key: &str, charge: &Charge) -> Result<Capture, ProviderError>;

    /// Asks what was captured under `captured`, gives all of it back under `key`, and sees to it that
    /// nothing can be captured under `captured` any more: a call whose answer was lost may still
    /// arrive.
    async fn take_back(
        &self,
        captured: &str,
        key: &str,
        charge: &Charge,
    ) -> Result<TakenBack, ProviderError>;

    /// How long it may take to answer, all tries of one delivery together.
    fn patience(&self) -> Duration {
        PATIENCE
    }
}

/// What is to be captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// How much.
    pub amount: Money,
    /// The provider's token of how it is paid.
    pub method: String,
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// The money is ours.
    Captured,
    /// It never will be, by this charge.
    Declined,
}

/// What there was to give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// All of it was captured, and was given back.
    Refunded,
    /// Nothing was.
    NothingCaptured,
}

/// Why it is not known what became of a call.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider does not answer, or not as it should: it may have acted.
    #[error("the payment provider does not answer")]
    Unavailable(#[source] BoxError),
    /// The provider has begun, and will not have ended while a request can wait.
    #[error("the payment provider has not come to an end yet")]
    Pending(#[source] BoxError),
    /// The provider refuses the call, and will until an operator has repaired the settings or the
    /// account.
    #[error(
        "the payment provider refuses the call: check PAYMENT_PROVIDER, STRIPE_SECRET_KEY, STRIPE_API_URL"
    )]
    Refused(#[source] BoxError),
}

/// Which provider there is.
#[derive(Debug, Clone)]
pub(crate) enum Choice {
    /// One of our own, which takes no real money.
    Test,
    /// Stripe.
    Stripe(StripeSettings),
}

/// The name of a provider.
#[derive(Debug, Clone, Copy)]
enum Name {
    Test,
    Stripe,
}

/// No provider that this build knows.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("must be test or stripe")]
struct UnknownProvider;

impl FromStr for Name {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "test" => Ok(Self::Test),
            "stripe" => Ok(Self::Stripe),
            _ => Err(UnknownProvider),
        }
    }
}

impl Choice {
    /// Reads `PAYMENT_PROVIDER`, and what that one needs. A container has to be told: one that took
    /// no real money by mistake would ship for nothing.
    pub(crate) fn read(settings: &mut Settings<'_>, place: &Place) -> Option<Self> {
        const NAME: &str = "PAYMENT_PROVIDER";
        let expects = "the name of a payment provider: test or stripe";
        let name = match place {
            Place::Container => settings.required(NAME, expects),
            Place::OneMachine { .. } => settings.or_default(NAME, expects, Name::Test),
        };
        match name? {
            Name::Test => Some(Self::Test),
            Name::Stripe => StripeSettings::read(settings).map(Self::Stripe),
        }
    }

    pub(crate) fn open(
        self,
        documents: &Arc<dyn Documents>,
    ) -> Result<Arc<dyn PaymentProvider>, BoxError> {
        let documents = Arc::clone(documents);
        Ok(match self {
            Self::Test => Arc::new(TestProvider::new(documents)),
            Self::Stripe(settings) => Arc::new(Stripe::new(documents, settings)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The choice, or the variables that stand in its way.
    fn chosen(pairs: &[(&str, &str)], place: &Place) -> Result<Choice, Vec<String>> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: HashMap<String, String> = pairs.iter().map(owned).collect();
        let mut settings = Settings::new(&environment);
        let choice = Choice::read(&mut settings, place);
        let first = |fault: &String| fault.split(' ').next().map(str::to_owned);
        let faults =
            |error: fanout_runtime::SettingsError| error.faults.iter().filter_map(first).collect();
        settings.finish(choice).map_err(faults)
    }

    #[test]
    fn a_container_is_told_its_provider_and_stripe_its_key() {
        let here = Place::OneMachine {
            folder: "data".into(),
        };
        let (stripe, key) = (
            ("PAYMENT_PROVIDER", "stripe"),
            ("STRIPE_SECRET_KEY", "sk_1"),
        );
        assert!(matches!(chosen(&[], &here), Ok(Choice::Test)));
        for place in [&Place::Container, &here] {
            let chosen = |pairs: &[(&str, &str)]| chosen(pairs, place);
            assert!(matches!(chosen(&[stripe, key]), Ok(Choice::Stripe(_))));
            assert_eq!(chosen(&[stripe]).unwrap_err(), ["STRIPE_SECRET_KEY"]);
            let other = chosen(&[("PAYMENT_PROVIDER", "other")]);
            assert_eq!(other.unwrap_err(), ["PAYMENT_PROVIDER"]);
        }
        let untold = chosen(&[key], &Place::Container);
        assert_eq!(untold.unwrap_err(), ["PAYMENT_PROVIDER"]);
    }
}
