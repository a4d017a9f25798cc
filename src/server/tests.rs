//! Real sockets on the loopback, port zero.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::connection::Limits;
use super::packing::Packing;
use super::scrape::{Scrapes, Variant};
use super::*;
use crate::exposition::Format;

/// Far above what any of these tests takes: reaching it is a failure.
const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn bearer_token_is_asked_for_where_one_is_set() {
    let runtime = runtime();
    let listener = Listener::bind("localhost", 0, runtime.handle()).unwrap();
    let running = listener.with_bearer_token("s3cret").serve(Arc::new(hello));
    let address = running.local_addr();
    let status = |header: &str| ask(address, "GET", "/metrics", header).status;
    let refused = get(address, "/metrics");
    assert_eq!(
        (refused.status, refused.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    assert_eq!(status("authorization: Bearer s3cret\r\n"), 200);
    assert_eq!(status("authorization: bearer s3cret\r\n"), 200);
    for wrong in [
        "Bearer s3cre",
        "Bearer s3cretx",
        "Bearer S3CRET",
        "Bearer",
        "Basic s3cret",
        "s3cret",
    ] {
        assert_eq!(
            status(&format!("authorization: {wrong}\r\n")),
            401,
            "{wrong}"
        );
    }
}

#[test]
fn bearer_token_is_not_in_debug_output() {
    let runtime = runtime();
    let listener = Listener::bind("localhost", 0, runtime.handle())
        .unwrap()
        .with_bearer_token("s3cret");
    assert!(!format!("{listener:?}").contains("s3cret"));
}

fn serve(runtime: &Runtime, source: impl Fn(Format) -> String + Send + Sync + 'static) -> Running {
    Listener::bind("localhost", 0, runtime.handle())
        .unwrap()
        .serve(Arc::new(source))
}

/// Serves with other limits than the default ones.
fn serve_within(runtime: &Runtime, limits: Limits) -> Running {
    let mut listener = Listener::bind("localhost", 0, runtime.handle()).unwrap();
    listener.limits = limits;
    listener.serve(Arc::new(hello))
}

fn hello(format: Format) -> String {
    format!("page in {format:?}\n")
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// One request on a connection of its own.
fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = connect(address);
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    read_all(stream)
}

fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "")
}

fn read_all(stream: TcpStream) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(
            reader.read_line(&mut head).unwrap(),
            0,
            "connection closed after {head:?}"
        );
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = Vec::new();
    reader.read_to_end(&mut body).unwrap();
    Answer { status, head, body }
}

/// Waits for a condition, with a deadline.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < LONG, "{what} did not happen");
        thread::yield_now();
    }
}

#[test]
fn metrics_are_served_in_the_negotiated_format() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let plain = get(running.local_addr(), "/metrics");
    assert_eq!((plain.status, plain.text()), (200, "page in Text\n"));
    assert_eq!(
        plain.header("content-type"),
        Some(Format::Text.content_type())
    );
    let open = ask(
        running.local_addr(),
        "GET",
        "/metrics",
        "accept: application/openmetrics-text\r\n",
    );
    assert_eq!(open.text(), "page in OpenMetrics\n");
    assert_eq!(
        open.header("content-type"),
        Some(Format::OpenMetrics.content_type())
    );
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let head = ask(running.local_addr(), "HEAD", "/metrics", "");
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, Some("13"), 0)
    );
}

#[test]
fn root_links_to_the_metrics() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let root = get(running.local_addr(), "/");
    assert!(
        root.status == 200 && root.text().contains("href=\"/metrics\""),
        "{root:?}"
    );
}

#[test]
fn other_paths_are_not_found() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    assert_eq!(get(running.local_addr(), "/metrics/x").status, 404);
    assert_eq!(ask(running.local_addr(), "POST", "/x", "").status, 404);
}

#[test]
fn other_methods_are_refused_with_the_allowed_ones() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let refused = ask(
        running.local_addr(),
        "POST",
        "/metrics",
        "content-length: 0\r\n",
    );
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn query_is_ignored() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    assert_eq!(get(running.local_addr(), "/metrics?format=x").status, 200);
}

#[test]
fn taken_port_is_an_error_that_names_the_port_and_the_variable() {
    let runtime = runtime();
    let taken = Listener::bind("127.0.0.1", 0, runtime.handle()).unwrap();
    let port = taken.local_addr().port();
    let error = Listener::bind("localhost", port, runtime.handle()).unwrap_err();
    let words = error.to_string();
    assert!(matches!(error, Error::PortTaken { .. }), "{error:?}");
    assert!(
        words.contains(&port.to_string()) && words.contains("OTEL_EXPORTER_PROMETHEUS_PORT"),
        "{words}"
    );
}

