//! The tables and the parser against what the specification publishes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::fault::Faults;
use super::node::{Node, Value};
use super::scalar::References;
use super::schema::{self, describe_tables};
use super::yaml;
use crate::config::{Components, Env, Features};

fn faults() -> Faults {
    Faults::new(Arc::new(PathBuf::from("test.yaml")))
}

fn parse(text: &str, env: &Env) -> Result<Node, Vec<String>> {
    let mut faults = faults();
    let node = yaml::parse(text, &mut References::new(env), &mut faults);
    match (node, faults.is_fatal()) {
        (Some(node), false) => Ok(node),
        _ => Err(faults
            .into_problems()
            .iter()
            .map(ToString::to_string)
            .collect()),
    }
}

/// `None`, loudly, where the vectors are not at hand; a failure in CI, where they must be.
fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("SPANWISE_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "SPANWISE_VECTORS must name the folder of the test vectors"
        );
        let line = "NOT RUN: set SPANWISE_VECTORS to the folder of the test vectors\n";
        std::io::stderr()
            .write_all(line.as_bytes())
            .expect("stderr is open");
    }
    folder
}

fn json(path: &Path) -> Json {
    let text = fs::read_to_string(path).expect("the vectors can be read");
    serde_json::from_str(&text).expect("the vectors are JSON")
}

#[test]
fn substitution_is_that_of_the_specification() {
    let Some(folder) = vectors() else { return };
    let vectors = json(&folder.join("specification/env_substitution.json"));
    let env = vectors["env"].as_object().expect("there is an environment");
    let env = Env::from_pairs(
        env.iter()
            .map(|(name, value)| (name, value.as_str().expect("a text"))),
    );
    let cases = vectors["cases"].as_array().expect("there are cases");
    assert_eq!(cases.len(), 28);
    for case in cases {
        let input = case["input"].as_str().expect("a case has an input");
        let parsed = parse(input, &env);
        assert_eq!(
            parsed.is_err(),
            case["expect_error"] == true,
            "{input}: {parsed:?}"
        );
        let (Ok(node), Some(tag)) = (parsed, case["tag"].as_str()) else {
            continue;
        };
        let [entry] = node.entries() else {
            panic!("{input}: {node:?}");
        };
        let value = &entry.node.value;
        let got = match value {
            Value::Null => "null",
            Value::Flag(_) => "bool",
            Value::Integer(_) => "int",
            Value::Number(_) => "float",
            Value::Text(_) => "str",
            Value::List(_) | Value::Map(_) => "a collection",
        };
        assert_eq!(format!("tag:yaml.org,2002:{got}"), tag, "{input}");
        // The result is given as YAML of its own, which has nothing left to substitute.
        let after = case["post_substitution"].as_str().unwrap_or_default();
        if let Value::Text(text) = value {
            let expected = after.split_once(": ").map_or("", |(_, value)| value);
            let in_key = expected.strip_prefix("${STRING_VALUE}: ");
            let expected = in_key
                .unwrap_or(expected)
                .trim_matches('"')
                .replace("\\n", "\n");
            assert_eq!(*text, expected, "{input}");
        }
    }
}

#[test]
fn tables_say_what_the_official_schema_says() {
    let Some(folder) = vectors() else { return };
    let official = json(&folder.join("configuration/opentelemetry_configuration.v1.1.0.json"));
    let definitions = official["$defs"]
        .as_object()
        .expect("there are definitions");
    let mut lines = Vec::new();
    describe_official(&official, definitions, "", &mut Vec::new(), &mut lines);
    lines.sort();
    let mut ours = describe_tables();
    ours.sort();
    let missing: Vec<_> = lines.iter().filter(|line| !ours.contains(line)).collect();
    let extra: Vec<_> = ours.iter().filter(|line| !lines.contains(line)).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "missing: {missing:#?}\nextra: {extra:#?}"
    );
    assert!(lines.len() > 400, "{} lines", lines.len());
}

