//! Accepting connections, bounding them, ending them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::routes::Routes;

/// The most that a request's head may take, in bytes. Prometheus sends half a kilobyte.
const HEAD_LIMIT: usize = 16 * 1024;

/// The pause after a failed accept: without it a process out of file descriptors would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// What clients may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at a time; more wait in the backlog of the system.
    pub(super) connections: usize,
    /// How long a new connection may take until the head of its first request is complete.
    pub(super) first_request: Duration,
    /// How long a connection may stay after the head of its latest request has arrived, be it that the answer is not
    /// read or that no other request follows.
    pub(super) after_request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A dozen scrapers need a dozen, the rest is room for clients that do not close. Each costs its buffers,
            // of `HEAD_LIMIT` at most, and a share in the page being sent.
            connections: 64,
            first_request: Duration::from_secs(10),
            // Above the usual scrape interval of one minute, so that connections are reused.
            after_request: Duration::from_secs(90),
        }
    }
}

/// When to end: not yet, or gracefully with everything closed by then.
type End = Option<Instant>;

/// A listener at work. Dropping it closes everything at once; [`stop`](Self::stop) lets running answers finish.
#[derive(Debug)]
#[must_use = "dropping it closes the listener"]
pub struct Running {
    address: SocketAddr,
    end: Arc<watch::Sender<End>>,
    runtime: Handle,
    failed_accepts: Arc<AtomicU64>,
    cut_off: Arc<AtomicBool>,
}

/// How a listener came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every answer was finished.
    Gracefully,
    /// The deadline came first; what was left was cut off.
    CutOff,
}

impl Running {
    pub(super) fn start(
        sockets: Vec<TcpListener>,
        address: SocketAddr,
        routes: Routes,
        limits: Limits,
        runtime: &Handle,
    ) -> Self {
        let (sender, end) = watch::channel(None);
        let failed_accepts = Arc::new(AtomicU64::new(0));
        let cut_off = Arc::new(AtomicBool::new(false));
        let service = Service {
            routes,
            limits,
            end,
            cut_off: Arc::clone(&cut_off),
        };
        let permits = Arc::new(Semaphore::new(limits.connections));
        for socket in sockets {
            let acceptor = Acceptor {
                socket,
                service: service.clone(),
                permits: Arc::clone(&permits),
                failed: Arc::clone(&failed_accepts),
            };
            runtime.spawn(acceptor.run());
        }
        Self {
            address,
            end: Arc::new(sender),
            runtime: runtime.clone(),
            failed_accepts,
            cut_off,
        }
    }

    /// The first address that is listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How often a connection could not be accepted, most likely for want of file descriptors.
    pub fn failed_accepts(&self) -> u64 {
        self.failed_accepts.load(Ordering::Relaxed)
    }

    /// Frees the port, lets answers that are being made or sent finish, and closes what is left after `deadline`.
    ///
    /// Blocks the calling thread for at most that long. That may be a thread of any runtime but the one that serves.
    pub fn stop(self, deadline: Duration) -> Stopped {
        self.end.send_replace(Some(Instant::now() + deadline));
        let (done, all_done) = mpsc::sync_channel(1);
        let end = Arc::clone(&self.end);
        self.runtime.spawn(async move {
            end.closed().await;
            // Fails only if the deadline has passed and nobody listens any more.
            let _ = done.send(());
        });
        match all_done.recv_timeout(deadline) {
            // The message above comes after the store: it is seen here.
            Ok(()) if !self.cut_off.load(Ordering::Acquire) => Stopped::Gracefully,
            _ => Stopped::CutOff,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end.send_if_modified(|end| {
            let running = end.is_none();
            if running {
                *end = Some(Instant::now());
            }
            running
        });
    }
}

/// Accepts on one socket.
#[derive(Debug)]
struct Acceptor {
    socket: TcpListener,
    service: Service,
    permits: Arc<Semaphore>,
    failed: Arc<AtomicU64>,
}

impl Acceptor {
    async fn run(mut self) {
        loop {
            let accepted = tokio::select! {
                _ = self.service.end.changed() => return,
                accepted = accept(&self.socket, &self.permits) => accepted,
            };
            let Ok((stream, permit)) = accepted else {
                self.failed.fetch_add(1, Ordering::Relaxed);
                tokio::select! {
                    _ = self.service.end.changed() => return,
                    () = sleep(ACCEPT_PAUSE) => continue,
                }
            };
            let service = self.service.clone();
            tokio::spawn(async move {
                service.serve(stream).await;
                drop(permit);
            });
        }
    }
}

/// The next connection, once there is room for it.
async fn accept(
    socket: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await;
    let permit = permit.expect("the semaphore is never closed");
    let (stream, _) = socket.accept().await?;
    Ok((stream, permit))
}

/// What every connection needs.
#[derive(Debug, Clone)]
struct Service {
    routes: Routes,
    limits: Limits,
    end: watch::Receiver<End>,
    cut_off: Arc<AtomicBool>,
}

impl Service {
    /// Serves one connection until either side is done with it or its time is over.
    async fn serve(mut self, stream: TcpStream) {
        // Pages are written whole; waiting for more would only delay them. A socket that refuses still works.
        let _ = stream.set_nodelay(true);
        let (requests, mut latest) = watch::channel(());
        let service = service_fn(|request| {
            requests.send_replace(());
            let routes = self.routes.clone();
            async move { Ok::<_, Infallible>(routes.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .max_buf_size(HEAD_LIMIT)
            // The deadline below covers it.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut deadline = Instant::now() + self.limits.first_request;
        let mut ending = false;
        loop {
            tokio::select! {
                // A client that breaks off is its own business.
                _ = connection.as_mut() => return,
                Ok(()) = latest.changed(), if !ending => deadline = Instant::now() + self.limits.after_request,
                _ = self.end.changed(), if !ending => {
                    ending = true;
                    deadline = self.end.borrow().unwrap_or_else(Instant::now);
                    connection.as_mut().graceful_shutdown();
                }
                () = sleep_until(deadline) => {
                    if ending {
                        self.cut_off.store(true, Ordering::Release);
                    }
                    return;
                }
            }
        }
    }
}
