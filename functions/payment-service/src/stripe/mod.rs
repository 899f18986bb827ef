//! Stripe, over its HTTP API.
//!
//! Money moves by one call only: to confirm a payment intent, which Stripe does once for each intent
//! for ever. So one capture of a step is one intent of it, and which one that is stands in our own
//! store before it is confirmed ([`Intents`]). The `Idempotency-Key` of each call, the same at every
//! try, spares what the first try did already. Stripe forgets keys after 24 h, and repeats a failure
//! of its own under them until then, so after such a failure a call is made without one: what became
//! of an intent is asked of the intent.

mod api;
mod convert_amount;
mod intents;
mod reply;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_runtime::BoxError;
use fanout_store::Documents;
use tracing::info;

use crate::provider::{Capture, Charge, PaymentProvider, ProviderError, TakenBack};
use api::Api;
use intents::{Intents, Record};
use reply::{Object, Reply, Standing};

pub use intents::STRIPE_INTENTS;
pub use settings::StripeSettings;

/// How often an intent is looked at that others change meanwhile.
const LOOKS: usize = 3;
/// How long Stripe may take: the bank behind a card answers in seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Captures and refunds by Stripe's payment intents. `payment_method` is the id of one of Stripe's,
/// such as `pm_card_visa`.
pub struct Stripe {
    api: Api,
    intents: Intents,
}

/// An intent that cannot be used and is not paid either.
#[derive(Debug, thiserror::Error)]
#[error("the payment intent stands at {0:?}, or others change it")]
struct Undecided(Option<Standing>);

/// A refund that Stripe gives up: the money is with Stripe, and goes back by hand.
#[derive(Debug, thiserror::Error)]
#[error("the refund stands at {0:?}: it has to be made by hand")]
struct RefundFailed(Standing);

/// A refund that Stripe may still give up: the bank has it, or the account's balance is too low.
#[derive(Debug, thiserror::Error)]
#[error("the refund is pending: if it stays so, see whether the account's balance covers it")]
struct RefundPending;

impl Stripe {
    /// With these settings; which intent belongs to which step is kept in this store.
    pub fn new(documents: Arc<dyn Documents>, settings: StripeSettings) -> Result<Self, BoxError> {
        Ok(Self {
            api: Api::new(settings)?,
            intents: Intents { documents },
        })
    }

    /// The intent to confirm for this step; `None` where nothing is, or will be, captured.
    async fn intent(&self, key: &str, charge: &Charge) -> Result<Option<String>, ProviderError> {
        let made = match self.api.make_intent(key, charge).await? {
            Reply::Object(intent) => intent.id,
            // A card is not asked before the intent is confirmed.
            Reply::Declined(reason) | Reply::CannotBePaid(reason) => {
                info!(reason, "what is to be paid cannot be paid like this");
                return Ok(None);
            }
            Reply::OtherState => return Err(undecided(None)),
        };
        let kept = self.intents.keep(key, made).await?;
        Ok(kept.intent.filter(|_| !kept.closed))
    }

    async fn confirm(&self, key: &str, intent: &str) -> Result<Capture, ProviderError> {
        match self.api.confirm(key, intent).await? {
            Reply::Object(Object { status, .. }) => match captured(status) {
                Some(capture) => Ok(capture),
                None => self.look(intent).await,
            },
            Reply::Declined(reason) | Reply::CannotBePaid(reason) => {
                info!(reason, "the payment was declined");
                Ok(Capture::Declined)
            }
            Reply::OtherState => self.look(intent).await,
        }
    }

    /// What became of an intent that was confirmed.
    async fn look(&self, intent: &str) -> Result<Capture, ProviderError> {
        let standing = self.api.look(intent).await?;
        captured(standing).ok_or_else(|| undecided(Some(standing)))
    }

