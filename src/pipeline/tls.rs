//! TLS for the HTTP client, or the plain connector where it is not compiled in.

use crate::config::TlsFiles;
use crate::delivery::Failure;

#[cfg(not(feature = "tls"))]
pub(crate) type Connector<C> = C;

#[cfg(feature = "tls")]
pub(crate) type Connector<C> = hyper_rustls::HttpsConnector<C>;

/// Without TLS `https` endpoints are refused by the configuration, so that plain connections are all there is.
#[cfg(not(feature = "tls"))]
pub(crate) fn connector<C>(http: C, _: &TlsFiles, _: bool) -> Result<Connector<C>, Failure> {
    Ok(http)
}

/// Plain connections for `http`, and for `https` TLS with the roots of the operating system or the given authority.
#[cfg(feature = "tls")]
pub(crate) fn connector<C>(
    http: C,
    files: &TlsFiles,
    http2: bool,
) -> Result<Connector<C>, Failure> {
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(rustls_config(files)?)
        .https_or_http();
    #[cfg(feature = "grpc")]
    if http2 {
        return Ok(builder.enable_http2().wrap_connector(http));
    }
    let _ = http2;
    Ok(builder.enable_http1().wrap_connector(http))
}

#[cfg(feature = "tls")]
fn rustls_config(files: &TlsFiles) -> Result<rustls::ClientConfig, Failure> {
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let bad = |path: &std::path::Path, error: &dyn std::fmt::Display| {
        Failure::new("tls", format!("{}: {error}", path.display()))
    };
    let certificates = |path: &std::path::Path| -> Result<Vec<CertificateDer<'static>>, Failure> {
        let read = CertificateDer::pem_file_iter(path).map_err(|error| bad(path, &error))?;
        let all: Vec<_> = read
            .collect::<Result<_, _>>()
            .map_err(|error| bad(path, &error))?;
        if all.is_empty() {
            return Err(bad(path, &"holds no PEM certificate"));
        }
        Ok(all)
    };

    let mut roots = rustls::RootCertStore::empty();
    match &files.certificate {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| bad(path, &error))?;
            }
        }
        // A root that rustls cannot read is one of many; a handshake that needed it names the issuer.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    // The provider is named: the process may have several compiled in, and then the default is a panic.
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| Failure::new("tls", error.to_string()))?
    .with_root_certificates(roots);
    match (&files.client_certificate, &files.client_key) {
        (Some(chain), Some(key_path)) => {
            let key =
                PrivateKeyDer::from_pem_file(key_path).map_err(|error| bad(key_path, &error))?;
            config
                .with_client_auth_cert(certificates(chain)?, key)
                .map_err(|error| bad(chain, &error))
        }
        (None, None) => Ok(config.with_no_client_auth()),
        (Some(only), None) => Err(bad(only, &"a client certificate needs a client key")),
        (None, Some(only)) => Err(bad(only, &"a client key needs a client certificate")),
    }
}
