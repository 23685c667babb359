//! One stage of a pipeline.

use std::fmt;
use std::sync::Arc;

use super::StageRules;
use super::checkpoints::{Checkpoints, Kept};
use super::fields::Wiring;
use crate::actor::{Fault, WorkerRef};
use crate::coordination::driver::{Check, Participant, Seat};

/// What is done to a participant before its types are forgotten.
type Finish<In, Out> = fn(Participant<In, Out>) -> Participant<In, Out>;

/// Puts the kept answers in front of a worker whose answers are checked.
type Keep<In, Out> = Arc<dyn Fn(WorkerRef<In, Out>) -> WorkerRef<In, Out> + Send + Sync>;

/// One stage of a pipeline: a worker, and what is done when it fails.
pub struct Stage<In, Out> {
    attempts: u32,
    /// The first is asked first.
    workers: Vec<(Arc<str>, WorkerRef<In, Out>)>,
    /// Set with what may need the input again.
    copying: Option<Finish<In, Out>>,
    keep: Option<Keep<In, Out>>,
    /// Of a stage that takes and gives by name.
    pub(super) wiring: Option<Wiring>,
}

impl<In: Send + 'static, Out: Send + 'static> Stage<In, Out> {
    /// A stage with one worker and one attempt.
    pub fn new(name: impl Into<Arc<str>>, worker: impl Into<WorkerRef<In, Out>>) -> Self {
        Self {
            attempts: 1,
            workers: vec![(name.into(), worker.into())],
            copying: None,
            keep: None,
            wiring: None,
        }
    }

    /// Attempts that each of its workers has on faults that may be gone the next
    /// time. Default 1. Costs one clone of the input per attempt.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self
    where
        In: Clone,
    {
        self.attempts = attempts.max(1);
        self.keep_input()
    }

    /// Who is asked when all before have failed, unless the work was cancelled or
    /// is in doubt. Costs one clone of the input.
    #[must_use]
    pub fn or(mut self, name: impl Into<Arc<str>>, worker: impl Into<WorkerRef<In, Out>>) -> Self
    where
        In: Clone,
    {
        self.workers.push((name.into(), worker.into()));
        self.keep_input()
    }

    /// Keeps what goes in until the stage is done, so that the pipeline's error
    /// handler sees it. [`Stage::attempts`] and [`Stage::or`] do so too. Costs one
    /// clone of the input.
    #[must_use]
    pub fn keep_input(mut self) -> Self
    where
        In: Clone,
    {
        self.copying = Some(Participant::copying);
        self
    }

    /// Keeps the answer under the item's name: an item that comes again with the
    /// same name is not worked on a second time by this stage, until its
    /// checkpoints are [dropped](Checkpoints::forget) or pushed out. An invalid
    /// answer is not kept.
    #[must_use]
    pub fn checkpoint(
        mut self,
        checkpoints: &Checkpoints,
        item: impl Fn(&In) -> String + Send + Sync + 'static,
    ) -> Self
    where
        Out: Clone + Sync,
    {
        let checkpoints = checkpoints.clone();
        let stage = Arc::clone(&self.workers[0].0);
        let item: Arc<dyn Fn(&In) -> String + Send + Sync> = Arc::new(item);
        self.keep = Some(Arc::new(move |worker| {
            WorkerRef::new(Kept {
                worker,
                checkpoints: checkpoints.clone(),
                stage: Arc::clone(&stage),
                item: Arc::clone(&item),
            })
        }));
        self
    }

    pub(super) fn rules(&self) -> StageRules {
        StageRules {
            attempts: self.attempts,
            fallbacks: self.workers.len() - 1,
        }
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let names = self.workers.iter().map(|(name, _)| Arc::clone(name));
        names.collect()
    }

    pub(super) fn seal(self, check: Option<Check<Out>>) -> Vec<Seat> {
        let copying = self.copying.unwrap_or(|participant| participant);
        let keep = self.keep;
        let seat = |(name, worker): (Arc<str>, WorkerRef<In, Out>)| {
            let participant = match (&keep, &check) {
                (None, check) => Participant::asks(name, worker).checked(check.clone()),
                (Some(keep), None) => Participant::asks(name, keep(worker)),
                // What is kept is checked before.
                (Some(keep), Some(check)) => {
                    let check = Arc::clone(check);
                    let checked = worker.try_map(move |out| check(&out).map(|()| out));
                    Participant::asks(name, keep(checked))
                }
            };
            copying(participant).seat()
        };
        self.workers.into_iter().map(seat).collect()
    }
}

impl<In, T, E> Stage<In, Result<T, E>>
where
    In: Send + 'static,
    T: Send + 'static,
    E: Into<Fault> + Send + 'static,
{
    /// The stage of a worker that answers with an error as a value: an item that
    /// carries one stops here, as if the worker had failed with it.
    pub fn unwrapping(
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<In, Result<T, E>>>,
    ) -> Stage<In, T> {
        Stage::new(name, worker.into().try_map(|said| said.map_err(Into::into)))
    }
}

impl<In, Out> fmt::Debug for Stage<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.workers.iter().map(|(name, _)| name).collect();
        write!(f, "Stage({names:?})")
    }
}
