//! Three services in a chain, instrumented by others: every trace is whole or absent, and every hop knows it.
//!
//! The application runs as a process of its own, because middleware finds the global subscriber and the global propagator.
//! It writes its spans and logs to stdout, and the tests read them. The binary has a `main` of its own for that: it is run
//! again as the application.
//!
//! The services are `tower-otel` on both sides, `axum-tracing-opentelemetry` in front of a plain user of
//! `OpenTelemetrySpanExt`, and another such user.
#![expect(clippy::print_stderr, reason = "the application says what failed")]

use std::collections::{BTreeSet, HashMap};
use std::process::{Command, ExitCode, Stdio};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use axum::routing::get;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use libtest_mimic::{Arguments, Failed, Trial};
use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use serde_json::Value;
use spanwise::Telemetry;
use tower::{Layer as _, Service, ServiceExt as _};
use tracing::{Instrument as _, Level, Span, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Set in a child process: it is the application.
const APPLICATION: &str = "SPANWISE_COMPAT_APPLICATION";
/// Enough that some without a caller are sampled at one half, and some are not.
const REQUESTS: usize = 120;
/// The span of the caller, where there is one.
const CALLER: &str = "00000000000000aa";

fn main() -> ExitCode {
    if std::env::var_os(APPLICATION).is_some() {
        return match application() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the application: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let mut trials = Vec::new();
    for ratio in ["0.01", "0.5"] {
        for middleware in [Middleware::Exported, Middleware::Filtered] {
            let name =
                format!("traces_are_whole_or_absent_at_{ratio}_with_middleware_{middleware:?}");
            trials.push(Trial::test(name.to_lowercase(), move || {
                check(ratio, middleware)
            }));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The spans of `axum-tracing-opentelemetry` are of level `TRACE`, so the default filter leaves them out; the middleware
/// then makes the caller's context the current one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Middleware {
    Exported,
    Filtered,
}

/// What the first service is told by who calls it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Parent {
    None,
    Sampled,
    Unsampled,
}

impl Parent {
    /// Requests are numbered, and every third has the same kind of parent.
    fn of(request: usize) -> Self {
        [Self::None, Self::Sampled, Self::Unsampled][request % 3]
    }

    fn traceparent(self, request: usize) -> Option<String> {
        let flags = match self {
            Self::None => return None,
            Self::Sampled => "01",
            Self::Unsampled => "00",
        };
        Some(format!("00-{}-{CALLER}-{flags}", trace_of(request)))
    }
}

fn trace_of(request: usize) -> String {
    format!("c0ffee{request:026x}")
}

// --- the application ---

type Error = Box<dyn std::error::Error + Send + Sync>;
type Client = Http<HttpConnector, Body>;

fn application() -> Result<(), Error> {
    let telemetry = Telemetry::init()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(requests())?;
    telemetry.shutdown()?;
    Ok(())
}

async fn requests() -> Result<(), Error> {
    let http: Client = Http::builder(TokioExecutor::new()).build_http();
    let last = Router::new().route("/{request}", get(last));
    let last = serve(last, &http, String::new()).await?;
    let middle = Router::new()
        .route("/{request}", get(middle))
        .layer(OtelAxumLayer::default());
    let middle = serve(middle, &http, last).await?;
    let first = Router::new()
        .route("/{request}", get(first))
        .layer(tower_otel::trace::HttpLayer::server(Level::INFO));
    let first = serve(first, &http, middle).await?;
    let calls = (0..REQUESTS).map(|request| {
        let mut headers = HeaderMap::new();
        if let Some(traceparent) = Parent::of(request).traceparent(request) {
            headers.insert("traceparent", traceparent.parse().expect("a header"));
        }
        send(http.clone(), format!("{first}/{request}"), headers)
    });
    let calls = futures_util::stream::iter(calls).buffer_unordered(8);
    calls.try_for_each(|()| async { Ok(()) }).await
}

/// What a service calls the next one with, and where that is.
#[derive(Clone)]
struct Next {
    http: Client,
    address: String,
}

/// Starts a service and gives its address.
async fn serve(router: Router<Next>, http: &Client, next: String) -> Result<String, Error> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let http = http.clone();
    let router = router.with_state(Next {
        http,
        address: next,
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn send<S>(http: S, uri: String, headers: HeaderMap) -> Result<(), Error>
where
    S: Service<Request<Body>, Response = Response<Incoming>, Error: Into<Error>>,
{
    let mut request = Request::builder().uri(&uri).body(Body::empty())?;
    *request.headers_mut() = headers;
    let status = http.oneshot(request).await.map_err(Into::into)?.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("{uri} answers {status}").into())
    }
}

/// `tower-otel` on both sides.
async fn first(
    State(next): State<Next>,
    Path(request): Path<usize>,
    headers: HeaderMap,
) -> Result<(), StatusCode> {
    heard("first", request, &headers);
    async {
        let http = tower_otel::trace::HttpLayer::client(Level::INFO).layer(next.http);
        send(
            http,
            format!("{}/{request}", next.address),
            HeaderMap::new(),
        )
        .await
    }
    .instrument(info_span!("first work"))
    .await
    .map_err(|_| StatusCode::BAD_GATEWAY)
}

/// Called through `axum-tracing-opentelemetry`; calls with headers that it injects itself.
async fn middle(
    State(next): State<Next>,
    Path(request): Path<usize>,
    headers: HeaderMap,
) -> Result<(), StatusCode> {
    heard("middle", request, &headers);
    async {
        let task = async move { heard("task", request, &HeaderMap::new()) };
        tokio::spawn(task.instrument(info_span!("task"))).await?;
        let call = info_span!("call", otel.kind = "client");
        let uri = format!("{}/{request}", next.address);
        // Either from inside of the span, or from a task that knows nothing of it but its handle.
        if request % 2 == 0 {
            let call_next = async { send(next.http, uri, injected(&Span::current())).await };
            call_next.instrument(call).await
        } else {
            let task = async move { send(next.http, uri, injected(&call)).await };
            tokio::spawn(task).await?
        }
    }
    .instrument(info_span!("middle work"))
    .await
    .map_err(|_: Error| StatusCode::BAD_GATEWAY)
}

/// Headers with the context of a span.
fn injected(span: &Span) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let context = span.context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut Injected(&mut headers));
    });
    headers
}

