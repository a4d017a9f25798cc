//! What was compiled in, as data, so that every combination can be tested in one build.

/// The Cargo features that a value may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    pub(super) otlp_http: bool,
    pub(super) http_json: bool,
    pub(super) grpc: bool,
    pub(super) gzip: bool,
    pub(super) tls: bool,
    pub(super) prometheus: bool,
}

impl Features {
    /// Those of this build.
    pub(super) const COMPILED: Self = Self {
        otlp_http: cfg!(feature = "otlp-http"),
        http_json: cfg!(feature = "http-json"),
        grpc: cfg!(feature = "grpc"),
        gzip: cfg!(feature = "gzip"),
        tls: cfg!(feature = "tls"),
        prometheus: cfg!(feature = "prometheus"),
    };
}

/// The end of a sentence about a value that needs `feature`.
pub(super) fn needs(feature: &str) -> String {
    format!("needs the cargo feature {feature:?}, which is not compiled in")
}
