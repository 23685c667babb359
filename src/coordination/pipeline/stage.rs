//! One stage of a pipeline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::StageRules;
use super::checkpoints::{Checkpoints, Kept};
use super::fields::Wiring;
use super::streaming::{self, AnyDoor, Bench, Line, Opened};
use crate::actor::{Fault, WorkerRef};
use crate::coordination::driver::{Check, Participant, Seat};

/// How the input of a stage is copied, for the driver and for a line.
struct Copying<In, Out> {
    participant: fn(Participant<In, Out>) -> Participant<In, Out>,
    value: fn(&In) -> In,
}

/// Puts the kept answers in front of a worker whose answers are checked.
type Keep<In, Out> = Arc<dyn Fn(WorkerRef<In, Out>) -> WorkerRef<In, Out> + Send + Sync>;

/// A worker, and what it is called in the stage.
type Named<In, Out> = (Arc<str>, WorkerRef<In, Out>);

/// One stage of a pipeline: a worker, and what is done when it fails.
pub struct Stage<In, Out> {
    attempts: u32,
    /// The first is asked first.
    workers: Vec<Named<In, Out>>,
    /// Set with what may need the input again.
    copying: Option<Copying<In, Out>>,
    keep: Option<Keep<In, Out>>,
    check: Option<Check<Out>>,
    at_once: usize,
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
            check: None,
            at_once: 1,
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
        self.copying = Some(Copying {
            participant: Participant::copying,
            value: In::clone,
        });
        self
    }

    /// How long each of its workers may take for an item. Default: in a pipeline
    /// that [streams](super::PipelineRef) the system's ask deadline, and else as
    /// long as the asker waits.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        for (_, worker) in &mut self.workers {
            *worker = worker.with_deadline(within);
        }
        self
    }

    /// Items that it works on at once in a pipeline that
    /// [streams](super::PipelineRef). Default 1: items leave it in the order in
    /// which they came. With more they may not.
    #[must_use]
    pub fn at_once(mut self, items: usize) -> Self {
        self.at_once = items.max(1);
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

    /// Its workers, and the check that is left to do on their answers: what is
    /// kept is checked before.
    fn into_workers(self) -> (Vec<Named<In, Out>>, Option<Check<Out>>) {
        let Some(keep) = self.keep else {
            return (self.workers, self.check);
        };
        let kept = |(name, worker): Named<In, Out>| match &self.check {
            None => (name, keep(worker)),
            Some(check) => {
                let check = Arc::clone(check);
                (
                    name,
                    keep(worker.try_map(move |out| check(&out).map(|()| out))),
                )
            }
        };
        (self.workers.into_iter().map(kept).collect(), None)
    }
}

/// A stage whose types are known no more.
pub(super) trait AnyStage: Send {
    /// Those who take part in a driver's runs.
    fn seats(self: Box<Self>) -> Vec<Seat>;

    /// The actor of a line, in front of what follows.
    fn open(self: Box<Self>, at: usize, next: AnyDoor, line: &Line) -> Opened;
}

/// A stage of which is known what it gives.
pub(super) trait LastStage<Out>: Send {
    fn check(&mut self, check: Check<Out>);

    fn seal(self: Box<Self>) -> Box<dyn AnyStage>;
}

impl<In: Send + 'static, Out: Send + 'static> LastStage<Out> for Stage<In, Out> {
    fn check(&mut self, check: Check<Out>) {
        self.check = Some(check);
    }

    fn seal(self: Box<Self>) -> Box<dyn AnyStage> {
        self
    }
}

impl<In: Send + 'static, Out: Send + 'static> AnyStage for Stage<In, Out> {
    fn seats(self: Box<Self>) -> Vec<Seat> {
        let copying = self.copying.as_ref().map(|copying| copying.participant);
        let (workers, check) = self.into_workers();
        let seat = |(name, worker)| {
            let participant = Participant::asks(name, worker).checked(check.clone());
            match copying {
                Some(copying) => copying(participant).seat(),
                None => participant.seat(),
            }
        };
        workers.into_iter().map(seat).collect()
    }

    fn open(self: Box<Self>, at: usize, next: AnyDoor, line: &Line) -> Opened {
        let (rules, at_once) = (self.rules(), self.at_once);
        let copy = self.copying.as_ref().map(|copying| copying.value);
        let (workers, check) = self.into_workers();
        let bench = Bench {
            workers,
            check,
            copy,
            rules,
            on_error: line.on_error.clone(),
        };
        streaming::open(at, bench, at_once, next, line)
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