#[test]
fn unknown_host_is_an_error_that_names_the_variable() {
    let runtime = runtime();
    // An address for documentation (RFC 5737): no machine has it, and nothing has to be resolved.
    let error = Listener::bind("192.0.2.1", 0, runtime.handle()).unwrap_err();
    assert!(matches!(error, Error::Bind { .. }), "{error:?}");
    assert!(
        error.to_string().contains("OTEL_EXPORTER_PROMETHEUS_HOST"),
        "{error}"
    );
}

#[test]
fn port_is_free_again_after_stop() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let port = running.local_addr().port();
    assert_eq!(running.stop(LONG), Stopped::Gracefully);
    Listener::bind("localhost", port, runtime.handle()).unwrap();
}

#[test]
fn panicking_source_is_answered_with_500_and_asked_again() {
    let runtime = runtime();
    let calls = AtomicUsize::new(0);
    let running = serve(&runtime, move |format| {
        assert!(
            calls.fetch_add(1, Ordering::Relaxed) > 0,
            "a callback of the application fails"
        );
        hello(format)
    });
    assert_eq!(get(running.local_addr(), "/metrics").status, 500);
    assert_eq!(get(running.local_addr(), "/metrics").status, 200);
}

#[test]
fn too_large_head_is_refused() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let header = format!("x: {}\r\n", "y".repeat(12 * 1024));
    assert_eq!(
        ask(running.local_addr(), "GET", "/metrics", &header).status,
        200
    );
    let mut stream = connect(running.local_addr());
    let header = format!("x: {}\r\n", "y".repeat(20 * 1024));
    write!(stream, "GET /metrics HTTP/1.1\r\n{header}").unwrap();
    assert_eq!(read_all(stream).status, 431);
}

const SHORT: Duration = Duration::from_millis(50);

/// What the other side still sends until it closes.
fn rest(mut stream: TcpStream) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    rest
}

#[test]
fn client_that_does_not_finish_its_request_is_cut_off() {
    let runtime = runtime();
    let limits = Limits {
        first_request: SHORT,
        ..Limits::default()
    };
    let running = serve_within(&runtime, limits);
    let mut slow = connect(running.local_addr());
    write!(slow, "GET /metrics HTTP/1.1\r\nhost:").unwrap();
    assert_eq!(rest(slow), "");
}