/// Takes the caller's context itself, in a span whose kind does not say that it serves.
async fn last(Path(request): Path<usize>, headers: HeaderMap) {
    let span = info_span!("last");
    let context =
        global::get_text_map_propagator(|propagator| propagator.extract(&Extracted(&headers)));
    span.set_parent(context)
        .expect("a span that has not started");
    async {
        heard("last", request, &headers);
        async { tokio::task::yield_now().await }
            .instrument(info_span!("last work"))
            .await;
    }
    .instrument(span)
    .await;
}

/// Logs where a request is and what it brought.
fn heard(place: &str, request: usize, headers: &HeaderMap) {
    let traceparent = headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    info!(
        place,
        request,
        traceparent = traceparent.unwrap_or_default(),
        "heard"
    );
}

struct Injected<'a>(&'a mut HeaderMap);

impl Injector for Injected<'_> {
    fn set(&mut self, key: &str, value: String) {
        let key: HeaderName = key.parse().expect("a name");
        self.0.insert(key, value.parse().expect("a value"));
    }
}

struct Extracted<'a>(&'a HeaderMap);

impl Extractor for Extracted<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

// --- the test ---

/// Spans of a whole trace.
const SPANS: [&str; 9] = [
    "GET",
    "GET /{request}",
    "GET /{request}",
    "call",
    "first work",
    "last",
    "last work",
    "middle work",
    "task",
];

#[derive(Debug)]
struct Exported {
    name: String,
    trace: String,
    span: String,
    parent: String,
}

#[derive(Debug)]
struct Heard {
    trace: String,
    traceparent: String,
}

/// By place and request.
type Logs = HashMap<(String, usize), Heard>;

fn check(ratio: &str, middleware: Middleware) -> Result<(), Failed> {
    let output = run(ratio, middleware)?;
    let (spans, logs) = read(&output)?;
    let mut traces: HashMap<&str, Vec<&Exported>> = HashMap::new();
    for span in &spans {
        traces.entry(&span.trace).or_default().push(span);
    }
    for request in 0..REQUESTS {
        let logs = |place: &str| {
            let log = logs.get(&(place.to_owned(), request));
            log.ok_or(format!("request {request} was not heard at {place}"))
        };
        let trace = &logs("last")?.trace;
        for place in ["first", "middle", "task", "last"] {
            let heard = logs(place)?;
            ensure(!trace.is_empty() && heard.trace == *trace, || {
                format!(
                    "request {request}: {place} logs trace {:?}, last {trace:?}",
                    heard.trace
                )
            })?;
        }
        let sampled = sampled_at(trace, logs("middle")?)?;
        ensure(sampled == sampled_at(trace, logs("last")?)?, || {
            format!("request {request}: the flag changes on the way")
        })?;
        let parent = Parent::of(request);
        ensure(
            parent == Parent::None || *trace == trace_of(request),
            || format!("request {request} left the trace of its caller for {trace}"),
        )?;
        let decided = match parent {
            Parent::None => sampled,
            Parent::Sampled => true,
            Parent::Unsampled => false,
        };
        ensure(sampled == decided, || {
            format!("request {request}: sampled is {sampled}, the caller is {parent:?}")
        })?;
        let exported = traces.remove(trace.as_str()).unwrap_or_default();
        if sampled {
            whole(&exported, parent, middleware)?;
        } else {
            ensure(exported.is_empty(), || {
                format!("of an unsampled trace: {exported:#?}")
            })?;
        }
    }
    ensure(traces.is_empty(), || format!("of no request: {traces:#?}"))
}