/// One line a property in the words of [`describe_tables`], recursion cut where a definition contains itself.
fn describe_official(
    schema: &Json,
    definitions: &Map<String, Json>,
    path: &str,
    above: &mut Vec<String>,
    lines: &mut Vec<String>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/").to_owned();
        let target = &definitions[&name];
        if above.contains(&name) {
            lines.push(format!("{path}: recursion"));
            return;
        }
        above.push(name);
        describe_official(target, definitions, path, above, lines);
        above.pop();
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Json::String(one) => vec![one],
        Json::Array(some) => some.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let or_null = if types.contains(&"null") {
        " or null"
    } else {
        ""
    };
    let bound = |key: &str| schema[key].as_f64();
    if schema.get("oneOf").is_some() {
        lines.push(format!("{path}: attribute value"));
    } else if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().filter_map(Json::as_str).collect();
        lines.push(format!("{path}: one of {}{or_null}", words.join(" ")));
    } else if types.contains(&"object") {
        let required: Vec<_> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let others = match &schema["additionalProperties"] {
            Json::Bool(true) => "any",
            Json::Bool(false) => "none",
            other if other["type"] == "object" => "objects",
            _ => "objects or null",
        };
        let counts = (
            schema["minProperties"].as_u64(),
            schema["maxProperties"].as_u64(),
        );
        let count = match counts {
            (Some(1), Some(1)) => "one",
            (Some(1), None) => "some",
            _ => "all",
        };
        lines.push(format!(
            "{path}: object{or_null}, {count}, others {others}, requires {}",
            required.join(" ")
        ));
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            describe_official(
                property,
                definitions,
                &schema::join(path, name),
                above,
                lines,
            );
        }
    } else if types.contains(&"array") {
        lines.push(format!(
            "{path}: list from {}",
            schema["minItems"].as_u64().unwrap_or(0)
        ));
        describe_official(
            &schema["items"],
            definitions,
            &format!("{path}[]"),
            above,
            lines,
        );
    } else if types.contains(&"string") {
        lines.push(format!("{path}: text{or_null}"));
    } else if types.contains(&"boolean") {
        lines.push(format!("{path}: flag{or_null}"));
    } else {
        let from = bound("minimum").or(bound("exclusiveMinimum").map(|from| from + 1.0));
        let kind = if types.contains(&"integer") {
            "integer"
        } else {
            "number"
        };
        lines.push(format!(
            "{path}: {kind} {from:?} {:?}{or_null}",
            bound("maximum")
        ));
    }
}

#[test]
fn places_count_from_one() {
    let mut faults = faults();
    let node = yaml::parse(
        "a: 1\nb:\n  - x\n  - c: 2\n",
        &mut References::new(&Env::default()),
        &mut faults,
    );
    let node = node.expect("it is YAML");
    let Value::List(items) = &node.get("b").expect("b is there").value else {
        panic!("{node:?}");
    };
    assert_eq!((items[0].at.line, items[0].at.column), (3, 5));
    let inner = &items[1].entries()[0];
    assert_eq!((inner.at.line, inner.at.column), (4, 5));
    assert_eq!((inner.node.at.line, inner.node.at.column), (4, 8));
}

#[test]
fn aliases_are_copies() {
    let node = parse("a: &x [1, {k: v}]\nb: *x\n", &Env::default()).expect("it is YAML");
    let values = |key: &str| format!("{:?}", node.get(key).expect("it is there").value);
    assert_eq!(values("a"), values("b"));
}

#[test]
fn what_no_configuration_needs_is_refused() {
    let bomb: String = (1..12).fold("a0: &a0 [x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let before = format!("*a{},", n - 1).repeat(8);
        text + &format!("a{n}: &a{n} [{before}]\n")
    });
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (text, reason) in [
        ("a: &a [*a]", "alias for itself"),
        ("a: &a\n  b: *a", "alias for itself"),
        (bomb.as_str(), "more than 20000 values"),
        (deep.as_str(), "deeper than 64"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("a: 1\na: 2\n", "twice"),
        ("? [a]\n: 1\n", "for a key"),
        ("a: !mine 1\n", "unknown tag"),
        ("a: !!int x\n", "no !!int"),
        ("a: [1\n", "not YAML"),
        ("a: *b\n", "not YAML"),
        ("", "empty"),
        ("# only a comment\n", "empty"),
    ] {
        let problems = parse(text, &Env::default()).expect_err(text);
        assert!(
            problems.iter().any(|problem| problem.contains(reason)),
            "{text}: {problems:?}"
        );
    }
}

/// A file in which something of everything stands.
const FILE: &str = r#"
file_format: "1.1"
resource: {attributes: [{name: a, value: [1, 2], type: int_array}], attributes_list: "a=b,${X}"}
propagator: {composite: [{b3: }], composite_list: "b3,${X:-baggage}"}
tracer_provider: &p
  processors:
    - batch: {schedule_delay: 0x10, exporter: {otlp_http: {endpoint: http://h, headers_list: "a=b"}}}
  sampler: {parent_based: {root: {jaeger_remote/development: {endpoint: x, initial_sampler: {always_on: }}}}}
meter_provider:
  readers: [{pull: {exporter: {prometheus/development: {port: 1}}}}, {periodic: {exporter: {console: }}}]
logger_provider: *p
instrumentation/development: {rust: {spanwise: {span_filter: "a=b,[x]", log_lines: json}}}
"#;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn mangled_file_is_answered(
        cuts in proptest::collection::vec((0..FILE.len(), 0..12_usize, "[-&*!|>{}\\[\\]:,\"'#$%@~a0\n \t]{0,3}"), 1..8),
    ) {
        let mut text = FILE.to_owned();
        for (start, length, insert) in cuts {
            let start = start.min(text.len());
            let end = (start + length).min(text.len());
            text.replace_range(start..end, &insert);
        }
        let mut faults = faults();
        let built = super::build(&text, &mut References::new(&Env::default()), &Components::default(), Features::COMPILED, &mut faults);
        proptest::prop_assert!(built.is_some() || faults.is_fatal());
        for problem in faults.into_problems() {
            proptest::prop_assert!(!problem.to_string().contains('\n'));
        }
    }
}
