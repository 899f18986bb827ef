//! The one place where faults happen.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::fault::{Fault, FaultPlan, PortCall};
use super::process::Process;

/// The calls of one port from one process.
#[derive(Clone)]
pub struct FaultyPort {
    process: Arc<Process>,
    plan: Arc<dyn FaultPlan>,
}

impl FaultyPort {
    /// Calls from this process, under this plan.
    pub fn new(process: Arc<Process>, plan: Arc<dyn FaultPlan>) -> Self {
        Self { process, plan }
    }

    /// Makes a call. `effect` does it; `lost` is the error of a call whose fate the caller does not
    /// learn, given whether it took effect; `kind` names an error for the trace.
    pub async fn call<T, E>(
        &self,
        call: PortCall,
        effect: impl Future<Output = Result<T, E>> + Send + 'static,
        lost: impl Fn(bool) -> E,
        kind: impl Fn(&E) -> &'static str,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.end_here_if_crashed().await;
        let decision = self.plan.decide(self.process.name(), &call);
        self.travel(decision.there).await;
        let answer = match decision.fault {
            None => effect.await,
            Some(Fault::FailBefore) => Err(lost(false)),
            Some(Fault::FailAfter) => {
                let _ = effect.await;
                Err(lost(true))
            }
            Some(Fault::SilentBefore) => pending().await,
            Some(Fault::SilentAfter) => {
                let _ = effect.await;
                pending().await
            }
            Some(Fault::CrashBefore) => self.crash().await,
            Some(Fault::CrashAfter) => {
                let _ = effect.await;
                self.crash().await
            }
            Some(Fault::Delayed(by)) => arrive_later(by, effect).await,
        };
        self.travel(decision.back).await;
        let shown = answer.as_ref().err().map_or("ok", kind);
        self.plan.answered(decision.number, shown);
        answer
    }

    /// A process that has crashed while this slept goes no further.
    async fn travel(&self, how_long: Duration) {
        if !how_long.is_zero() {
            sleep(how_long).await;
        }
        self.end_here_if_crashed().await;
    }

    async fn end_here_if_crashed(&self) {
        if self.process.has_crashed() {
            pending().await
        }
    }

    async fn crash<T>(&self) -> T {
        self.process.crash();
        pending().await
    }
}

/// The call is on the wire: it takes effect even if nobody waits for it any more.
async fn arrive_later<T: Send + 'static>(
    by: Duration,
    effect: impl Future<Output = T> + Send + 'static,
) -> T {
    let (reply, answer) = oneshot::channel();
    tokio::spawn(async move {
        sleep(by).await;
        let _ = reply.send(effect.await);
    });
    match answer.await {
        Ok(answer) => answer,
        // The runtime is going down.
        Err(_) => pending().await,
    }
}
