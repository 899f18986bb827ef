//! A call of a message that is bytes already, and what a failed one says.

use std::error::Error as _;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use fanout_runtime::error_chain;
use gcloud_sdk::prost::Message;
use gcloud_sdk::prost::bytes::{BufMut as _, Bytes};
use gcloud_sdk::tonic::body::Body;
use gcloud_sdk::tonic::client::Grpc;
use gcloud_sdk::tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use gcloud_sdk::tonic::{Request, Status};
use http::uri::PathAndQuery;
use hyper::body::{Frame, SizeHint};
use tower::{Service, ServiceExt};

use crate::Channel;
use crate::write::USUAL;

/// What the method at this path (`/package.Service/Method`) answers.
pub async fn call<A>(
    channel: Channel,
    path: &'static str,
    message: Request<Bytes>,
) -> Result<A, Status>
where
    A: Message + Default + 'static,
{
    let mut client = Grpc::new(OneMessage(ready(channel).await?));
    let path = PathAndQuery::from_static(path);
    let answer = client.unary(message, path, AsItIs::new()).await?;
    Ok(answer.into_inner())
}

/// The channel once it takes a call. Clients that tonic generates make an answer of a channel that never
/// will again; here the status has a cause.
pub async fn ready(mut channel: Channel) -> Result<Channel, Status> {
    let taken = ServiceExt::<http::Request<Body>>::ready(&mut channel).await;
    taken.map_err(Status::from_error)?;
    Ok(channel)
}

/// Whether the other side said so: where the connection failed, the status has a cause here.
pub fn is_answer(status: &Status) -> bool {
    status.source().is_none()
}

/// What a failed call was answered, or why it was not. Tonic's own text shows causes as a program sees
/// them.
pub fn said(status: &Status) -> String {
    let mut said = format!("{:?}: {}", status.code(), status.message());
    if let Some(cause) = status.source() {
        said = format!("{said}: {}", error_chain(cause));
    }
    said
}

/// Calls of one message each.
///
/// Tonic's body could be of many messages, and says by one more frame that it has ended. Here the
/// message itself says so.
pub(crate) struct OneMessage<S>(pub(crate) S);

impl<S: Service<http::Request<Body>>> Service<http::Request<Body>> for OneMessage<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> S::Future {
        let last = |body| Body::new(LastFrame { body, sent: false });
        self.0.call(request.map(last))
    }
}

/// A body whose first frame is its last one.
struct LastFrame {
    body: Body,
    sent: bool,
}

impl hyper::body::Body for LastFrame {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.sent |= frame.is_ready();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.sent || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Sends a message as it is, and reads the answer.
pub(crate) struct AsItIs<A>(PhantomData<fn() -> A>);

impl<A> AsItIs<A> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<A: Message + Default + 'static> Codec for AsItIs<A> {
    type Encode = Bytes;
    type Decode = A;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::new()
    }

    fn decoder(&mut self) -> Self {
        Self::new()
    }
}

impl<A> Encoder for AsItIs<A> {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

impl<A: Message + Default> Decoder for AsItIs<A> {
    type Item = A;
    type Error = Status;

    fn decode(&mut self, answer: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        let answer = A::decode(answer);
        answer
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

/// Tonic's own begin with 8 KiB, of which an allocator has few in a processor's cache. They grow.
fn buffers() -> BufferSettings {
    BufferSettings::new(USUAL, 16 * USUAL)
}

#[cfg(test)]
mod tests {
    use gcloud_sdk::google::pubsub::v1::PublishResponse;
    use tokio::runtime::Builder;

    use super::*;
    use crate::Api;

    #[test]
    fn a_channel_that_cannot_be_called_any_more_is_no_answer() {
        let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
        let api = Api::of_emulator("http://127.0.0.1:1", None).unwrap();
        // What serves the channel ends with its runtime.
        let orphan = runtime().block_on(async { api.open_lazily() });
        let called = call::<PublishResponse>(orphan, "/a/B", Request::new(Bytes::new()));
        let status = runtime().block_on(called).unwrap_err();
        assert!(!is_answer(&status), "{}", said(&status));
    }
}
