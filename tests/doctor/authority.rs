//! Authorities and what they sign, and the files that variables name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

/// Whether clients have to say who they are.
pub(crate) enum Clients<'a> {
    Anybody,
    SignedBy(&'a Authority),
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// A certificate of a server or a client called `host`.
    pub(crate) fn sign(&self, host: &str) -> Identity {
        self.issue(host, |_| ())
    }

    /// The same, out of date since long.
    pub(crate) fn sign_expired(&self, host: &str) -> Identity {
        self.issue(host, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    fn issue(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host");
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key,
        }
    }

    pub(crate) fn file(&self) -> PemFile {
        PemFile::new(&self.0.pem())
    }
}

impl Identity {
    pub(crate) fn certificate_file(&self) -> PemFile {
        PemFile::new(&self.certificate_pem)
    }

    pub(crate) fn key_file(&self) -> PemFile {
        PemFile::new(&self.key.serialize_pem())
    }

    /// What a receiver with this certificate speaks TLS with.
    pub(crate) fn server(&self, clients: Clients<'_>) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions of TLS");
        let builder = match clients {
            Clients::Anybody => builder.with_no_client_auth(),
            Clients::SignedBy(authority) => {
                let mut roots = RootCertStore::empty();
                let root = authority.0.der().clone();
                roots.add(root).expect("an authority");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        let mut config = builder
            .with_single_cert(vec![self.certificate.clone()], key)
            .expect("certificate and key belong together");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// Removed at the end.
pub(crate) struct PemFile(PathBuf);

impl PemFile {
    fn new(content: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Only uniqueness within the process is asked of the counter, so Relaxed is enough.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spanwise-doctor-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("a file");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for PemFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
