//! What log lines are written within: a request, and a trace.

use std::future::Future;
use std::sync::Arc;

use http::Method;
use tokio::task::futures::TaskLocalFuture;

use crate::TraceContext;

tokio::task_local! {
    static CURRENT: LogScope;
}

/// What log lines are written within: each of them names the request, by its route's pattern since a path
/// holds ids, and the trace. That costs nothing where no line is written.
#[derive(Debug, Clone, Default)]
pub struct LogScope {
    pub(crate) request: Option<(Method, Arc<str>)>,
    pub(crate) trace: Option<TraceContext>,
}

/// What is done within a [`LogScope`].
pub type Scoped<F> = TaskLocalFuture<LogScope, F>;

impl LogScope {
    /// A request on this route, as a part of its caller's trace.
    pub fn of_request(
        method: Method,
        route: impl Into<Arc<str>>,
        trace: Option<TraceContext>,
    ) -> Self {
        let request = Some((method, route.into()));
        Self { request, trace }
    }

    /// What this task does belongs to it. A task that it starts has none, unless it is
    /// [told](in_current_scope).
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// The same in this trace. `None` changes nothing.
    pub fn in_trace(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace.or(self.trace);
        self
    }

    /// Does it within this.
    pub fn around<F: Future>(self, done: F) -> Scoped<F> {
        CURRENT.scope(self, done)
    }

    /// The same of what does not wait.
    pub fn around_all_of<T>(self, done: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, done)
    }

    /// Looks at what this task does.
    pub(crate) fn with_current<T>(look: impl FnOnce(&Self) -> T) -> Option<T> {
        CURRENT.try_with(look).ok()
    }
}

/// Does it within what this task does: for a task of its own.
pub fn in_current_scope<F: Future>(done: F) -> impl Future<Output = F::Output> {
    LogScope::current().around(done)
}
