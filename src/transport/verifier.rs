//! Certificates verified by a platform that may ask the network about them. That can't be
//! interrupted, so that a connection whose time is up leaves it behind.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use super::blocking::SharedCall;
use crate::context::CallContext;

thread_local! {
    /// Of the handshake that this thread carries out: verifiers are told of none.
    static CONTEXT: RefCell<Option<CallContext>> = const { RefCell::new(None) };
}

/// Carries out a handshake within `context`.
pub(super) fn within<T>(context: &CallContext, handshake: impl FnOnce() -> T) -> T {
    CONTEXT.set(Some(context.clone()));
    let result = handshake();
    CONTEXT.set(None);
    result
}

/// Verifies certificates on threads of their own.
#[derive(Debug)]
pub(super) struct DetachedVerifier(pub(super) Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for DetachedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(context) = CONTEXT.with_borrow(Clone::clone) else {
            return Err(Error::General("a handshake without a deadline".into()));
        };
        let platform = Arc::clone(&self.0);
        let end_entity = end_entity.clone().into_owned();
        let intermediates: Vec<_> = intermediates
            .iter()
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        let (server, ocsp_response) = (server.to_owned(), ocsp_response.to_vec());
        let verify = move || {
            platform
                .verify_server_cert(&end_entity, &intermediates, &server, &ocsp_response, now)
                .map(|_| ())
        };
        let what = "can't start a thread that verifies the certificate";
        match SharedCall::new().wait(&context, verify) {
            Ok(Some(finished)) => finished.value.map(|()| ServerCertVerified::assertion()),
            Ok(None) => Err(Error::General(
                "the platform did not verify the certificate in time".into(),
            )),
            Err(error) => Err(Error::General(format!("{what}: {error}"))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
