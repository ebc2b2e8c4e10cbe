//! An address that leads to one server and later to another, as a floating IP or a DNS name does in a failover.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// It listens on a port of loopback until it is dropped.
pub struct Address {
    port: u16,
    target: watch::Sender<u16>,
    task: JoinHandle<()>,
}

impl Address {
    /// One that leads to a port of loopback.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn of(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let target = watch::Sender::new(target);
        let task = tokio::spawn(lead(listener, target.subscribe()));
        Self { port, target, task }
    }

    /// On loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on it leads there, and what was connected before is cut.
    pub fn leads_to(&self, target: u16) {
        self.target.send_replace(target);
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(listener: TcpListener, mut target: watch::Receiver<u16>) {
    loop {
        let port = *target.borrow_and_update();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = target.changed() => break,
                accepted = listener.accept() => if let Ok((mut from, _)) = accepted {
                    connections.spawn(async move {
                        let there = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                        if let Ok(mut to) = TcpStream::connect(there).await {
                            // Which side ends it does not matter.
                            let _ = copy_bidirectional(&mut from, &mut to).await;
                        }
                    });
                }
            }
        }
    }
}
