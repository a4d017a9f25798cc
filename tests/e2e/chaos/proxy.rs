//! A proxy in front of an OTLP receiver that fails on demand.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::Outcome;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Connections are closed, nobody listens.
    Killed,
    /// Connections are taken and stay, and no byte goes through.
    Paused,
    /// Every request is read and answered with 503.
    Unavailable,
    /// Connections are reset, new ones after the first bytes.
    Resets,
    /// About 300 KB go through in a second.
    Slow,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] = [
        Self::Killed,
        Self::Paused,
        Self::Unavailable,
        Self::Resets,
        Self::Slow,
    ];
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    fault: watch::Sender<Fault>,
    /// Ends with the proxy, and every connection with it.
    _runtime: Runtime,
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (fault, faults) = watch::channel(Fault::None);
        runtime.spawn(listen(listener, address, upstream, faults));
        Ok(Self {
            address,
            fault,
            _runtime: runtime,
        })
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

async fn listen(
    mut listener: TcpListener,
    address: SocketAddr,
    upstream: SocketAddr,
    faults: watch::Receiver<Fault>,
) -> io::Result<()> {
    let killed = |fault: &Fault| *fault == Fault::Killed;
    let mut waiting = faults.clone();
    loop {
        tokio::select! {
            end = waiting.wait_for(killed) => drop(end.map_err(io::Error::other)?),
            stream = listener.accept() => {
                let (client, _) = stream?;
                // How a connection ends is up to the fault.
                tokio::spawn(connection(client, upstream, faults.clone()));
                continue;
            }
        }
        drop(listener);
        let back = waiting.wait_for(|fault| !killed(fault)).await;
        drop(back.map_err(io::Error::other)?);
        listener = TcpListener::bind(address).await?;
    }
}

async fn connection(
    mut client: TcpStream,
    upstream: SocketAddr,
    mut faults: watch::Receiver<Fault>,
) -> io::Result<()> {
    if *faults.borrow_and_update() == Fault::Unavailable {
        return unavailable(client).await;
    }
    let mut server = TcpStream::connect(upstream).await?;
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    loop {
        let fault = *faults.borrow_and_update();
        match fault {
            Fault::Killed | Fault::Unavailable => return Ok(()),
            Fault::Paused => {
                faults.changed().await.map_err(io::Error::other)?;
                continue;
            }
            Fault::Resets => {
                client.readable().await?;
                return client.set_zero_linger();
            }
            Fault::None | Fault::Slow => {}
        }
        tokio::select! {
            changed = faults.changed() => changed.map_err(io::Error::other)?,
            read = client.read(&mut up) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                if fault == Fault::Slow {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                server.write_all(&up[..read]).await?;
            }
            read = server.read(&mut down) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                client.write_all(&down[..read]).await?;
            }
        }
    }
}

/// Reads one request to its end, or the answer would be lost with the rest of it.
async fn unavailable(mut client: TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let answer =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    client.write_all(answer.as_bytes()).await
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let lines = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length = lines
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse().ok());
    request.len() - head - 4 >= length.unwrap_or(0)
}
