//! How a page travels: as it is or, with the feature `gzip`, compressed for whoever asks.

use bytes::Bytes;

/// How a page is packed for transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    #[cfg(feature = "gzip")]
    Gzip,
}

impl Packing {
    /// What an `Accept-Encoding` header allows.
    #[cfg(feature = "gzip")]
    pub(super) fn negotiate(accept_encoding: Option<&str>) -> Self {
        let mut codings = accept_encoding.unwrap_or_default().split(',');
        if codings.any(asks_for_gzip) {
            Self::Gzip
        } else {
            Self::Plain
        }
    }

    /// Nothing but plain without the feature `gzip`.
    #[cfg(not(feature = "gzip"))]
    pub(super) fn negotiate(_accept_encoding: Option<&str>) -> Self {
        Self::Plain
    }

    /// The `Content-Encoding`, where there is one.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            #[cfg(feature = "gzip")]
            Self::Gzip => Some("gzip"),
        }
    }

    pub(super) fn pack(self, page: String) -> Bytes {
        match self {
            Self::Plain => page.into(),
            #[cfg(feature = "gzip")]
            Self::Gzip => gzip(&page),
        }
    }
}

/// Whether one part of an `Accept-Encoding` header names gzip with a weight above zero.
#[cfg(feature = "gzip")]
fn asks_for_gzip(part: &str) -> bool {
    let mut parameters = part.split(';').map(str::trim);
    let named = parameters
        .next()
        .is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
    let weight = parameters.find_map(|parameter| parameter.strip_prefix("q=")?.parse().ok());
    named && weight.unwrap_or(1.0_f32) > 0.0
}

#[cfg(feature = "gzip")]
fn gzip(page: &str) -> Bytes {
    use std::io::Write as _;

    // The fast level: pages are repetitive enough to shrink tenfold with it.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder
        .write_all(page.as_bytes())
        .and_then(|()| encoder.finish());
    written.expect("writing into memory does not fail").into()
}
