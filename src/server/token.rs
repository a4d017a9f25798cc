//! The bearer token that a scraper has to show.

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// A secret; never printed.
#[derive(Clone)]
pub(super) struct Token(Box<[u8]>);

impl Token {
    pub(super) fn new(token: &str) -> Self {
        Self(token.as_bytes().into())
    }

    /// Whether a request shows it.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then_some(token.trim().as_bytes())
        });
        shown.is_some_and(|shown| self.equals(shown))
    }

    /// Compares all bytes whatever they are, so that the time taken does not tell how many are right.
    fn equals(&self, shown: &[u8]) -> bool {
        let differing = self
            .0
            .iter()
            .zip(shown)
            .fold(0, |found, (ours, theirs)| found | (ours ^ theirs));
        self.0.len() == shown.len() && differing == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
