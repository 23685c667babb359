//! A listener that closes when the service drains, and drops nobody who was
//! already there.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Phase;

pub(super) struct Closing {
    open: Option<TcpListener>,
    address: SocketAddr,
    /// Those who had connected when it closed.
    last: VecDeque<(TcpStream, SocketAddr)>,
    phase: watch::Receiver<Phase>,
}

impl Closing {
    pub(super) fn new(listener: TcpListener, phase: watch::Receiver<Phase>) -> io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            open: Some(listener),
            last: VecDeque::new(),
            phase,
        })
    }

    /// Takes whom the operating system has connected already, and closes. No
    /// more than its backlog, and without waiting, so that hardly anybody can
    /// connect in between.
    fn close(&mut self) {
        let Some(Ok(listener)) = self.open.take().map(TcpListener::into_std) else {
            return;
        };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).map(|()| stream);
            if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                self.last.push_back((stream, peer));
            }
        }
    }
}

impl Listener for Closing {
    type Io = TcpStream;
    type Addr = SocketAddr;

    /// Never resolves once it is closed and empty.
    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(open) = &mut self.open {
            // Closing comes first, or a busy listener would never close.
            tokio::select! {
                biased;
                _ = self.phase.wait_for(|phase| *phase == Phase::Draining) => {}
                accepted = Listener::accept(open) => return accepted,
            }
            self.close();
        }
        match self.last.pop_front() {
            Some(accepted) => accepted,
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_had_connected_when_it_closed_is_taken_and_nobody_else() {
        let phase = watch::Sender::new(Phase::Serving);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut closing = Closing::new(listener, phase.subscribe()).unwrap();
        // The operating system connects them; nobody has taken them yet.
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        phase.send_replace(Phase::Draining);
        for client in &clients {
            let (_stream, peer) = closing.accept().await;
            assert_eq!(peer, client.local_addr().unwrap());
        }
        assert!(TcpStream::connect(address).await.is_err());
        let nobody = tokio::time::timeout(Duration::from_millis(10), closing.accept()).await;
        assert!(nobody.is_err());
    }
}
