//! The one place where faults happen.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::fault::{Fault, FaultPlan, PortCall};
use super::process::Process;

tokio::task_local! {
    static UNDONE: ();
}

/// Whether the current call must fail at its end and be undone ([`Fault::Undone`]): what an adapter
/// asks that can make that happen.
pub fn is_undone() -> bool {
    UNDONE.try_with(|()| ()).is_ok()
}

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
            Some(Fault::Undone) => UNDONE.scope((), effect).await,
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::time::timeout;

    use super::*;
    use crate::faults::Decision;

    const LATE: Duration = Duration::from_secs(5);

    struct Always(Option<Fault>);

    impl FaultPlan for Always {
        fn decide(&self, _process: &str, _call: &PortCall) -> Decision {
            Decision {
                number: 0,
                fault: self.0,
                there: Duration::from_millis(1),
                back: Duration::from_millis(1),
            }
        }

        fn answered(&self, _number: u64, _answer: &str) {}
    }

    /// What the caller sees within a second; whether the call took effect by then, and in the end;
    /// whether the process has crashed.
    async fn called(fault: Option<Fault>) -> (Option<Result<(), &'static str>>, bool, bool, bool) {
        let process = Arc::new(Process::new("p"));
        let port = FaultyPort::new(Arc::clone(&process), Arc::new(Always(fault)));
        let happened = Arc::new(AtomicBool::new(false));
        let effect = {
            let happened = Arc::clone(&happened);
            async move {
                if is_undone() {
                    return Err("undone");
                }
                happened.store(true, Ordering::SeqCst);
                Ok(())
            }
        };
        let call = PortCall {
            operation: "port.call",
            detail: String::new(),
            changes: true,
        };
        let lost = |took_effect| if took_effect { "lost" } else { "failed" };
        let calling = port.call(call, effect, lost, |error| error);
        let seen = timeout(Duration::from_secs(1), calling).await.ok();
        let by_then = happened.load(Ordering::SeqCst);
        sleep(2 * LATE).await;
        let in_the_end = happened.load(Ordering::SeqCst);
        (seen, by_then, in_the_end, process.has_crashed())
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_does_what_it_says() {
        let table = [
            (None, Some(Ok(())), true, true, false),
            (
                Some(Fault::FailBefore),
                Some(Err("failed")),
                false,
                false,
                false,
            ),
            (
                Some(Fault::Undone),
                Some(Err("undone")),
                false,
                false,
                false,
            ),
            (Some(Fault::FailAfter), Some(Err("lost")), true, true, false),
            (Some(Fault::SilentBefore), None, false, false, false),
            (Some(Fault::SilentAfter), None, true, true, false),
            (Some(Fault::CrashBefore), None, false, false, true),
            (Some(Fault::CrashAfter), None, true, true, true),
            (Some(Fault::Delayed(LATE)), None, false, true, false),
        ];
        for (fault, seen, by_then, in_the_end, crashed) in table {
            let expected = (seen, by_then, in_the_end, crashed);
            assert_eq!(called(fault).await, expected, "{fault:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_has_crashed_calls_nothing_any_more() {
        let process = Arc::new(Process::new("p"));
        let port = FaultyPort::new(Arc::clone(&process), Arc::new(Always(None)));
        process.crash();
        let call = PortCall {
            operation: "port.call",
            detail: String::new(),
            changes: true,
        };
        let effect = async { panic!("called") };
        let calling = port.call::<(), &str>(call, effect, |_| "lost", |error| error);
        assert!(timeout(LATE, calling).await.is_err());
    }
}
