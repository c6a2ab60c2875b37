//! TLS above a socket or a tunnel, by rustls: 1.2 or 1.3, the server's certificate always verified.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use rustls_platform_verifier::Verifier;
use ureq::unversioned::transport::time::Instant;
use ureq::unversioned::transport::{
    Buffers, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::blocking::SharedCall;
use super::of_system;
use super::socket::{BUFFER_BYTES, no_timeout, no_waiting};
use super::verifier::{DetachedVerifier, within};
use crate::context::CallContext;
use crate::failure::{Failure, FailureKind};
use crate::platform;

/// How a client speaks TLS.
#[derive(Debug)]
pub(super) struct Tls {
    server: ServerName<'static>,
    /// Without one the platform decides whom to trust.
    own_config: Option<Arc<ClientConfig>>,
}

impl Tls {
    /// TLS to `host`, trusting `roots`, or else the platform's.
    pub(super) fn new(host: &str, roots: Option<RootCertStore>) -> Result<Self, String> {
        let server = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host:?} is not a name that a certificate can hold"))?;
        let trusting = |roots| -> Result<_, rustls::Error> {
            let config = builder()?.with_root_certificates(roots);
            Ok(Arc::new(config.with_no_client_auth()))
        };
        let own_config = roots.map(trusting).transpose();
        Ok(Self {
            server,
            own_config: own_config.map_err(|error| error.to_string())?,
        })
    }

    /// What a handshake goes by. Reading the platform's certificates takes time, and may hang with
    /// the file system they are on.
    pub(super) fn config(&self, context: &CallContext) -> Result<Arc<ClientConfig>, Failure> {
        match &self.own_config {
            Some(config) => Ok(Arc::clone(config)),
            None => platform_config(context),
        }
    }

    /// Shakes hands over `lower`.
    pub(super) fn wrap(
        &self,
        config: Arc<ClientConfig>,
        lower: Box<dyn Transport>,
        context: &CallContext,
    ) -> Result<TlsTransport, Failure> {
        let mut session =
            ClientConnection::new(config, self.server.clone()).map_err(|error| lost(&error))?;
        let mut lower = TransportAdapter::new(lower, Arc::new(Instant::now));
        let mut handshake = || {
            while session.is_handshaking() {
                session.complete_io(&mut lower)?;
            }
            Ok(())
        };
        let shaken: io::Result<()> = match platform::VERIFIES_ONLINE {
            true => within(context, handshake),
            false => handshake(),
        };
        shaken.map_err(|error| {
            let source = error.get_ref().and_then(|inner| inner.downcast_ref());
            source.map_or_else(|| lost(&error), judge)
        })?;
        Ok(TlsTransport {
            session,
            lower,
            buffers: LazyBuffers::new(BUFFER_BYTES, BUFFER_BYTES),
        })
    }
}

fn lost(error: &dyn fmt::Display) -> Failure {
    Failure::unsent(FailureKind::Unreachable, error.to_string())
}

fn judge(error: &rustls::Error) -> Failure {
    let kind = match error {
        rustls::Error::InvalidCertificate(_) => FailureKind::Untrusted,
        _ => FailureKind::Unreachable,
    };
    Failure::unsent(kind, error.to_string())
}

/// The platform's certificates, read once per process. A failure is not kept.
fn platform_config(context: &CallContext) -> Result<Arc<ClientConfig>, Failure> {
    static KNOWN: OnceCell<Arc<ClientConfig>> = OnceCell::new();
    static READING: SharedCall<Result<Arc<ClientConfig>, Failure>> = SharedCall::new();
    if let Some(config) = KNOWN.get() {
        return Ok(Arc::clone(config));
    }
    let read = || trusting_platform().map_err(|error| lost(&error));
    let finished = READING.wait(context, read).map_err(|error| {
        let what = "can't start a thread that reads the platform's certificates";
        of_system(what, &error)
    })?;
    match finished {
        Some(finished) => {
            let config = finished.value?;
            Ok(Arc::clone(KNOWN.get_or_init(|| config)))
        }
        None => Err(lost(
            &"the platform's certificates could not be read in time",
        )),
    }
}

fn trusting_platform() -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = builder()?;
    let platform = Arc::new(Verifier::new(Arc::clone(builder.crypto_provider()))?);
    let builder = builder.dangerous();
    let builder = match platform::VERIFIES_ONLINE {
        true => builder.with_custom_certificate_verifier(Arc::new(DetachedVerifier(platform))),
        false => builder.with_custom_certificate_verifier(platform),
    };
    Ok(Arc::new(builder.with_no_client_auth()))
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

impl TlsTransport {
    /// Whether the other side has sent neither data nor its goodbye. Session tickets and key updates
    /// are not about requests: what has arrived is processed first.
    fn is_silent(&mut self) -> io::Result<bool> {
        self.lower.set_timeout(no_waiting());
        let silent = loop {
            let state = self
                .session
                .process_new_packets()
                .map_err(io::Error::other)?;
            if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                break false;
            }
            match self.session.read_tls(&mut self.lower) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) => break error.kind() == io::ErrorKind::WouldBlock,
            }
        };
        self.lower.set_timeout(no_timeout());
        Ok(silent)
    }
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

    fn is_open(&mut self) -> bool {
        self.buffers.input().is_empty() && self.is_silent().unwrap_or(false)
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
