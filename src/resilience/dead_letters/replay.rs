//! Dead work done again.

use std::fmt;
use std::sync::Arc;

use super::DeadLetterQueue;
use crate::actor::{Fault, Served, WorkerRef};

impl<In> DeadLetterQueue<In> {
    fn begin(&self, id: u64) -> Result<Replaying<'_, In>, ReplayError> {
        let mut inside = self.inside.lock();
        let at = inside.at(id).ok_or(ReplayError::NotFound)?;
        let dead = &mut inside.kept[at];
        if std::mem::replace(&mut dead.is_replaying, true) {
            return Err(ReplayError::UnderWay);
        }
        Ok(Replaying {
            queue: self,
            id,
            input: Arc::clone(&dead.input),
        })
    }
}

impl<In: Clone + Send + Sync + 'static> DeadLetterQueue<In> {
    /// Does a piece of work again. Done, it is forgotten; failed, it stays, with
    /// the new fault and one more attempt.
    ///
    /// Replay into the worker itself, not into its [guard](Self::guard), which
    /// would keep a failure a second time.
    ///
    /// # Errors
    ///
    /// See [`ReplayError`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the work stays as it was.
    pub async fn replay<Out: Send + 'static>(
        &self,
        id: u64,
        worker: &WorkerRef<In, Out>,
    ) -> Result<Served<Out>, ReplayError> {
        let replaying = self.begin(id)?;
        let answer = worker.ask((*replaying.input).clone()).await;
        match answer {
            Ok(served) => {
                drop(self.remove(id));
                Ok(served)
            }
            Err(fault) => {
                replaying.failed(fault.clone());
                Err(ReplayError::Failed(fault))
            }
        }
    }

    /// Does everything again that is kept now, oldest first, one after the
    /// other; a failure does not stop the rest.
    ///
    /// # Cancel safety
    ///
    /// Dropped, what was done is done, and the rest stays as it was.
    pub async fn replay_all<Out: Send + 'static>(
        &self,
        worker: &WorkerRef<In, Out>,
    ) -> ReplayReport {
        let ids: Vec<u64> = self.inside.lock().kept.iter().map(|dead| dead.id).collect();
        let mut report = ReplayReport::default();
        for id in ids {
            match self.replay(id, worker).await {
                Ok(_) => report.done.push(id),
                Err(ReplayError::Failed(fault)) => report.failed.push((id, fault)),
                Err(ReplayError::NotFound | ReplayError::UnderWay) => {}
            }
        }
        report
    }
}

/// A replay under way; the entry is free again when it is dropped.
struct Replaying<'a, In> {
    queue: &'a DeadLetterQueue<In>,
    id: u64,
    input: Arc<In>,
}

impl<In> Replaying<'_, In> {
    fn failed(&self, fault: Fault) {
        let mut inside = self.queue.inside.lock();
        if let Some(at) = inside.at(self.id) {
            let dead = &mut inside.kept[at];
            dead.attempts = dead.attempts.saturating_add(1);
            let old = std::mem::replace(&mut dead.fault, fault);
            drop(inside);
            drop(old);
        }
    }
}

impl<In> Drop for Replaying<'_, In> {
    fn drop(&mut self) {
        let mut inside = self.queue.inside.lock();
        if let Some(at) = inside.at(self.id) {
            inside.kept[at].is_replaying = false;
        }
    }
}

/// Why a replay did not happen, or what came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// It is not there: done, removed or dropped.
    NotFound,
    /// Somebody replays it already.
    UnderWay,
    /// It failed again, and stays.
    Failed(Fault),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such work is kept"),
            Self::UnderWay => f.write_str("the work is being replayed already, wait for it"),
            Self::Failed(fault) => write!(f, "the work failed again: {fault}"),
        }
    }
}

impl std::error::Error for ReplayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(fault) => Some(fault),
            Self::NotFound | Self::UnderWay => None,
        }
    }
}

/// What came of replaying everything.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// What was done, in order.
    pub done: Vec<u64>,
    /// What failed again, and stays.
    pub failed: Vec<(u64, Fault)>,
}