#[test]
fn idle_connection_is_closed() {
    let runtime = runtime();
    let limits = Limits {
        first_request: LONG * 2,
        after_request: SHORT,
        ..Limits::default()
    };
    let running = serve_within(&runtime, limits);
    let mut idle = connect(running.local_addr());
    write!(idle, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(rest(idle).ends_with("page in Text\n"));
}

#[test]
fn connections_above_the_limit_wait_for_their_turn() {
    let runtime = runtime();
    let running = serve_within(
        &runtime,
        Limits {
            connections: 1,
            ..Limits::default()
        },
    );
    let address = running.local_addr();
    let mut first = connect(address);
    write!(first, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_ne!(first.read(&mut [0; 1024]).unwrap(), 0);
    let mut second = connect(address);
    write!(
        second,
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    second.set_read_timeout(Some(SHORT)).unwrap();
    assert!(
        second.read(&mut [0; 1]).is_err(),
        "answered while the only place is taken"
    );
    drop(first);
    second.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(read_all(second).status, 200);
}

#[test]
fn connections_are_reused() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let mut stream = connect(running.local_addr());
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\nGET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut both = String::new();
    stream.read_to_string(&mut both).unwrap();
    assert_eq!(both.matches("page in Text").count(), 2, "{both}");
}

/// A source that reports when it is asked and waits to be let go on.
fn gated() -> (
    impl Fn(Format) -> String + Send + Sync,
    mpsc::Receiver<usize>,
    mpsc::Sender<()>,
) {
    let (entered, entries) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let calls = AtomicUsize::new(0);
    let source = move |_| {
        let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
        entered.send(call).unwrap();
        gate.lock().unwrap().recv_timeout(LONG).unwrap();
        format!("collection {call}")
    };
    (source, entries, go)
}

const PLAIN: Variant = Variant {
    format: Format::Text,
    packing: Packing::Plain,
};

#[test]
fn scrapes_that_wait_share_the_next_collection() {
    let runtime = runtime();
    let (source, entries, go) = gated();
    let scrapes = Scrapes::new(Arc::new(source));
    let scrape = || {
        let scrapes = scrapes.clone();
        runtime.spawn(async move { scrapes.page(PLAIN).await.unwrap() })
    };
    let first = scrape();
    assert_eq!(entries.recv_timeout(LONG), Ok(1));
    let (second, third) = (scrape(), scrape());
    wait_until("two scrapes waiting", || scrapes.waiting() == 2);
    go.send(()).unwrap();
    go.send(()).unwrap();
    let pages = runtime.block_on(async {
        (
            first.await.unwrap(),
            second.await.unwrap(),
            third.await.unwrap(),
        )
    });
    assert_eq!(pages.0, "collection 1");
    assert_eq!(
        (pages.1, pages.2),
        ("collection 2".into(), "collection 2".into())
    );
}

#[test]
fn scrape_after_the_end_of_a_collection_starts_another() {
    let runtime = runtime();
    let calls = AtomicUsize::new(0);
    let source = move |_| format!("collection {}", calls.fetch_add(1, Ordering::Relaxed) + 1);
    let scrapes = Scrapes::new(Arc::new(source));
    for expected in ["collection 1", "collection 2"] {
        assert_eq!(runtime.block_on(scrapes.page(PLAIN)).unwrap(), expected);
    }
}

#[test]
fn waiting_scrape_of_another_format_gets_its_own() {
    let runtime = runtime();
    let (entered, entries) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let source = move |format| {
        entered.send(()).unwrap();
        gate.lock().unwrap().recv_timeout(LONG).unwrap();
        hello(format)
    };
    let scrapes = Scrapes::new(Arc::new(source));
    let scrape = |format| {
        let scrapes = scrapes.clone();
        runtime.spawn(async move { scrapes.page(Variant { format, ..PLAIN }).await.unwrap() })
    };
    let first = scrape(Format::Text);
    entries.recv_timeout(LONG).unwrap();
    let (text, open) = (scrape(Format::Text), scrape(Format::OpenMetrics));
    wait_until("two scrapes waiting", || scrapes.waiting() == 2);
    for _ in 0..3 {
        go.send(()).unwrap();
    }
    let pages = runtime.block_on(async {
        (
            first.await.unwrap(),
            text.await.unwrap(),
            open.await.unwrap(),
        )
    });
    assert_eq!(
        (pages.1, pages.2),
        ("page in Text\n".into(), "page in OpenMetrics\n".into())
    );
}

#[test]
fn slow_collection_does_not_block_the_runtime() {
    let runtime = runtime();
    let (source, entries, go) = gated();
    let running = serve(&runtime, source);
    let address = running.local_addr();
    let scrape = thread::spawn(move || get(address, "/metrics"));
    entries.recv_timeout(LONG).unwrap();
    assert_eq!(get(address, "/").status, 200);
    go.send(()).unwrap();
    assert_eq!(scrape.join().unwrap().text(), "collection 1");
}

#[test]
fn stop_lets_a_running_scrape_finish() {
    let runtime = runtime();
    let (source, entries, go) = gated();
    let running = serve(&runtime, source);
    let address = running.local_addr();
    let scrape = thread::spawn(move || get(address, "/metrics"));
    entries.recv_timeout(LONG).unwrap();
    let stopping = thread::spawn(move || running.stop(LONG));
    wait_until("the port to close", || TcpStream::connect(address).is_err());
    go.send(()).unwrap();
    assert_eq!(scrape.join().unwrap().text(), "collection 1");
    assert_eq!(stopping.join().unwrap(), Stopped::Gracefully);
}

#[test]
fn stop_closes_idle_connections_at_once() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let mut idle = connect(running.local_addr());
    write!(idle, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_ne!(idle.read(&mut [0; 1024]).unwrap(), 0);
    let started = Instant::now();
    assert_eq!(running.stop(LONG), Stopped::Gracefully);
    assert!(started.elapsed() < LONG / 2);
}

#[test]
fn stop_cuts_off_what_outlives_the_deadline() {
    let runtime = runtime();
    let (source, entries, go) = gated();
    let running = serve(&runtime, source);
    let mut stream = connect(running.local_addr());
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    entries.recv_timeout(LONG).unwrap();
    assert_eq!(running.stop(Duration::from_millis(20)), Stopped::CutOff);
    let mut answer = Vec::new();
    // Closed or reset, both without an answer.
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    go.send(()).unwrap();
}

#[test]
fn dropping_the_listener_closes_it() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let address = running.local_addr();
    drop(running);
    wait_until("the port to close", || TcpStream::connect(address).is_err());
}

#[cfg(feature = "gzip")]
#[test]
fn page_is_compressed_when_asked() {
    let runtime = runtime();
    let running = serve(&runtime, hello);
    let packed = ask(
        running.local_addr(),
        "GET",
        "/metrics",
        "accept-encoding: deflate, gzip;q=0.5\r\n",
    );
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut page = String::new();
    flate2::read::GzDecoder::new(&packed.body[..])
        .read_to_string(&mut page)
        .unwrap();
    assert_eq!(page, "page in Text\n");
    let refused = ask(
        running.local_addr(),
        "GET",
        "/metrics",
        "accept-encoding: gzip;q=0\r\n",
    );
    assert_eq!(
        (refused.header("content-encoding"), refused.text()),
        (None, "page in Text\n")
    );
}