/// Whether the header that a place heard is of its trace, and sampled.
fn sampled_at(trace: &str, heard: &Heard) -> Result<bool, Failed> {
    let header = &heard.traceparent;
    ensure(header.starts_with(&format!("00-{trace}-")), || {
        format!("{header:?} is not of trace {trace}")
    })?;
    Ok(header.ends_with("-01"))
}

/// All spans are there, and each has its parent among them or at the caller.
fn whole(trace: &[&Exported], parent: Parent, middleware: Middleware) -> Result<(), Failed> {
    let mut names: Vec<_> = trace.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    let mut expected = SPANS.to_vec();
    if middleware == Middleware::Filtered {
        expected.remove(1);
    }
    ensure(names == expected, || {
        format!("expected {expected:?}, got {trace:#?}")
    })?;
    let ids: BTreeSet<_> = trace.iter().map(|span| span.span.as_str()).collect();
    let outside = trace
        .iter()
        .filter(|span| !ids.contains(span.parent.as_str()));
    let outside: Vec<_> = outside.map(|span| span.parent.as_str()).collect();
    let caller = if parent == Parent::None { "" } else { CALLER };
    ensure(outside == [caller], || {
        format!("expected one root below {caller:?}: {trace:#?}")
    })
}

fn ensure(condition: bool, message: impl FnOnce() -> String) -> Result<(), Failed> {
    if condition {
        Ok(())
    } else {
        Err(message().into())
    }
}

/// What the application writes to stdout.
fn run(ratio: &str, middleware: Middleware) -> Result<String, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .env_clear()
        .env(APPLICATION, "1")
        .env("OTEL_TRACES_EXPORTER", "otlp/stdout")
        .env("OTEL_LOGS_EXPORTER", "otlp/stdout")
        .env("OTEL_METRICS_EXPORTER", "none")
        .env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .env("OTEL_TRACES_SAMPLER_ARG", ratio)
        .env("OTEL_RUST_LOG_LINES", "off")
        .stderr(Stdio::inherit());
    if middleware == Middleware::Exported {
        command.env("OTEL_RUST_SPAN_FILTER", "info,otel::tracing=trace");
    }
    let output = command.output()?;
    ensure(output.status.success(), || {
        format!("the application: {}", output.status)
    })?;
    Ok(String::from_utf8(output.stdout)?)
}

/// Spans and logs from lines of OTLP.
fn read(output: &str) -> Result<(Vec<Exported>, Logs), Failed> {
    let (mut spans, mut logs) = (Vec::new(), HashMap::new());
    for line in output.lines() {
        let line: Value = serde_json::from_str(line)?;
        for span in below(&line, ["resourceSpans", "scopeSpans", "spans"]) {
            spans.push(Exported {
                name: text(&span["name"]),
                trace: text(&span["traceId"]),
                span: text(&span["spanId"]),
                parent: text(&span["parentSpanId"]),
            });
        }
        for log in below(&line, ["resourceLogs", "scopeLogs", "logRecords"]) {
            let attribute = |key: &str| {
                let mut attributes = log["attributes"].as_array()?.iter();
                let value = &attributes.find(|attribute| attribute["key"] == key)?["value"];
                value.as_object()?.values().next().map(text)
            };
            let (Some(place), Some(request)) = (attribute("place"), attribute("request")) else {
                continue;
            };
            let heard = Heard {
                trace: text(&log["traceId"]),
                traceparent: attribute("traceparent").unwrap_or_default(),
            };
            let twice = logs.insert((place, request.parse()?), heard);
            ensure(twice.is_none(), || format!("heard twice: {twice:?}"))?;
        }
    }
    Ok((spans, logs))
}

fn below<'a>(line: &'a Value, path: [&str; 3]) -> Vec<&'a Value> {
    path.iter().fold(vec![line], |values, key| {
        let children = values.into_iter().filter_map(|value| value[key].as_array());
        children.flatten().collect()
    })
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
        .replace("null", "")
}
