//! Certificates: an authority that the clients here trust, and what it issues.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use koodrive::config::Config;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn issue(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            );
        Arc::new(config.expect("a server"))
    }
}

fn trusted() -> &'static Authority {
    static TRUSTED: OnceLock<Authority> = OnceLock::new();
    TRUSTED.get_or_init(|| Authority::new("faults CA"))
}

/// The certificate of the authority, in PEM form.
pub fn authority_pem() -> &'static str {
    &trusted().pem
}

/// The same in DER form.
pub fn authority_der() -> Vec<u8> {
    let der = CertificateDer::from_pem_slice(trusted().pem.as_bytes());
    der.expect("a certificate").to_vec()
}

/// A good certificate for this machine.
pub fn server() -> Arc<ServerConfig> {
    static SERVER: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    SERVER
        .get_or_init(|| trusted().issue(&named("localhost")))
        .clone()
}

/// A good certificate for another machine.
pub fn elsewhere() -> Arc<ServerConfig> {
    trusted().issue(&named("elsewhere.example"))
}

/// A certificate that is out of date.
pub fn expired() -> Arc<ServerConfig> {
    let mut params = named("localhost");
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    trusted().issue(&params)
}

/// A certificate of an authority that nobody trusts.
pub fn untrusted() -> Arc<ServerConfig> {
    Authority::new("stranger CA").issue(&named("localhost"))
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect("parameters")
}

/// A config that trusts the authority here.
pub fn trusting_config() -> Config {
    static TRUSTING: OnceLock<Config> = OnceLock::new();
    TRUSTING
        .get_or_init(|| config_trusting(&trusted().pem))
        .clone()
}

/// A config that trusts `pem` alone.
pub fn config_trusting(pem: &str) -> Config {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("faults-ca-{}-{number}.pem", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, pem).expect("a file");
    let mut config = Config::new();
    let set = config.set_ca_file(path.to_str().expect("a path in UTF-8"));
    fs::remove_file(&path).expect("the file");
    set.expect("a certificate");
    config
}
