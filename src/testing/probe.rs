//! An actor that shows what it was told.

use std::fmt;

use tokio::sync::mpsc;

use super::PATIENCE;
use crate::actor::{Actor, ActorRef, BoxError, ChildSpec, Context, System};
use crate::supervision::StartError;

/// Messages that a probe holds before its senders wait.
const CAPACITY: usize = 1_024;

struct Recorder<M> {
    seen: mpsc::Sender<M>,
}

impl<M: Send + 'static> Actor for Recorder<M> {
    type Msg = M;

    async fn handle(&mut self, msg: M, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        // The probe is gone: nobody wants to see it.
        let _ = self.seen.send(msg).await;
        Ok(())
    }
}

/// An actor that shows what it was told, in order.
pub struct Probe<M> {
    actor: ActorRef<M>,
    seen: mpsc::Receiver<M>,
}

impl<M: Send + 'static> Probe<M> {
    /// Starts a probe under the system's root.
    ///
    /// # Errors
    ///
    /// As [`System::spawn`].
    pub async fn start(system: &System, name: &str) -> Result<Self, StartError> {
        let (tx, seen) = mpsc::channel(CAPACITY);
        let spec = ChildSpec::new(name, move || Recorder { seen: tx.clone() });
        Ok(Self {
            actor: system.spawn(spec).await?,
            seen,
        })
    }

    /// The reference to tell it things.
    #[must_use]
    pub fn actor(&self) -> ActorRef<M> {
        self.actor.clone()
    }

    /// The next message.
    ///
    /// # Panics
    ///
    /// If none comes within [`PATIENCE`].
    pub async fn next(&mut self) -> M {
        match tokio::time::timeout(PATIENCE, self.seen.recv()).await {
            Ok(Some(msg)) => msg,
            _ => panic!("probe {} was told nothing more", self.actor.path()),
        }
    }

    /// The next `count` messages.
    ///
    /// # Panics
    ///
    /// As [`Probe::next`].
    pub async fn take(&mut self, count: usize) -> Vec<M> {
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(self.next().await);
        }
        all
    }

    /// Asserts that nothing waits to be seen.
    ///
    /// # Panics
    ///
    /// If something does.
    #[track_caller]
    pub fn assert_quiet(&mut self) {
        assert!(
            self.seen.try_recv().is_err(),
            "probe {} was told something unexpected",
            self.actor.path()
        );
    }
}

impl<M: Send + 'static> fmt::Debug for Probe<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probe({})", self.actor.path())
    }
}
