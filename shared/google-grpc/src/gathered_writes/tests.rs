use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gcloud_sdk::prost::bytes::Bytes;
use gcloud_sdk::tonic::client::Grpc;
use gcloud_sdk::tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use gcloud_sdk::tonic::{Request, Status};
use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt as _, duplex};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_util::io::InspectWriter;
use tower::service_fn;

use super::*;
use crate::call::{AsItIs, OneMessage};

/// What was written to a stream that takes only so much at once, and every second time nothing.
#[derive(Default)]
struct Slow {
    at_once: usize,
    full: bool,
    written: Vec<u8>,
    writes: usize,
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        part: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.full = !self.full;
        if !self.full {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let taken = part.len().min(self.at_once);
        self.written.extend(&part[..taken]);
        self.writes += 1;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_is_written_before_a_flush_has_ended_leaves_with_it() {
    let mut stream = GatheredWrites::new(Slow {
        at_once: usize::MAX,
        ..Slow::default()
    });
    let mut context = Context::from_waker(Waker::noop());
    for part in ["head", "body"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        assert!(Pin::new(&mut stream).poll_flush(&mut context).is_pending());
    }
    assert_eq!(stream.stream.writes, 0);
    // Nobody can hold it up for longer.
    stream.write_all(b"more").await.unwrap();
    assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
    assert_eq!(stream.stream.written, b"headbodymore");
    assert_eq!(stream.stream.writes, 1);
}

proptest! {
    #[test]
    fn all_that_was_written_has_arrived_in_its_order_once_the_stream_is_shut_down(
        at_once in 1_usize..20_000,
        parts in prop::collection::vec((0_usize..20_000, any::<bool>()), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (written, expected) = runtime.block_on(async {
            let mut stream = GatheredWrites::new(Slow { at_once, ..Slow::default() });
            let mut expected: Vec<u8> = Vec::new();
            for (number, (length, flushed)) in parts.into_iter().enumerate() {
                let part = vec![number as u8; length];
                expected.extend(&part);
                stream.write_all(&part).await.unwrap();
                if flushed {
                    stream.flush().await.unwrap();
                    assert_eq!(stream.stream.written, expected);
                }
            }
            stream.shutdown().await.unwrap();
            (stream.stream.written, expected)
        });
        prop_assert_eq!(written, expected);
    }
}

const NOTHING: &str = "nothing here";

/// Answers every call with nothing.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            let mut body = request.into_body();
            assert_eq!(&body.data().await.unwrap().unwrap()[..], b"\0\0\0\0\x03abc");
            assert!(
                body.is_end_stream(),
                "one more frame says that this was all"
            );
            let nothing = Status::not_found(NOTHING).into_http::<()>();
            respond.send_response(nothing, true).unwrap();
        });
    }
}

#[tokio::test]
async fn a_call_is_written_at_once_with_its_head_and_its_body() {
    let (client, server) = duplex(1 << 16);
    tokio::spawn(serve(server));
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&writes);
    let stream = InspectWriter::new(client, move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut streams = vec![TokioIo::new(GatheredWrites::new(stream))];
    let connector = service_fn(move |_: Uri| {
        let stream = streams.pop();
        async move { stream.ok_or("it is used up") }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connector).await.unwrap();
    let mut client = Grpc::new(OneMessage(channel));
    let mut call = async || {
        let before = writes.load(Ordering::Relaxed);
        let message = Request::new(Bytes::from_static(b"abc"));
        let path = PathAndQuery::from_static("/s/m");
        client.ready().await.unwrap();
        let answer = client.unary(message, path, AsItIs::<()>::new()).await;
        assert_eq!(answer.unwrap_err().message(), NOTHING);
        writes.load(Ordering::Relaxed) - before
    };
    // The first one is written with what begins the connection.
    call().await;
    assert_eq!(call().await, 1);
}

/// The first thing that TLS writes is held back, too.
#[tokio::test]
async fn a_call_goes_through_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let tls = ServerConfig::builder().with_no_client_auth();
    let mut tls = tls
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let (client, server) = duplex(1 << 16);
    tokio::spawn(async move {
        serve(
            TlsAcceptor::from(Arc::new(tls))
                .accept(server)
                .await
                .unwrap(),
        )
        .await
    });
    let mut streams = vec![TokioIo::new(GatheredWrites::new(client))];
    let connector = service_fn(move |_: Uri| {
        let stream = streams.pop();
        async move { stream.ok_or("it is used up") }
    });
    let der = BASE64_STANDARD.encode(made.cert.der());
    let trusted = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    let trusted = Certificate::from_pem(trusted);
    let tls = ClientTlsConfig::new()
        .ca_certificate(trusted)
        .domain_name("localhost");
    let endpoint = Endpoint::from_static("https://localhost")
        .tls_config(tls)
        .unwrap();
    let channel = endpoint.connect_with_connector(connector);
    let channel = timeout(Duration::from_secs(10), channel).await.unwrap();
    let mut client = Grpc::new(OneMessage(channel.unwrap()));
    client.ready().await.unwrap();
    let message = Request::new(Bytes::from_static(b"abc"));
    let path = PathAndQuery::from_static("/s/m");
    let answer = client.unary(message, path, AsItIs::<()>::new()).await;
    assert_eq!(answer.unwrap_err().message(), NOTHING);
}
