//! Taking request bodies into memory: each up to a limit, and all of them together up to another.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use fanout_runtime::memory_limit;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What part of the process's memory bodies may take: a body is held up to four times at once, as
/// JSON, as text, decoded and parsed.
const SHARE: usize = 8;

/// Room is counted in these.
const UNIT: usize = 1024;

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It is larger than it may be, or says so.
    #[error("the body is too large")]
    TooLarge,
    /// Other requests' bodies take all the room there is.
    #[error("the bodies of other requests take all the room there is")]
    NoRoom,
    /// It ended early, or did not arrive in time.
    #[error("the body could not be read to its end")]
    Incomplete,
}

/// Room for bodies, shared by all requests of a service.
#[derive(Debug, Clone)]
pub struct BodyRoom(Arc<Semaphore>);

/// A body, and the room that it takes until this is dropped.
#[derive(Debug)]
pub struct HeldBody {
    /// The body.
    pub bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl BodyRoom {
    /// An eighth of the process's memory, and at least one body of this size.
    pub fn of_memory(largest: usize) -> Self {
        let memory = usize::try_from(memory_limit()).unwrap_or(usize::MAX);
        Self::of((memory / SHARE).max(largest))
    }

    /// Room for this many bytes.
    pub fn of(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Reads a body of at most `limit` bytes. One that says its length is refused before anything of
    /// it is read, another as soon as too much of it has arrived.
    pub async fn read(&self, mut body: Body, limit: usize) -> Result<HeldBody, BodyFault> {
        let mut room = self.take(0)?;
        let mut make_room = |wanted: usize| {
            if wanted > limit {
                return Err(BodyFault::TooLarge);
            }
            let more = wanted.div_ceil(UNIT).saturating_sub(room.num_permits());
            room.merge(self.take(more)?);
            Ok(())
        };
        let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        make_room(declared)?;
        let mut bytes = Vec::with_capacity(declared);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| BodyFault::Incomplete)?;
            if let Some(part) = frame.data_ref() {
                make_room(bytes.len() + part.len())?;
                bytes.extend_from_slice(part);
            }
        }
        Ok(HeldBody {
            bytes: bytes.into(),
            _room: room,
        })
    }

    fn take(&self, units: usize) -> Result<OwnedSemaphorePermit, BodyFault> {
        let units = u32::try_from(units).map_err(|_| BodyFault::TooLarge)?;
        let room = Arc::clone(&self.0).try_acquire_many_owned(units);
        room.map_err(|_| BodyFault::NoRoom)
    }
}

/// Reads a body of at most `limit` bytes, where that is little enough to be counted for itself.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, BodyFault> {
    let alone = BodyRoom::of(limit);
    Ok(alone.read(body, limit).await?.bytes)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// A body that says nothing of its length.
    fn in_parts(parts: &'static [&'static str]) -> Body {
        let parts = parts.iter().map(|part| Ok::<_, std::io::Error>(*part));
        Body::from_stream(stream::iter(parts))
    }

    /// A body that must not be read.
    struct Unread(u64);

    impl hyper::body::Body for Unread {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
            panic!("the body is read");
        }

        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_whether_it_says_its_length_or_not() {
        for body in [Body::from("12345"), in_parts(&["123", "45"])] {
            assert_eq!(read_body(body, 5).await.unwrap(), "12345");
        }
        for body in [Body::from("12345"), in_parts(&["123", "45"])] {
            assert_eq!(read_body(body, 4).await, Err(BodyFault::TooLarge));
        }
    }

    #[tokio::test]
    async fn a_declared_length_over_the_limit_is_refused_before_anything_is_read() {
        for length in [5, u64::MAX] {
            let read = read_body(Body::new(Unread(length)), 4).await;
            assert_eq!(read, Err(BodyFault::TooLarge));
        }
    }

    #[tokio::test]
    async fn past_the_room_a_body_is_refused_unread_until_another_is_done_with() {
        let room = BodyRoom::of(4 * UNIT);
        let of = |units: usize| Body::from(vec![b'x'; units * UNIT]);
        let first = room.read(of(3), 4 * UNIT).await.unwrap();
        let refused = room.read(Body::new(Unread(2 * UNIT as u64)), 4 * UNIT);
        assert_eq!(refused.await.unwrap_err(), BodyFault::NoRoom);
        assert!(room.read(of(1), 4 * UNIT).await.is_ok());
        drop(first);
        assert!(room.read(of(4), 4 * UNIT).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_without_a_length_takes_room_as_it_grows() {
        let room = BodyRoom::of(4 * UNIT);
        let held = room.read(Body::from(vec![b'x'; 3 * UNIT]), 4 * UNIT).await;
        let parts = (0..3).map(|_| Ok::<_, std::io::Error>(vec![b'x'; UNIT]));
        let grown = room
            .read(Body::from_stream(stream::iter(parts)), 4 * UNIT)
            .await;
        assert_eq!(grown.unwrap_err(), BodyFault::NoRoom);
        drop(held);
        assert!(
            room.read(Body::from(vec![b'x'; 4 * UNIT]), 4 * UNIT)
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_incomplete() {
        let parts = [Ok("123"), Err(std::io::Error::other("reset"))];
        let body = Body::from_stream(stream::iter(parts));
        assert_eq!(read_body(body, 9).await, Err(BodyFault::Incomplete));
    }

    #[test]
    fn there_is_room_for_the_largest_body_however_little_memory_there_is() {
        let room = BodyRoom::of_memory(usize::MAX / 2);
        assert_eq!(
            room.0.available_permits(),
            Semaphore::MAX_PERMITS.min(usize::MAX / 2 / UNIT + 1)
        );
    }
}
