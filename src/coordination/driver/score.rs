//! What all runs of a pattern share, and what its driver is told.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::participant::{Payload, Seat};
use crate::actor::{Fault, Job};

/// What a run gathered.
pub(crate) struct Gathered<'a> {
    /// The machine at its end, for patterns that tell how it went.
    pub(crate) machine: &'a dyn Any,
    /// Answers that the protocol asked for, with the participant's position.
    pub(crate) answers: Vec<(usize, Payload)>,
    /// Failures on the way, with the participant's position, in order.
    pub(crate) failures: Vec<(usize, Fault)>,
}

impl Gathered<'_> {
    /// The last of the answers, where it is of this type.
    pub(crate) fn last<T: 'static>(&mut self) -> Option<T> {
        let (_, payload) = self.answers.pop()?;
        payload.downcast().ok().map(|value| *value)
    }
}

/// Makes the typed answer of what a run gathered.
pub(crate) type Conclude<Out> = Arc<dyn Fn(Gathered<'_>) -> Result<Out, Fault> + Send + Sync>;

/// What happens when somebody's fault is the run's.
pub(crate) type OnError = Arc<dyn Fn(&StageError<'_>) + Send + Sync>;

/// A stage's fault, and what went into the stage.
#[derive(Clone, Copy)]
pub struct StageError<'a> {
    pub(crate) stage: &'a str,
    pub(crate) fault: &'a Fault,
    pub(crate) fed: Option<&'a (dyn Any + Send)>,
}

impl<'a> StageError<'a> {
    /// The name of the stage, or of the one of its workers that was asked last.
    #[must_use]
    pub fn stage(&self) -> &'a str {
        self.stage
    }

    /// Its fault.
    #[must_use]
    pub fn fault(&self) -> &'a Fault {
        self.fault
    }

    /// What went into the stage: the last good data. `None` where it was given away,
    /// or is of another type.
    #[must_use]
    pub fn last<T: 'static>(&self) -> Option<&'a T> {
        self.fed?.downcast_ref()
    }
}

impl fmt::Debug for StageError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageError")
            .field("stage", &self.stage)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// Everything that all runs of one pattern share.
pub(crate) struct Score<P, Out> {
    pub(crate) machine: P,
    pub(crate) seats: Vec<Seat>,
    pub(crate) conclude: Conclude<Out>,
    pub(crate) on_error: Option<OnError>,
    /// Runs under way at once.
    pub(crate) limit: usize,
    /// Calls that one run may make.
    pub(crate) calls: usize,
}

/// Who hears of answers and faults as they come: the participant's position.
pub(crate) type Listener = Box<dyn Fn(usize, Result<&Payload, &Fault>) + Send>;

pub(crate) enum Drive<In, Out> {
    Submit(Job<In, Out>, Option<Listener>),
    /// Something under way can go on.
    Ring,
}
