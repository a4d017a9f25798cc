//! Components of the application's own, named in a configuration file.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::logs::AnyValue;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::resource::ResourceDetector;
use opentelemetry_sdk::trace::{Sampler, Span, SpanData, SpanExporter, SpanProcessor};
use spanwise::config::{self, Component, ComponentKind, Components, Env, Property, Sources};
use spanwise::{Builder, Telemetry};

/// A builder that reads a file with `parts`; nothing else of the environment.
fn builder(name: &str, parts: &str) -> Builder {
    let path = file(name, parts);
    Telemetry::builder()
        .with_env(Env::default())
        .config_file(path)
}

fn file(name: &str, parts: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
    let own =
        "instrumentation/development: {rust: {spanwise: {banner: false, log_lines: \"off\"}}}";
    fs::write(&path, format!("file_format: \"1.1\"\n{parts}\n{own}\n"))
        .expect("the file can be written");
    path
}

/// What a failed start says, without the folder of the file.
fn refusal(builder: Builder) -> String {
    let error = builder.build().expect_err("the start fails").to_string();
    error.replace(env!("CARGO_TARGET_TMPDIR"), "")
}

#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().expect("nobody panics").push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics").clone()
    }
}

impl SpanProcessor for Seen {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.add(span.name);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.add("flushed");
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.add("shut down");
        Ok(())
    }
}

/// Remembers what it is told of the process, and spans.
#[derive(Debug, Clone, Default)]
struct Memory {
    regions: Seen,
    spans: Seen,
    logs: Seen,
}

impl LogExporter for Memory {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        for (record, _) in batch.iter() {
            if let Some(AnyValue::String(body)) = record.body() {
                self.logs.add(body.as_str());
            }
        }
        Ok(())
    }
}

impl SpanExporter for Memory {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        batch.into_iter().for_each(|span| self.spans.add(span.name));
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let region = resource.get(&"cloud.region".into());
        let region = region.map(|value| value.to_string());
        self.regions.add(region.unwrap_or_default());
    }
}

#[derive(Debug)]
struct Header(String);

impl TextMapPropagator for Header {
    fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
        injector.set(&self.0, "here".to_owned());
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}

struct Region(String);

