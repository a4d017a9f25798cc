//! Whole pages: against goldens, and against the parsers of others.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::{InstrumentationScope, KeyValue, SpanId, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Stream,
    Temporality,
};

use super::*;

/// A file of the standards' vectors. Without `SPANWISE_VECTORS` it says so and, in CI, fails.
pub(super) fn vectors(path: &str) -> Option<serde_json::Value> {
    let Some(root) = std::env::var_os("SPANWISE_VECTORS") else {
        missing("SPANWISE_VECTORS is not set: the vectors of the standards were not checked");
        return None;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&root).join(path)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// Says that a check could not run; in CI, where everything is installed, fails.
fn missing(what: &str) {
    eprintln!("NOT CHECKED: {what}");
    assert!(std::env::var_os("CI").is_none(), "{what}");
}

/// A reader that the test can still read after it went into the provider.
#[derive(Debug, Clone)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, _kind: InstrumentKind) -> Temporality {
        Temporality::Cumulative
    }
}

/// What an SDK collects after `record` has used its provider; instruments whose name starts with `exponential` are
/// exponential histograms.
fn collect(resource: Resource, record: impl FnOnce(&SdkMeterProvider)) -> ResourceMetrics {
    let reader = Reader(Arc::new(ManualReader::default()));
    let provider = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(reader.clone())
        .with_view(|instrument: &Instrument| {
            let aggregation = Aggregation::Base2ExponentialHistogram {
                max_size: 160,
                max_scale: 1,
                record_min_max: true,
            };
            instrument.name().starts_with("exponential").then(|| {
                Stream::builder()
                    .with_aggregation(aggregation)
                    .build()
                    .unwrap()
            })
        })
        .build();
    record(&provider);
    let mut metrics = ResourceMetrics::default();
    reader.collect(&mut metrics).unwrap();
    metrics
}

fn recorded(record: impl FnOnce(&Meter)) -> ResourceMetrics {
    collect(Resource::builder_empty().build(), |provider| {
        record(&provider.meter("test"))
    })
}

fn page(format: Format, scopes: Scopes, metrics: &ResourceMetrics) -> Rendered {
    let mut encoder = Encoder::new(format);
    encoder.resource_metrics(metrics, scopes);
    encoder.finish()
}

fn text(metrics: &ResourceMetrics) -> Rendered {
    page(Format::Text, Scopes::Hidden, metrics)
}

/// One of everything.
fn everything() -> ResourceMetrics {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "shop"),
            KeyValue::new("service/name", "again"),
            KeyValue::new("1bad", true),
        ])
        .build();
    collect(resource, |provider| {
        let scope = InstrumentationScope::builder("shop.api")
            .with_version("1.2")
            .with_attributes([KeyValue::new("team", "web"), KeyValue::new("name", "clash")])
            .build();
        let meter = provider.meter_with_scope(scope);
        let route = [
            KeyValue::new("http.route", "/a\"b\\c\nd"),
            KeyValue::new("otel.scope.name", "mine"),
        ];
        meter
            .u64_counter("requests")
            .with_unit("{request}")
            .with_description("Requests\nanswered.")
            .build()
            .add(3, &route);
        meter
            .f64_counter("io.bytes")
            .with_unit("By")
            .build()
            .add(1.5, &[]);
        meter
            .i64_up_down_counter("jobs")
            .with_description("A \"queue\".")
            .build()
            .add(-2, &[]);
        meter
            .u64_counter("jobs.total")
            .with_description("Jobs done.")
            .build()
            .add(7, &[]);
        meter
            .f64_gauge("cpu.utilization")
            .with_unit("1")
            .build()
            .record(0.25, &[]);
        let latency = meter
            .f64_histogram("latency")
            .with_unit("s")
            .with_boundaries(vec![0.1, 1.0, 5.0])
            .build();
        for value in [0.05, 0.5, 0.5, 30.0] {
            latency.record(value, &[KeyValue::new("le", "mine")]);
        }
        let exponential = meter
            .f64_histogram("exponential.size")
            .with_unit("By")
            .build();
        for value in [0.0, 1.0, 3.0, 4.0] {
            exponential.record(value, &[]);
        }
    })
}

