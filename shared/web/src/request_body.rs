//! A request's body that has to arrive in time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// How much of a body that no handler wanted is still read, and thrown away.
const MOST_UNWANTED: usize = 32 * 1024 * 1024;

/// A body that fails once its time is up, however much of it has arrived.
pub(crate) struct TimedBody {
    /// Until this is dropped.
    body: Option<Incoming>,
    deadline: Instant,
    /// Made only for a body that has to be waited for.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whether the handler was still reading when the time was up.
    too_slow: Arc<AtomicBool>,
}

/// Why reading a body failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the connection failed")]
    Connection(#[from] hyper::Error),
}

impl TimedBody {
    pub(crate) fn new(body: Incoming, limit: Duration, too_slow: Arc<AtomicBool>) -> Self {
        Self {
            body: Some(body),
            deadline: Instant::now() + limit,
            alarm: None,
            too_slow,
        }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| Ok(frame?)));
        }
        let deadline = this.deadline;
        let alarm = this
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(alarm.as_mut().poll(context));
        this.too_slow.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(BodyError::TooSlow)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for TimedBody {
    /// Most clients read an answer only when they have sent all. So a body that was refused is read on
    /// beside its answer; the connection would be reset otherwise, and the answer lost with it.
    fn drop(&mut self) {
        let unwanted = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Ok(runtime)) = (unwanted, Handle::try_current()) {
            runtime.spawn(timeout_at(self.deadline, discard(body)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut length = 0;
    while let Some(Ok(frame)) = body.frame().await {
        length += frame.data_ref().map_or(0, Bytes::len);
        if length > MOST_UNWANTED {
            return;
        }
    }
}
