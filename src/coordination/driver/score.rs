//! What all runs of a pattern share, and what its driver is told.

use std::any::Any;
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

/// Makes the typed answer of what a run gathered.
pub(crate) type Conclude<Out> = Arc<dyn Fn(Gathered<'_>) -> Result<Out, Fault> + Send + Sync>;

/// What happens when a run fails: the participant, its fault.
pub(crate) type OnError = Arc<dyn Fn(&str, &Fault) + Send + Sync>;

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
