//! Requests over HTTP/1.1, on connections that are kept.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::report::Outcome;

type Connection = SendRequest<Full<Bytes>>;

#[derive(Default)]
struct Connections {
    /// Those without a request, the one that was used longest ago first: so all
    /// of them are used, and none is idle for long.
    idle: VecDeque<Connection>,
    /// What moves their bytes; ends with the client.
    tasks: JoinSet<()>,
}

/// Sends requests to one server, each on a connection of its own. Cheap to
/// clone.
#[derive(Clone)]
pub struct Client {
    server: SocketAddr,
    timeout: Duration,
    connections: Arc<Mutex<Connections>>,
}

impl Client {
    /// A client that waits no longer than `timeout` for an answer.
    #[must_use]
    pub fn new(server: SocketAddr, timeout: Duration) -> Self {
        Self {
            server,
            timeout,
            connections: Arc::default(),
        }
    }

    /// Posts JSON and reads all of the answer.
    ///
    /// Besides what the server says there is `no connection`, which the server
    /// never saw; `no whole answer`, where the connection broke; and `no answer
    /// in time`.
    pub async fn post(self, path: &str, json: Bytes) -> Outcome {
        let request = Request::post(path)
            .header(HOST, self.server.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(json));
        let Ok(request) = request else {
            return Outcome::Other(format!("{path} is no path"));
        };
        match timeout(self.timeout, self.exchange(request)).await {
            Ok(Ok(status)) => status.into(),
            Ok(Err(broken)) => Outcome::Other(broken.into()),
            Err(_) => Outcome::Other("no answer in time".into()),
        }
    }

    async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, &'static str> {
        loop {
            let mut connection = match self.take_idle() {
                Some(connection) => connection,
                None => self.connect().await.ok_or("no connection")?,
            };
            let response = match connection.try_send_request(request).await {
                Ok(response) => response,
                Err(mut error) => match error.take_message() {
                    // Nothing of it was sent: the connection had been closed.
                    Some(unsent) => {
                        request = unsent;
                        continue;
                    }
                    None => return Err("no whole answer"),
                },
            };
            let status = response.status();
            let body = response.into_body().collect().await;
            body.map_err(|_| "no whole answer")?;
            if connection.ready().await.is_ok() {
                self.lock().idle.push_back(connection);
            }
            return Ok(status);
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut connections = self.lock();
        std::iter::from_fn(|| connections.idle.pop_front()).find(Connection::is_ready)
    }

    async fn connect(&self) -> Option<Connection> {
        let stream = TcpStream::connect(self.server).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        let mut connections = self.lock();
        while connections.tasks.try_join_next().is_some() {}
        connections.tasks.spawn(async move {
            // How it ends is seen by who sends.
            let _ = connection.await;
        });
        Some(sender)
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.server)
    }
}
