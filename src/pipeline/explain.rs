//! What is wrong with a connection, in words that name the cause and the fix.

use std::error::Error;

/// The cause behind all causes: what is around it says "client error".
pub(crate) fn deepest<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    std::iter::successors(Some(error), |&error| error.source())
        .last()
        .unwrap_or(error)
}