impl ResourceDetector for Region {
    fn detect(&self) -> Resource {
        let region = KeyValue::new("cloud.region", self.0.clone());
        Resource::builder_empty().with_attribute(region).build()
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn text(properties: &Property, key: &str) -> Result<String, String> {
    let found = properties.get(key).and_then(Property::as_text);
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("has no {key}"))
}

const EXPORTED: &str = "tracer_provider: {processors: [{batch: {exporter: {memory: }}}]}";

#[test]
fn registered_exporter_gets_spans_with_what_a_registered_detector_found() -> Outcome {
    let parts = format!(
        "{EXPORTED}\nresource: {{detection/development: {{detectors: [{{region: {{name: eu}}}}]}}}}"
    );
    let memory = Memory::default();
    let exporter = memory.clone();
    let telemetry = builder("exporter", &parts)
        .register_span_exporter("memory", move |_| Ok::<_, String>(exporter.clone()))
        .register_detector("region", |properties| text(properties, "name").map(Region))
        .build()?;
    telemetry.scope(|| tracing::info_span!("work").in_scope(|| ()));
    telemetry.shutdown()?;
    assert_eq!(memory.spans.all(), ["work"]);
    assert_eq!(memory.regions.all(), ["eu"]);
    Ok(())
}

#[test]
fn registered_log_exporter_gets_records() -> Outcome {
    let memory = Memory::default();
    let exporter = memory.clone();
    let parts = "logger_provider: {processors: [{batch: {exporter: {memory: }}}]}";
    let telemetry = builder("logs", parts)
        .register_log_exporter("memory", move |_| Ok::<_, String>(exporter.clone()))
        .build()?;
    telemetry.scope(|| tracing::info!("done"));
    telemetry.shutdown()?;
    assert_eq!(memory.logs.all(), ["done"]);
    Ok(())
}

#[test]
fn registered_sampler_decides_with_what_the_file_says() -> Outcome {
    for (ratio, kept) in [("0", 0), ("1", 1)] {
        let memory = Memory::default();
        let exporter = memory.clone();
        let parts = format!(
            "tracer_provider: {{processors: [{{batch: {{exporter: {{memory: }}}}}}], sampler: {{parent_based: {{root: {{share: {{ratio: {ratio}}}}}}}}}}}"
        );
        let telemetry = builder(&format!("sampler{ratio}"), &parts)
            .register_span_exporter("memory", move |_| Ok::<_, String>(exporter.clone()))
            .register_sampler("share", |properties| {
                let ratio = properties.get("ratio").and_then(Property::as_number);
                ratio.map(Sampler::TraceIdRatioBased).ok_or("has no ratio")
            })
            .build()?;
        telemetry.scope(|| tracing::info_span!("work").in_scope(|| ()));
        telemetry.shutdown()?;
        assert_eq!(memory.spans.all().len(), kept, "ratio {ratio}");
    }
    Ok(())
}

#[test]
fn registered_processor_sees_spans_and_is_finished() -> Outcome {
    let seen = Seen::default();
    let processor = seen.clone();
    let telemetry = builder("processor", "tracer_provider: {processors: [{watch: }]}")
        .register_span_processor("watch", move |_| Ok::<_, String>(processor.clone()))
        .build()?;
    telemetry.scope(|| tracing::info_span!("work").in_scope(|| ()));
    telemetry.shutdown()?;
    assert_eq!(seen.all(), ["work", "flushed", "shut down"]);
    Ok(())
}

#[test]
fn registered_propagator_writes_in_the_order_of_the_file() -> Outcome {
    let telemetry = builder(
        "propagator",
        "propagator: {composite: [{header: {name: x-mine}}, {tracecontext: }]}",
    )
    .register_propagator("header", |properties| text(properties, "name").map(Header))
    .build()?;
    let mut headers = std::collections::HashMap::new();
    telemetry
        .propagator()
        .inject_context(&Context::new(), &mut headers);
    assert_eq!(headers.get("x-mine").map(String::as_str), Some("here"));
    Ok(())
}

#[test]
fn component_that_cannot_be_made_fails_the_start_and_is_named_with_its_place() {
    let failing = |name: &str, parts: &str| {
        builder(name, parts)
            .register_span_exporter("mine", |_| Err::<Memory, _>("it has no endpoint"))
            .register_sampler("mine", |_| Err::<Sampler, _>("it has no ratio"))
            .register_span_processor("mine", |_| Err::<Seen, _>("it has no limit"))
            .register_propagator("mine", |_| Err::<Header, _>("it has no header"))
            .register_detector("mine", |properties| -> Result<Region, String> {
                panic!("{properties:?}")
            })
    };
    for (parts, expected) in [
        (
            "tracer_provider: {processors: [{batch: {exporter: {mine: {}}}}]}",
            "cannot export traces: tracer_provider.processors[0].batch.exporter.mine (/failing.yaml:2:58) cannot be made: it has no endpoint",
        ),
        (
            "tracer_provider: {processors: [{batch: {exporter: {console: }}}], sampler: {mine: {}}}",
            "cannot sample traces: tracer_provider.sampler.mine (/failing.yaml:2:83) cannot be made: it has no ratio",
        ),
        (
            "tracer_provider: {processors: [{mine: {}}]}",
            "cannot process spans: tracer_provider.processors[0].mine (/failing.yaml:2:39) cannot be made: it has no limit",
        ),
        (
            "propagator: {composite: [{mine: {}}]}",
            "cannot propagate context: propagator.composite[0].mine (/failing.yaml:2:33) cannot be made: it has no header",
        ),
        (
            "resource: {detection/development: {detectors: [{mine: {}}]}}",
            "cannot describe this process: resource.detection/development.detectors[0].mine (/failing.yaml:2:55) cannot be made: it panicked: {}",
        ),
    ] {
        assert_eq!(refusal(failing("failing", parts)), expected);
    }
}

#[test]
fn name_is_known_for_its_kind_only() {
    let builder = builder("kind", EXPORTED)
        .register_sampler("memory", |_| Ok::<_, String>(Sampler::AlwaysOn));
    let refusal = refusal(builder);
    assert!(
        refusal.ends_with(
            "exporter.memory (/kind.yaml:2:58) no span exporter of this name is registered"
        ),
        "{refusal}"
    );
}

#[test]
fn component_that_panics_later_is_asked_no_more() -> Outcome {
    #[derive(Debug)]
    struct Panicking(Seen);

    impl SpanProcessor for Panicking {
        fn on_start(&self, _: &mut Span, _: &Context) {
            self.0.add("asked");
            panic!("on purpose");
        }

        fn on_end(&self, _: SpanData) {}

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    let seen = Seen::default();
    let processor = seen.clone();
    let telemetry = builder("panics", "tracer_provider: {processors: [{watch: }]}")
        .register_span_processor("watch", move |_| {
            Ok::<_, String>(Panicking(processor.clone()))
        })
        .build()?;
    for _ in 0..3 {
        telemetry.scope(|| tracing::info_span!("work").in_scope(|| ()));
    }
    assert_eq!(seen.all(), ["asked"]);
    Ok(())
}

#[test]
fn component_comes_back_from_a_written_file_and_its_texts_stay_out() {
    let parts = "tracer_provider:\n  processors:\n    - batch: {exporter: {memory: {token: s3cret, \"$a\": [1, 2.0, null, true, x]}}}\n    - watch:\n  sampler: {share: {ratio: 0.5}}\npropagator: {composite: [{header: {name: x}}]}\nresource: {detection/development: {detectors: [{region: }]}}";
    let mut components = Components::default();
    for (kind, name) in [
        (ComponentKind::SpanExporter, "memory"),
        (ComponentKind::SpanProcessor, "watch"),
        (ComponentKind::Sampler, "share"),
        (ComponentKind::Propagator, "header"),
        (ComponentKind::Detector, "region"),
    ] {
        components.insert(kind, name);
    }
    let read = |path: PathBuf, env: &[(&str, &str)]| {
        let mut env = Env::from_pairs(env.iter().copied());
        env.insert("OTEL_CONFIG_FILE", path.to_string_lossy());
        let sources = Sources {
            env,
            components: components.clone(),
            ..Sources::default()
        };
        let resolved = config::resolve(&sources).check();
        resolved.expect("the file is good").config
    };
    let config = read(file("written", parts), &[]);
    let yaml = config::to_yaml(&config);
    assert!(!yaml.contains("s3cret"), "{yaml}");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("written-again.yaml");
    fs::write(&path, &yaml).expect("the file can be written");
    let back = read(
        path,
        &[
            ("MEMORY_TOKEN", "s3cret"),
            ("MEMORY__A", "x"),
            ("HEADER_NAME", "x"),
        ],
    );
    assert_eq!(named(&back), named(&config), "{yaml}");
    assert_eq!(named(&back).len(), 5, "{yaml}");
}

/// Every component without its place.
fn named(config: &config::Config) -> Vec<(String, Property)> {
    let mut all: Vec<&Component> = config.traces.processors.iter().collect();
    all.extend(&config.resource.custom_detectors);
    all.extend(config.traces.exporters.iter().filter_map(|e| match e {
        config::SpanExporter::Custom(custom) => Some(custom),
        _ => None,
    }));
    if let config::Sampler::Custom(custom) = &config.traces.sampler {
        all.push(custom);
    }
    all.extend(config.propagators.iter().filter_map(|p| match p {
        config::Propagator::Custom(custom) => Some(custom),
        _ => None,
    }));
    let named = |component: &Component| (component.name.clone(), component.properties.clone());
    all.into_iter().map(named).collect()
}
