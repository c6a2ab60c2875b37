//! TLS above a socket or a tunnel, by rustls: 1.2 or 1.3, the server's certificate always verified.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ClientConnection, IoState, RootCertStore, Stream};
use rustls_platform_verifier::BuilderVerifierExt;
use ureq::unversioned::transport::time::Instant;
use ureq::unversioned::transport::{
    Buffers, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::socket::BUFFER_BYTES;

/// How a client speaks TLS.
#[derive(Debug)]
pub(super) struct Tls {
    server: ServerName<'static>,
    /// Set up at the first connection, for reading the platform's certificates takes time.
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// TLS to `host`, trusting `roots`, or else the platform's.
    pub(super) fn new(host: &str, roots: Option<RootCertStore>) -> Result<Self, String> {
        let server = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host:?} is not a name that a certificate can hold"))?;
        let config = OnceCell::new();
        if let Some(roots) = roots {
            let trusting = builder()
                .map_err(|error| error.to_string())?
                .with_root_certificates(roots)
                .with_no_client_auth();
            let _ = config.set(Arc::new(trusting));
        }
        Ok(Self { server, config })
    }

    /// Shakes hands over `lower`.
    pub(super) fn wrap(&self, lower: Box<dyn Transport>) -> io::Result<TlsTransport> {
        let config = self.config.get_or_try_init(platform_config)?;
        let mut session = ClientConnection::new(Arc::clone(config), self.server.clone())
            .map_err(io::Error::other)?;
        let mut lower = TransportAdapter::new(lower, Arc::new(Instant::now));
        while session.is_handshaking() {
            session.complete_io(&mut lower)?;
        }
        Ok(TlsTransport {
            session,
            lower,
            buffers: LazyBuffers::new(BUFFER_BYTES, BUFFER_BYTES),
        })
    }
}

/// The platform's certificates, read once per process. A failure is not kept.
fn platform_config() -> io::Result<Arc<ClientConfig>> {
    static PLATFORM: OnceCell<Arc<ClientConfig>> = OnceCell::new();
    let build = || -> Result<_, rustls::Error> {
        let config = builder()?.with_platform_verifier()?;
        Ok(Arc::new(config.with_no_client_auth()))
    };
    PLATFORM
        .get_or_try_init(build)
        .cloned()
        .map_err(io::Error::other)
}

/// The provider is named here: a process-wide default could be the host's to choose.
fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    let provider = CryptoProvider {
        key_provider: &NoKeys,
        ..rustls::crypto::ring::default_provider()
    };
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(rustls::ALL_VERSIONS)
}

/// A client without a certificate signs nothing. What could stays out of the library.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("client keys are not used".into()))
    }
}

/// A connection with its TLS session. Dropping it sends nothing, so that a forked child can.
pub(super) struct TlsTransport {
    session: ClientConnection,
    lower: TransportAdapter,
    buffers: LazyBuffers,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// Errors may stay unseen here; the socket below knows whether all bytes went out.
    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let mut stream = Stream::new(&mut self.session, &mut self.lower);
        stream.write_all(&self.buffers.output()[..amount])?;
        stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let mut stream = Stream::new(&mut self.session, &mut self.lower);
        let received = stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(received);
        Ok(received > 0)
    }

    /// TLS may hold more than was asked of it: bytes after an answer, or the service's goodbye.
    fn is_open(&mut self) -> bool {
        let is_silent =
            |state: IoState| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed();
        self.buffers.input().is_empty()
            && self.session.process_new_packets().is_ok_and(is_silent)
            && self.lower.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsTransport")
    }
}
