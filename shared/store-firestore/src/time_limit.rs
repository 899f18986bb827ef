//! How long a call may take.

use std::pin::Pin;
use std::time::Duration;

use gcloud_sdk::tonic::{Request, Status};

/// The longest that one call may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLimit(pub(super) Duration);

impl TimeLimit {
    /// Firestore answers in milliseconds; what takes this long hangs. A consumer's budget (45 s)
    /// leaves room for another try after it.
    pub(super) const CALL: Self = Self(Duration::from_secs(10));

    /// A request that tells the server, too, how long we wait. A little longer: the client library
    /// counts that time as well, and would call its end a broken connection.
    pub(super) fn request<T>(self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.0 + Duration::from_secs(1));
        request
    }

    /// The call's answer, or `DEADLINE_EXCEEDED`: also when the connection itself hangs, or the
    /// credentials, or an answer that has begun. The call stays where it is: it is too large to be moved.
    pub(super) async fn on<T>(
        self,
        call: Pin<&mut impl Future<Output = Result<T, Status>>>,
    ) -> Result<T, Status> {
        match tokio::time::timeout(self.0, call).await {
            Ok(answer) => answer,
            Err(_elapsed) => {
                let reason = format!("no answer within {:?}", self.0);
                Err(Status::deadline_exceeded(reason))
            }
        }
    }
}
