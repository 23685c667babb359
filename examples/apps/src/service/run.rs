//! A service on a port, from its start to its end.
//!
//! ```text
//!  stop ─▶ /ready says 503, and every answer closes its connection
//!       ─▶ the listener takes those who have connected already, and closes
//!       ─▶ after `linger` connections without a request are closed
//!       ─▶ what was accepted is answered, for as long as `grace` says
//!       ─▶ the system shuts down
//! ```

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use callboard::prelude::*;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::listener::Closing;
use super::settings::InvalidSettings;
use super::tally::Counted;
use super::{Phase, Service, Settings, router};

/// How long the system has to shut down, when all requests are answered.
const SHUTDOWN: Duration = secs(5);

/// A service that has its port.
#[derive(Debug)]
pub struct Server {
    service: Service,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the port. Nothing is answered yet.
    ///
    /// # Errors
    ///
    /// [`RunError`]: settings that do not fit, or a port that is taken.
    pub async fn bind(settings: Settings) -> Result<Self, RunError> {
        let listen = settings.listen;
        let service = Service::new(settings)?;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| RunError::Listen(listen, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| RunError::Listen(listen, error))?;
        Ok(Self {
            service,
            listener,
            address,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The service behind it.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Serves until `stop` resolves, and then finishes what was accepted, for as
    /// long as the settings' `grace`; connections without a request are closed
    /// after their `linger`. `is_up` runs when the service is ready; `stop` has been
    /// polled by then.
    ///
    /// # Errors
    ///
    /// [`RunError::Start`]: the pool did not start.
    pub async fn run(
        self,
        stop: impl Future<Output = ()>,
        is_up: impl FnOnce(SocketAddr),
    ) -> Result<Report, RunError> {
        let Self {
            service,
            listener,
            address,
        } = self;
        let Settings { grace, linger, .. } = *service.settings();
        let listener = Closing::new(listener, service.phase())
            .map_err(|error| RunError::Listen(address, error))?;
        let serving = axum::serve(listener, router(&service))
            .with_graceful_shutdown(lingered(service.phase(), linger));
        let mut serving = pin!(serving.into_future());
        let start = async {
            service.start().await.map_err(RunError::Start)?;
            is_up(address);
            pending::<Result<(), RunError>>().await
        };
        // `stop` first, so that it listens before anybody is told to come.
        let ended = tokio::select! {
            biased;
            () = stop => Ok(()),
            failed = start => failed,
            ended = &mut serving => ended.map_err(|error| RunError::Listen(address, error)),
        };
        service.drain();
        // Those cut off here end with the process.
        let _ = tokio::time::timeout(grace, serving).await;
        let requests = service.tally().counted();
        let _ = service.system().shutdown(SHUTDOWN).await;
        ended.map(|()| Report { requests })
    }
}

/// Resolves a while after the service began to drain.
async fn lingered(mut phase: watch::Receiver<Phase>, linger: Duration) {
    let _ = phase.wait_for(|phase| *phase == Phase::Draining).await;
    tokio::time::sleep(linger).await;
}

/// What a service did in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// What became of the requests.
    pub requests: Counted,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted {
            served,
            refused,
            invalid,
            abandoned,
            unfinished,
        } = self.requests;
        write!(
            f,
            "served {served}, refused {refused}, unfinished {unfinished} \
             (invalid {invalid}, abandoned by their clients {abandoned})"
        )
    }
}

/// Why a service did not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The settings make no sense.
    Settings(InvalidSettings),
    /// It cannot listen there.
    Listen(SocketAddr, io::Error),
    /// The pool did not start.
    Start(StartError),
}

impl From<InvalidSettings> for RunError {
    fn from(invalid: InvalidSettings) -> Self {
        Self::Settings(invalid)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(invalid) => invalid.fmt(f),
            Self::Listen(address, _) => write!(f, "cannot listen on {address}"),
            Self::Start(_) => f.write_str("the workers did not start"),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Settings(invalid) => invalid.source(),
            Self::Listen(_, error) => Some(error),
            Self::Start(error) => Some(error),
        }
    }
}
