//! Taking the port.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use tokio::runtime::Handle;

use super::connection::{Limits, Running};
use super::routes::Routes;
use super::scrape::{Scrapes, Source};
use super::token::Token;

/// Why the listener could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process, or this one, listens on the port.
    #[error(
        "port {port} on `{host}` is taken, so Prometheus metrics cannot be served there: set \
         OTEL_EXPORTER_PROMETHEUS_PORT to a free port (0 takes any) or stop what listens on {port}"
    )]
    PortTaken {
        /// The host that was asked for.
        host: String,
        /// The port that was asked for.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The host is not a name or an address of this machine.
    #[error(
        "cannot listen on `{host}:{port}` for Prometheus: set OTEL_EXPORTER_PROMETHEUS_HOST to an address of this \
         machine, such as `localhost` or `0.0.0.0`, and OTEL_EXPORTER_PROMETHEUS_PORT to a port it may use"
    )]
    Bind {
        /// The host that was asked for.
        host: String,
        /// The port that was asked for.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
}

/// A port that is taken and not yet served.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<tokio::net::TcpListener>,
    address: SocketAddr,
    pub(super) limits: Limits,
    token: Option<Token>,
    runtime: Handle,
}

impl Listener {
    /// Takes the port on every address that the host resolves to; `localhost` is the loopback of IPv4 and of IPv6.
    ///
    /// Addresses that this machine does not have are passed over as long as one works. Port zero takes a free port,
    /// the same on all addresses. Connections will be served on `runtime`, which needs its I/O and time drivers.
    ///
    /// # Errors
    /// When the port is taken on one of the addresses, or none of them can be listened on.
    pub fn bind(host: &str, port: u16, runtime: &Handle) -> Result<Self, Error> {
        let bind_error = |source| Error::Bind {
            host: host.to_owned(),
            port,
            source,
        };
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut address = None;
        let mut refused = None;
        for resolved in (host, port).to_socket_addrs().map_err(bind_error)? {
            // With port zero the first address chooses, the others follow.
            let chosen = address.map_or(port, |first: SocketAddr| first.port());
            match listen(SocketAddr::new(resolved.ip(), chosen)) {
                Ok((listener, local)) => {
                    address.get_or_insert(local);
                    listeners.push(listener);
                }
                Err(source) if source.kind() == io::ErrorKind::AddrInUse && port != 0 => {
                    return Err(Error::PortTaken {
                        host: host.to_owned(),
                        port,
                        source,
                    });
                }
                Err(source) => refused = Some(source),
            }
        }
        let Some(address) = address else {
            return Err(bind_error(
                refused.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()),
            ));
        };
        // Registering a socket needs the runtime that will drive it.
        let _entered = runtime.enter();
        let sockets = listeners
            .into_iter()
            .map(tokio::net::TcpListener::from_std)
            .collect::<Result<_, _>>();
        Ok(Self {
            sockets: sockets.map_err(bind_error)?,
            address,
            limits: Limits::default(),
            token: None,
            runtime: runtime.clone(),
        })
    }

    /// Answers only requests that show this token as `Authorization: Bearer …`. Defaults to none.
    ///
    /// Without TLS the token travels readable: this keeps out neighbours, not whoever sees the traffic.
    pub fn with_bearer_token(self, token: &str) -> Self {
        Self {
            token: Some(Token::new(token)),
            ..self
        }
    }

    /// The first address that is listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Starts to answer.
    pub fn serve(self, source: Arc<dyn Source>) -> Running {
        let routes = Routes::new(Scrapes::new(source), self.token);
        Running::start(
            self.sockets,
            self.address,
            routes,
            self.limits,
            &self.runtime,
        )
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}
