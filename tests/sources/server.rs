//! A server on a loopback port of its own, until it is dropped.

use std::net::SocketAddr;

use axum::Router;
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Server {
    /// Taken in drop.
    runtime: Option<Runtime>,
    address: SocketAddr,
}

impl Server {
    /// Serves `app` over HTTP/1.1 and HTTP/2.
    pub(crate) fn start(app: Router) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            runtime: Some(runtime),
            address,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
