//! `service.instance.id`.

use std::sync::LazyLock;

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

use crate::semconv;

/// One for the process: pipelines that are built one after the other belong to the same instance.
static INSTANCE_ID: LazyLock<String> =
    LazyLock::new(|| uuid_v4(RandomIdGenerator::default().new_trace_id().to_bytes()));

pub(super) fn attributes() -> Vec<KeyValue> {
    vec![KeyValue::new(
        semconv::SERVICE_INSTANCE_ID,
        INSTANCE_ID.as_str(),
    )]
}

/// A random UUID (RFC 9562, 5.4). The bytes are those of a random trace id, which saves a crate.
fn uuid_v4(bytes: [u8; 16]) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = u128::from_be_bytes(bytes) & !VERSION & !VARIANT | 4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::environment::tests::shown;

    #[test]
    fn version_and_variant_are_those_of_a_random_uuid() {
        assert_eq!(uuid_v4([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn the_other_bits_are_kept() {
        let bytes = 0x0123_4567_89ab_0def_0123_4567_89ab_cdef_u128.to_be_bytes();
        assert_eq!(uuid_v4(bytes), "01234567-89ab-4def-8123-456789abcdef");
    }

    #[test]
    fn the_process_has_one() {
        assert_eq!(shown(&attributes()), shown(&attributes()));
    }
}