const EVERYTHING_TEXT: &str = r##"# HELP target_info What the process is: its OpenTelemetry resource.
# TYPE target_info gauge
target_info{_1bad="true",service_name="shop;again"} 1
# HELP requests_total Requests\nanswered.
# TYPE requests_total counter
requests_total{exported_otel_scope_name="mine",http_route="/a\"b\\c\nd",otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 3
# TYPE io_bytes_total counter
io_bytes_total{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 1.5
# HELP jobs A "queue".
# TYPE jobs gauge
jobs{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} -2
# HELP jobs_total Jobs done.
# TYPE jobs_total counter
jobs_total{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 7
# TYPE cpu_utilization_ratio gauge
cpu_utilization_ratio{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 0.25
# TYPE latency_seconds histogram
latency_seconds_bucket{exported_le="mine",otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="0.1"} 1
latency_seconds_bucket{exported_le="mine",otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="1"} 3
latency_seconds_bucket{exported_le="mine",otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="5"} 3
latency_seconds_bucket{exported_le="mine",otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="+Inf"} 4
latency_seconds_sum{exported_le="mine",otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 31.05
latency_seconds_count{exported_le="mine",otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 4
# TYPE exponential_size_bytes histogram
exponential_size_bytes_bucket{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="0"} 1
exponential_size_bytes_bucket{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="1"} 2
exponential_size_bytes_bucket{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="1.4142135623730951"} 2
exponential_size_bytes_bucket{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="2"} 2
exponential_size_bytes_bucket{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="2.8284271247461903"} 2
exponential_size_bytes_bucket{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="4"} 4
exponential_size_bytes_bucket{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2",le="+Inf"} 4
exponential_size_bytes_sum{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 8
exponential_size_bytes_count{otel_scope_name="shop.api",otel_scope_team="web",otel_scope_version="1.2"} 4
"##;

#[test]
fn text_page_of_everything() {
    let page = page(Format::Text, Scopes::Labelled, &everything());
    assert_eq!(page.text, EVERYTHING_TEXT);
    assert_eq!(page.problems, []);
}

/// Families of our own with exemplars, as the span metrics are written.
fn spans(format: Format) -> Rendered {
    let exemplar = |value| Exemplar {
        trace_id: TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c),
        span_id: SpanId::from(0xb7ad_6b71_6920_3331),
        value,
        timestamp: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
    };
    let get = Labels::render([("span.name", "GET /"), ("status.code", "STATUS_CODE_UNSET")]);
    let none = Labels::default();
    let mut encoder = Encoder::new(format);
    encoder.counter(
        "traces.span.metrics.calls",
        "{call}",
        "Spans \"closed\".",
        |family| {
            family.sample(&get, 5_u64, Some(exemplar(1.0)));
            family.sample(&none, 1_u64, None);
        },
    );
    encoder.histogram(
        "traces.span.metrics.duration",
        "ms",
        "How long.",
        &[2.0, 4.5],
        |family| {
            family.sample(&get, &[3, 0, 2], 21.5, |bucket| {
                (bucket != 1).then(|| exemplar(bucket as f64 * 3.5))
            });
        },
    );
    encoder.gauge("open", "{span}", "", |family| family.sample(&none, -1_i64));
    encoder.summary("seen", "s", "Seen.", |family| {
        family.sample(&none, &[(0.5, 1.0), (1.0, 2.5)], 7.0, 4)
    });
    encoder.gauge("empty", "", "No sample, no trace.", |_| {});
    encoder.finish()
}

#[test]
fn openmetrics_page_has_units_and_exemplars() {
    let expected = r##"# HELP traces_span_metrics_calls Spans \"closed\".
# TYPE traces_span_metrics_calls counter
traces_span_metrics_calls_total{span_name="GET /",status_code="STATUS_CODE_UNSET"} 5 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 1 1700000000.123
traces_span_metrics_calls_total 1
# HELP traces_span_metrics_duration_milliseconds How long.
# TYPE traces_span_metrics_duration_milliseconds histogram
# UNIT traces_span_metrics_duration_milliseconds milliseconds
traces_span_metrics_duration_milliseconds_bucket{span_name="GET /",status_code="STATUS_CODE_UNSET",le="2.0"} 3 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0 1700000000.123
traces_span_metrics_duration_milliseconds_bucket{span_name="GET /",status_code="STATUS_CODE_UNSET",le="4.5"} 3
traces_span_metrics_duration_milliseconds_bucket{span_name="GET /",status_code="STATUS_CODE_UNSET",le="+Inf"} 5 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 7 1700000000.123
traces_span_metrics_duration_milliseconds_sum{span_name="GET /",status_code="STATUS_CODE_UNSET"} 21.5
traces_span_metrics_duration_milliseconds_count{span_name="GET /",status_code="STATUS_CODE_UNSET"} 5
# TYPE open gauge
open -1
# HELP seen_seconds Seen.
# TYPE seen_seconds summary
# UNIT seen_seconds seconds
seen_seconds{quantile="0.5"} 1
seen_seconds{quantile="1.0"} 2.5
seen_seconds_sum 7
seen_seconds_count 4
# EOF
"##;
    assert_eq!(spans(Format::OpenMetrics).text, expected);
}

#[test]
fn text_page_has_no_exemplars() {
    assert!(!spans(Format::Text).text.contains("trace_id"));
}

#[test]
fn series_are_the_same_in_both_formats() {
    let series = |format| -> Vec<String> {
        let lines = page(format, Scopes::Labelled, &everything()).text;
        let samples = lines.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.replace(".0\"} ", "\"} ")).collect()
    };
    assert_eq!(series(Format::OpenMetrics), series(Format::Text));
}

#[test]
fn type_conflict_keeps_the_first_and_reports_the_other() {
    let metrics = recorded(|meter| {
        meter.u64_counter("clash").build().add(1, &[]);
        meter.u64_gauge("clash_total").build().record(2, &[]);
    });
    let page = text(&metrics);
    assert_eq!(page.text, "# TYPE clash_total counter\nclash_total 1\n");
    assert_eq!(
        page.problems,
        [Problem::NameTaken {
            name: "clash_total".into(),
            kind: Kind::Gauge
        }]
    );
}

#[test]
fn counter_beside_a_gauge_of_its_short_name_is_of_unknown_type_in_openmetrics() {
    let metrics = recorded(|meter| {
        meter.u64_counter("jobs").build().add(1, &[]);
        meter.u64_gauge("jobs").build().record(2, &[]);
    });
    let page = page(Format::OpenMetrics, Scopes::Hidden, &metrics);
    let expected = "# TYPE jobs_total unknown\njobs_total 1\n# TYPE jobs gauge\njobs 2\n# EOF\n";
    assert_eq!((page.text.as_str(), page.problems.len()), (expected, 0));
}

#[test]
fn sample_names_of_a_histogram_are_taken() {
    let metrics = recorded(|meter| {
        meter
            .u64_histogram("h")
            .with_boundaries(vec![1.0])
            .build()
            .record(1, &[]);
        meter.u64_gauge("h_count").build().record(2, &[]);
    });
    let page = text(&metrics);
    assert_eq!(
        page.problems,
        [Problem::NameTaken {
            name: "h_count".into(),
            kind: Kind::Gauge
        }]
    );
}

#[test]
fn own_families_come_before_those_of_the_sdk() {
    let metrics = recorded(|meter| meter.u64_counter("calls").build().add(9, &[]));
    let mut encoder = Encoder::new(Format::Text);
    encoder.counter("calls", "", "", |family| {
        family.sample(&Labels::default(), 1_u64, None)
    });
    encoder.resource_metrics(&metrics, Scopes::Hidden);
    let page = encoder.finish();
    assert_eq!(page.text, "# TYPE calls_total counter\ncalls_total 1\n");
    assert_eq!(
        page.problems,
        [Problem::NameTaken {
            name: "calls_total".into(),
            kind: Kind::Counter
        }]
    );
}

#[test]
fn first_description_is_kept() {
    let metrics = collect(Resource::builder_empty().build(), |provider| {
        provider
            .meter("b")
            .u64_counter("calls")
            .with_description("second")
            .build()
            .add(1, &[]);
        provider
            .meter("a")
            .u64_counter("calls")
            .with_description("first")
            .build()
            .add(1, &[]);
    });
    let page = page(Format::Text, Scopes::Labelled, &metrics);
    assert!(
        page.text.starts_with("# HELP calls_total first\n"),
        "{}",
        page.text
    );
    let problem = Problem::HelpDiffers {
        name: "calls_total".into(),
        kept: "first".into(),
        ignored: "second".into(),
    };
    assert_eq!(page.problems, [problem]);
}

#[test]
fn families_of_one_name_are_contiguous() {
    let metrics = collect(Resource::builder_empty().build(), |provider| {
        for scope in ["a", "b"] {
            let meter = provider.meter(scope);
            meter.u64_counter("calls").build().add(1, &[]);
            meter.u64_counter("errors").build().add(1, &[]);
        }
    });
    let expected = "# TYPE calls_total counter\n\
        calls_total{otel_scope_name=\"a\"} 1\ncalls_total{otel_scope_name=\"b\"} 1\n\
        # TYPE errors_total counter\n\
        errors_total{otel_scope_name=\"a\"} 1\nerrors_total{otel_scope_name=\"b\"} 1\n";
    assert_eq!(
        page(Format::Text, Scopes::Labelled, &metrics).text,
        expected
    );
}

#[test]
fn counters_of_equal_labels_are_added() {
    let metrics = recorded(|meter| {
        let calls = meter.u64_counter("calls").build();
        calls.add(1, &[KeyValue::new("a", 1)]);
        calls.add(2, &[KeyValue::new("a", "1")]);
    });
    let page = text(&metrics);
    assert_eq!(
        page.text,
        "# TYPE calls_total counter\ncalls_total{a=\"1\"} 3\n"
    );
    assert_eq!(
        page.problems,
        [Problem::SeriesMerged {
            name: "calls_total".into(),
            labels: "a=\"1\"".into()
        }]
    );
}

#[test]
fn histograms_of_equal_labels_are_added_bucket_by_bucket() {
    let metrics = recorded(|meter| {
        let sizes = meter
            .u64_histogram("sizes")
            .with_boundaries(vec![10.0])
            .build();
        sizes.record(1, &[KeyValue::new("a", 1)]);
        sizes.record(20, &[KeyValue::new("a", "1")]);
    });
    let expected = "# TYPE sizes histogram\nsizes_bucket{a=\"1\",le=\"10\"} 1\nsizes_bucket{a=\"1\",le=\"+Inf\"} 2\n\
        sizes_sum{a=\"1\"} 21\nsizes_count{a=\"1\"} 2\n";
    assert_eq!(text(&metrics).text, expected);
}

#[test]
fn gauges_of_equal_labels_are_not_added() {
    let metrics = recorded(|meter| {
        let level = meter.u64_gauge("level").build();
        level.record(4, &[KeyValue::new("a", 1)]);
        level.record(4, &[KeyValue::new("a", "1")]);
    });
    let page = text(&metrics);
    assert_eq!(page.text, "# TYPE level gauge\nlevel{a=\"1\"} 4\n");
    assert_eq!(
        page.problems,
        [Problem::SeriesDropped {
            name: "level".into(),
            labels: "a=\"1\"".into()
        }]
    );
}

#[test]
fn histogram_without_boundaries_counts_everything_in_the_last_bucket() {
    let metrics = recorded(|meter| {
        let sizes = meter.u64_histogram("sizes").with_boundaries(vec![]).build();
        sizes.record(1, &[]);
        sizes.record(2, &[]);
    });
    let expected =
        "# TYPE sizes histogram\nsizes_bucket{le=\"+Inf\"} 2\nsizes_sum 3\nsizes_count 2\n";
    assert_eq!(text(&metrics).text, expected);
}

#[test]
fn exponential_histogram_keeps_values_below_zero() {
    let metrics = recorded(|meter| {
        let change = meter.f64_histogram("exponential.change").build();
        for value in [-4.0, -1.5, 2.0] {
            change.record(value, &[]);
        }
    });
    let page = text(&metrics).text;
    let bucket = |le: &str| format!("exponential_change_bucket{{le=\"{le}\"}} ");
    assert!(
        page.contains(&format!("{}1\n", bucket("-2.8284271247461903"))),
        "{page}"
    );
    assert!(
        page.contains(&format!("{}2\n", bucket("-1.414213562373095")))
            || page.contains(&format!("{}2\n", bucket("-1.4142135623730951"))),
        "{page}"
    );
    assert!(page.contains(&format!("{}2\n", bucket("0"))), "{page}");
    assert!(page.contains(&format!("{}3\n", bucket("2"))), "{page}");
}

#[test]
fn openmetrics_has_no_sum_where_values_below_zero_are_counted() {
    let metrics = recorded(|meter| {
        meter
            .f64_histogram("change")
            .with_boundaries(vec![-1.0, 1.0])
            .build()
            .record(-3.0, &[]);
    });
    let page = page(Format::OpenMetrics, Scopes::Hidden, &metrics).text;
    assert!(
        !page.contains("change_sum") && !page.contains("change_count"),
        "{page}"
    );
}

#[test]
fn empty_resource_gives_no_target_info() {
    assert_eq!(text(&recorded(|_| {})).text, "");
}

/// Everything at once, as a scraper would get it.
fn whole(format: Format) -> String {
    let mut text = spans(format).text;
    if format == Format::OpenMetrics {
        text.truncate(text.len() - "# EOF\n".len());
    }
    text + &page(format, Scopes::Labelled, &everything()).text
}

/// Feeds a page to a program; its exit code and what it said.
fn feed(command: &mut Command, page: &str) -> Option<(i32, String)> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((
        output.status.code().unwrap(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}

#[test]
fn promtool_reads_the_text_page() {
    /// Exit code for pages that parse but break a naming habit, such as milliseconds or a missing description.
    const LINT: i32 = 3;
    match feed(
        Command::new("promtool").args(["check", "metrics"]),
        &whole(Format::Text),
    ) {
        None => missing(
            "promtool is not installed (Debian package `prometheus`): the text page was not checked",
        ),
        Some((code, said)) => assert!(
            code == 0 || code == LINT,
            "promtool exits with {code}: {said}"
        ),
    }
}

#[test]
fn strict_openmetrics_parser_reads_the_openmetrics_page() {
    const SCRIPT: &str = "import sys\n\
        try:\n from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        except ImportError: sys.exit(77)\n\
        families = list(parse(sys.stdin.read()))\n\
        assert sum(bool(s.exemplar) for f in families for s in f.samples) == 3, families\n";
    match feed(
        Command::new("python3").args(["-c", SCRIPT]),
        &whole(Format::OpenMetrics),
    ) {
        None | Some((77, _)) => missing(
            "python3 with the module prometheus_client is not installed: the OpenMetrics page was not checked",
        ),
        Some((code, said)) => assert_eq!(code, 0, "{said}"),
    }
}
