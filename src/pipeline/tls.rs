//! TLS for the HTTP client, or the plain connector where it is not compiled in.

use crate::config::TlsFiles;
use crate::delivery::Failure;

#[cfg(not(feature = "tls"))]
pub(crate) type Connector<C> = C;

#[cfg(feature = "tls")]
pub(crate) type Connector<C> = hyper_rustls::HttpsConnector<C>;

/// Without TLS `https` endpoints are refused by the configuration, so that plain connections are all there is.
#[cfg(not(feature = "tls"))]
pub(crate) fn connector<C>(
    http: C,
    _: Option<&TlsFiles>,
    _: bool,
) -> Result<Connector<C>, Failure> {
    Ok(http)
}

/// Plain connections for `http`, and for `https` TLS with the roots of the operating system or the given authority.
///
/// Without `files` no root is read, for an endpoint that is plain: hundreds of certificates would be most of a start.
#[cfg(feature = "tls")]
pub(crate) fn connector<C>(
    http: C,
    files: Option<&TlsFiles>,
    http2: bool,
) -> Result<Connector<C>, Failure> {
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(match files {
            Some(files) => rustls_config(files)?,
            None => builder()?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth(),
        })
        .https_or_http();
    #[cfg(feature = "grpc")]
    if http2 {
        return Ok(connector.enable_http2().wrap_connector(http));
    }
    let _ = http2;
    Ok(connector.enable_http1().wrap_connector(http))
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

    let roots = match &files.certificate {
        Some(path) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| bad(path, &error))?;
            }
            Arc::new(roots)
        }
        None => system_roots(),
    };
    let config = builder()?.with_root_certificates(roots);
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

/// What the operating system trusts, read once for all signals.
#[cfg(feature = "tls")]
fn system_roots() -> std::sync::Arc<rustls::RootCertStore> {
    static ROOTS: std::sync::OnceLock<std::sync::Arc<rustls::RootCertStore>> =
        std::sync::OnceLock::new();
    let read = || public_roots(rustls_native_certs::load_native_certs().certs).into();
    ROOTS.get_or_init(read).clone()
}

/// The given authorities, or those that browsers trust where there is none, as in images without a distribution.
#[cfg(feature = "tls")]
fn public_roots(native: Vec<rustls::pki_types::CertificateDer<'static>>) -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    // A root that rustls cannot read is one of many; a handshake that needed it names the issuer.
    let (usable, _) = roots.add_parsable_certificates(native);
    if usable == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

#[cfg(feature = "tls")]
fn builder() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Failure>
{
    // The provider is named: the process may have several compiled in, and then the default is a panic.
    let provider = rustls::crypto::ring::default_provider();
    rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new("tls", error.to_string()))
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn without_authorities_of_the_system_the_bundled_ones_are_trusted() {
        assert!(!public_roots(Vec::new()).is_empty());
    }
}
