//! Nothing that an environment can hold makes the parser panic or leaves it without an answer.

use proptest::collection::vec;
use proptest::prelude::*;
use spanwise::config::{self, Config, Env, Sources};

/// Texts that come near to what the parsers look for.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(",".to_owned()),
        Just("=".to_owned()),
        Just("://".to_owned()),
        Just("@".to_owned()),
        Just("%".to_owned()),
        Just("%2".to_owned()),
        Just("[{".to_owned()),
        Just("http".to_owned()),
        Just("endpoint=".to_owned()),
        Just("none".to_owned()),
        Just("\n".to_owned()),
        Just("9".repeat(40)),
        "\\PC{0,8}",
        ".{0,4}",
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn environment() -> impl Strategy<Value = Vec<(String, String)>> {
    let names: Vec<_> = config::variables()
        .map(|variable| variable.name.to_owned())
        .collect();
    let name = prop_oneof![9 => prop::sample::select(names), 1 => "OTEL_\\PC{0,12}"];
    let value = prop_oneof![
        4 => text(),
        1 => Just("traceidratio".to_owned()),
        1 => Just("jaeger_remote".to_owned()),
        1 => Just("grpc".to_owned()),
    ];
    vec((name, value), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn garbage_is_answered_with_a_usable_configuration(env in environment(), code in environment()) {
        let resolved = config::resolve(&Sources {
            env: Env::from_pairs(env),
            overrides: Env::from_pairs(code),
            ..Sources::default()
        });
        let Config { traces, logs, .. } = &resolved.config;
        for batch in [traces.batch, logs.batch] {
            prop_assert!(batch.max_queue_size > 0);
            prop_assert!((1..=batch.max_queue_size).contains(&batch.max_export_batch_size));
        }
        for problem in &resolved.problems {
            prop_assert!(!problem.to_string().contains('\n'), "{problem}");
        }
        let listing = resolved.effective.to_string();
        prop_assert_eq!(listing.lines().count(), resolved.effective.iter().count(), "{}", listing);
    }
}