    /// A refund that was made before is asked how it stands now: it may have come to its end since.
    async fn refund(&self, key: &str, intent: &str) -> Result<TakenBack, ProviderError> {
        let made = self.api.refunds(intent).await?;
        if made.contains(&Standing::Pending) {
            return given_back(Standing::Pending);
        }
        let some_went_back = made.contains(&Standing::Succeeded);
        if let (false, Some(given_up)) = (some_went_back, made.first()) {
            return given_back(*given_up);
        }
        let key = made.is_empty().then_some(key);
        match self.api.refund(key, intent).await? {
            Reply::Object(refund) => given_back(refund.status),
            Reply::OtherState if some_went_back => Ok(TakenBack::Refunded),
            // Another call came between; the next try finds what it made.
            Reply::OtherState => Err(undecided(Some(Standing::Succeeded))),
            Reply::Declined(reason) | Reply::CannotBePaid(reason) => {
                Err(ProviderError::Refused(reason.into()))
            }
        }
    }
}

#[async_trait]
impl PaymentProvider for Stripe {
    async fn capture(&self, key: &str, charge: &Charge) -> Result<Capture, ProviderError> {
        let intent = match self.intents.find(key).await? {
            Some(Record { closed: true, .. }) => return Ok(Capture::Declined),
            Some(Record {
                intent: Some(intent),
                ..
            }) => {
                // An earlier try came as far as this: it may have confirmed it, whatever it was told.
                let standing = self.api.look(&intent).await?;
                if let Some(capture) = captured(standing) {
                    return Ok(capture);
                }
                Some(intent)
            }
            Some(Record { intent: None, .. }) | None => self.intent(key, charge).await?,
        };
        match intent {
            Some(intent) => self.confirm(key, &intent).await,
            None => Ok(Capture::Declined),
        }
    }

    async fn take_back(
        &self,
        captured: &str,
        key: &str,
        _: &Charge,
    ) -> Result<TakenBack, ProviderError> {
        // From here on no try begins to confirm; of those that have begun, the intent tells.
        let Some(intent) = self.intents.close(captured).await? else {
            return Ok(TakenBack::NothingCaptured);
        };
        let mut last = None;
        for _ in 0..LOOKS {
            let standing = self.api.look(&intent).await?;
            last = Some(standing);
            match standing {
                Standing::Succeeded => return self.refund(key, &intent).await,
                Standing::Canceled => return Ok(TakenBack::NothingCaptured),
                Standing::RequiresAction
                | Standing::RequiresCapture
                | Standing::RequiresConfirmation
                | Standing::RequiresPaymentMethod => {
                    let cancelled = self.api.cancel(key, &intent).await?;
                    if matches!(cancelled, Reply::Object(it) if it.status == Standing::Canceled) {
                        return Ok(TakenBack::NothingCaptured);
                    }
                }
                Standing::Processing | Standing::Pending | Standing::Failed | Standing::Unknown => {
                    break;
                }
            }
        }
        Err(undecided(last))
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}

/// What an intent that stands like this was captured as, if that is decided.
fn captured(standing: Standing) -> Option<Capture> {
    match standing {
        Standing::Succeeded => Some(Capture::Captured),
        Standing::Canceled | Standing::RequiresPaymentMethod => Some(Capture::Declined),
        Standing::RequiresConfirmation
        | Standing::RequiresAction
        | Standing::RequiresCapture
        | Standing::Processing
        | Standing::Pending
        | Standing::Failed
        | Standing::Unknown => None,
    }
}

/// What a refund that stands like this has given back, if that is decided.
fn given_back(standing: Standing) -> Result<TakenBack, ProviderError> {
    match standing {
        Standing::Succeeded => Ok(TakenBack::Refunded),
        Standing::Pending => Err(ProviderError::Pending(RefundPending.into())),
        Standing::Canceled
        | Standing::Failed
        | Standing::Processing
        | Standing::RequiresAction
        | Standing::RequiresCapture
        | Standing::RequiresConfirmation
        | Standing::RequiresPaymentMethod
        | Standing::Unknown => Err(ProviderError::Refused(RefundFailed(standing).into())),
    }
}

fn undecided(standing: Option<Standing>) -> ProviderError {
    ProviderError::Unavailable(Undecided(standing).into())
}
