//! Certificates that only a test trusts.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate that its owner has signed.
pub(super) struct SelfSigned {
    /// The certificate, DER.
    pub(super) der: Vec<u8>,
    key: Vec<u8>,
}

impl SelfSigned {
    /// Of the server with this name.
    pub(super) fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        Self {
            der: made.cert.der().to_vec(),
            key: made.signing_key.serialize_der(),
        }
    }

    /// What a server needs to prove that it is the one.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.clone()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone().into()], key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}
