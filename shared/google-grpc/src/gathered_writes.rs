//! A stream that writes in as few pieces as it can.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that is held back, in bytes.
const MOST: usize = 16 * 1024;

/// How often a flush gives way at most: for the body after a head, and for what comes with it.
const TURNS: u8 = 2;

/// Holds back what is written until nothing more comes.
///
/// HTTP/2's client flushes a request's head before anything of its body may follow, and then each part
/// of it: three system calls and three packets for a call of a few hundred bytes, which is a third of
/// what the call costs. So a flush here first lets whatever else can run have its turn, once more if
/// that has written something, and then writes once: for all calls that came together, too.
///
/// A flush must be waited for, as everywhere: what is held back when the stream is dropped is lost.
pub(crate) struct GatheredWrites<S> {
    stream: S,
    held: Vec<u8>,
    /// How much was held when the last flush gave way.
    seen: usize,
    /// How often it has given way since the last write.
    turns: u8,
}

impl<S> GatheredWrites<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            held: Vec::new(),
            seen: 0,
            turns: 0,
        }
    }
}

impl<S: AsyncWrite + Unpin> GatheredWrites<S> {
    /// Writes all that is held.
    fn write_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut written = 0;
        let outcome = loop {
            let rest = &self.held[written..];
            if rest.is_empty() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(more)) => written += more,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.held.drain(..written);
        // What could not be written waits for the stream, and for nobody else.
        self.seen = self.held.len();
        self.turns = 0;
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GatheredWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GatheredWrites<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        part: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(part)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        if self.held.len() + length > MOST {
            ready!(self.write_held(context))?;
            if length > MOST {
                return Pin::new(&mut self.stream).poll_write_vectored(context, parts);
            }
        }
        for part in parts {
            self.held.extend_from_slice(part);
        }
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.len() > self.seen && self.turns < TURNS {
            self.seen = self.held.len();
            self.turns += 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.write_held(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_held(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
