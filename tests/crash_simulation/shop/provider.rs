//! The payment provider. Its calls can go wrong like those of every other port.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_testkit::faults::{FaultyPort, PortCall};
use payment_service::{Capture, Charge, PaymentProvider, ProviderError, TakenBack};

use crate::crash_simulation::random::SLOW;
use crate::crash_simulation::sim::Sim;

pub(crate) struct SimProvider {
    pub(crate) sim: Arc<Sim>,
    pub(crate) port: FaultyPort,
    /// A key is made anew for each call, as a wrong protocol would.
    pub(crate) new_key_each_time: bool,
}

impl SimProvider {
    fn key(&self, key: &str) -> String {
        match self.new_key_each_time {
            true => format!("{key}-{}", self.sim.now().as_nanos()),
            false => key.to_owned(),
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        key: &str,
        effect: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let call = PortCall {
            operation,
            detail: key.chars().take(8).collect(),
            changes: true,
        };
        let lost = |_| ProviderError::Unavailable("injected".into());
        self.port.call(call, effect, lost, |_| "unavailable").await
    }
}

#[async_trait]
impl PaymentProvider for SimProvider {
    async fn capture(&self, key: &str, charge: &Charge) -> Result<Capture, ProviderError> {
        let (sim, total) = (Arc::clone(&self.sim), charge.amount.minor());
        let (declines, own) = (charge.method == "tok_declined", self.key(key));
        let effect = async move {
            let captured = sim.facts().shop.ledger.capture(total, own, declines);
            let wrong = sim.facts().shop.wrong_capture(total);
            wrong.into_iter().for_each(|what| sim.violation(what));
            Ok(match captured {
                true => Capture::Captured,
                false => Capture::Declined,
            })
        };
        let answer = self.call("provider.capture", key, effect).await;
        match charge.method.as_str() {
            "tok_silent" => pending().await,
            _ => answer,
        }
    }

    async fn take_back(
        &self,
        captured: &str,
        _: &str,
        charge: &Charge,
    ) -> Result<TakenBack, ProviderError> {
        let (sim, total) = (Arc::clone(&self.sim), charge.amount.minor());
        let own = captured.to_owned();
        let effect = async move {
            if sim.facts().shop.is_refund_refused(total, sim.now()) {
                return Err(ProviderError::Unavailable("it takes nothing back".into()));
            }
            let refunded = sim.facts().shop.ledger.take_back(total, own);
            Ok(match refunded {
                true => TakenBack::Refunded,
                false => TakenBack::NothingCaptured,
            })
        };
        self.call("provider.take_back", captured, effect).await
    }

    /// Both legs of a call, where the world is slow. With less, a call that nothing disturbs would be
    /// given up every other time, and an undo is stuck after ten.
    fn patience(&self) -> Duration {
        2 * SLOW + Duration::from_secs(1)
    }
}
