//! Who moves the money: the port, and which adapter is behind it.

use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use fanout_contracts::Money;
use fanout_kernel::Place;
use fanout_runtime::{BoxError, Settings};
use fanout_store::Documents;

use crate::test_provider::TestProvider;

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
    /// The provider does not answer, or not as it should.
    #[error("the payment provider does not answer")]
    Unavailable(#[source] BoxError),
}

/// Which provider there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// One of our own, which takes no real money.
    Test,
}

/// No provider that this build knows.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("must be test")]
pub(crate) struct UnknownProvider;

impl FromStr for Choice {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "test" => Ok(Self::Test),
            _ => Err(UnknownProvider),
        }
    }
}

impl Choice {
    /// Reads `PAYMENT_PROVIDER`. A container has to be told: one that took no real money by mistake
    /// would ship for nothing.
    pub(crate) fn read(settings: &mut Settings<'_>, place: &Place) -> Option<Self> {
        const NAME: &str = "PAYMENT_PROVIDER";
        let expects = "the name of a payment provider: test";
        match place {
            Place::Container => settings.required(NAME, expects),
            Place::OneMachine { .. } => settings.or_default(NAME, expects, Self::Test),
        }
    }

    pub(crate) fn open(self, documents: &Arc<dyn Documents>) -> Arc<dyn PaymentProvider> {
        match self {
            Self::Test => Arc::new(TestProvider::new(Arc::clone(documents))),
        }
    }
}
