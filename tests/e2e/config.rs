//! Configurations of `docker/` on the addresses of a test.

use crate::{Outcome, ensure};

/// Replaces the addresses of a configuration, each of which stands there exactly once.
pub(crate) fn settle(config: &str, addresses: &[(&str, String)]) -> Outcome<String> {
    let mut settled = config.to_owned();
    for (from, to) in addresses {
        let count = config.matches(from).count();
        ensure!(count == 1, "{from} stands {count} times in\n{config}");
        settled = settled.replace(from, to);
    }
    Ok(settled)
}
