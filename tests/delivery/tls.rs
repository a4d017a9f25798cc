//! TLS: a private authority, a client certificate, and what is said when the two ends do not agree.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::receiver::{Answer, Receiver};
use crate::{Protocol, telemetry, ten_spans};

/// An authority of this test, and where its certificate lies.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    files: PathBuf,
}

/// A certificate and its key, in PEM.
pub(crate) struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("tls-{}-{number}", std::process::id());
        let files = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&files).expect("a folder");
        Self { issuer, files }
    }

    /// Issues a certificate for a host; `expired` long ago, or valid.
    pub(crate) fn issue(&self, host: &str, expired: bool) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a host name");
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.file("ca.pem", &self.issuer.pem())
    }

    /// A receiver with this identity, which may ask for a client certificate of the same authority.
    fn receiver(&self, identity: &Identity, mutual: bool) -> Receiver {
        self.receiver_with(identity, mutual, vec![Answer::Take])
    }

    /// The same with a script.
    pub(crate) fn receiver_with(
        &self,
        identity: &Identity,
        mutual: bool,
        script: Vec<Answer>,
    ) -> Receiver {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            let own = CertificateDer::from_pem_slice(self.issuer.pem().as_bytes());
            roots.add(own.expect("PEM")).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let chain = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
        let mut config = builder
            .with_single_cert(vec![chain.expect("PEM")], key.expect("PEM"))
            .expect("a certificate with its key");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Receiver::start_tls(script, config)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.files);
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// Sends ten spans over TLS and tells how many arrived, or why not.
fn send(protocol: Protocol, receiver: &Receiver, vars: &[(&str, &str)]) -> Result<u64, String> {
    let endpoint = format!("https://localhost:{}", receiver.address.port());
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    all.extend(vars);
    let telemetry = telemetry(protocol, receiver.address, &all);
    ten_spans(&telemetry);
    match telemetry.shutdown() {
        Ok(report) => Ok(report.exporters()[0].delivered),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_private_authority_is_trusted_over_every_protocol() {
    let authority = Authority::new();
    let receiver = authority.receiver(&authority.issue("localhost", false), false);
    let ca = authority.certificate();
    for protocol in Protocol::ALL {
        let vars = [("OTEL_EXPORTER_OTLP_CERTIFICATE", text(&ca))];
        assert_eq!(send(protocol, &receiver, &vars), Ok(10), "{protocol:?}");
    }
}

#[test]
fn a_receiver_that_asks_who_we_are_gets_our_certificate() {
    let authority = Authority::new();
    let receiver = authority.receiver(&authority.issue("localhost", false), true);
    let ca = authority.certificate();
    let client = authority.issue("client", false);
    let certificate = authority.file("client.pem", &client.certificate);
    let key = authority.file("client.key", &client.key);
    let anonymous = [("OTEL_EXPORTER_OTLP_CERTIFICATE", text(&ca))];
    let known = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", text(&ca)),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", text(&certificate)),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", text(&key)),
    ];
    for protocol in [Protocol::Protobuf, Protocol::Grpc] {
        assert_eq!(send(protocol, &receiver, &known), Ok(10), "{protocol:?}");
        let refused = send(protocol, &receiver, &anonymous).expect_err("no certificate");
        assert!(refused.contains("CLIENT_CERTIFICATE"), "{refused}");
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_with_the_fix() {
    let authority = Authority::new();
    let ca = authority.certificate();
    let trusted = [("OTEL_EXPORTER_OTLP_CERTIFICATE", text(&ca))];
    for (host, expired, vars, words) in [
        (
            "localhost",
            false,
            &[][..],
            ["UnknownIssuer", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
        ),
        (
            "localhost",
            true,
            &trusted,
            ["expired", "clock of this machine"],
        ),
        (
            "other.example",
            false,
            &trusted,
            ["other.example", "OTEL_EXPORTER_OTLP_ENDPOINT"],
        ),
    ] {
        let receiver = authority.receiver(&authority.issue(host, expired), false);
        // Side by side, because what does not trust is tried again.
        std::thread::scope(|scope| {
            for protocol in [Protocol::Protobuf, Protocol::Grpc] {
                let receiver = &receiver;
                scope.spawn(move || {
                    let said = send(protocol, receiver, vars).expect_err("not to be trusted");
                    for word in words {
                        assert!(said.contains(word), "{word:?} in {said}");
                    }
                });
            }
        });
    }
}

#[test]
fn plain_text_to_a_port_of_tls_is_recognised() {
    let authority = Authority::new();
    let receiver = authority.receiver(&authority.issue("localhost", false), false);
    for protocol in [Protocol::Protobuf, Protocol::Grpc] {
        let telemetry = telemetry(protocol, receiver.address, &[]);
        ten_spans(&telemetry);
        let error = telemetry.shutdown().expect_err("nobody understands");
        assert!(error.to_string().contains("https"), "{error}");
    }
}
