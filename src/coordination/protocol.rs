//! What a protocol is: a pure machine of events and effects.

use std::fmt;
use std::time::Duration;

use crate::actor::FaultClass;

/// Identifies one call within a run. A call that is tried again gets a new
/// number.
pub type Call = usize;

/// What happened, as a protocol sees it.
///
/// Payloads are not in it: the driver keeps them, and effects say whose answer
/// goes where. So a protocol is small, can be compared and copied, and is
/// checked with a table of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Happened {
    /// The run begins; its input is there.
    Began,
    /// A call was answered.
    Answered(Call),
    /// A call failed.
    Failed(Call, FaultClass),
    /// The timer that was set is due.
    TimeUp,
}

/// Whose payload goes into a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    /// The run's input.
    Input,
    /// The answer to an earlier call.
    AnswerTo(Call),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Ask a worker, by its position.
    Ask {
        /// The number of the call.
        call: Call,
        /// Whom to ask.
        worker: usize,
        /// What to give it.
        feed: Feed,
    },
    /// Say [`Happened::TimeUp`] after this long. At most one timer runs.
    SetTimer(Duration),
    /// A step is done: an event for whoever listens.
    Note {
        /// The worker's position.
        worker: usize,
        /// How it went.
        outcome: StepOutcome,
    },
    /// The run succeeded with the answers to these calls. Calls under way are
    /// cancelled.
    Finish(Vec<Call>),
    /// The run failed because of this call, or, without one, of time. Calls
    /// under way are cancelled.
    Fail(Option<Call>),
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepOutcome {
    /// It was answered.
    Done,
    /// It failed and is tried again.
    Retried,
    /// It failed for good.
    Failed,
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Failed => "failed",
        })
    }
}

/// A protocol decides; the driver acts.
///
/// The machine takes one event and says what is to be done. The same events
/// lead to the same effects. It must finish: with every call it made answered
/// or failed, it has said [`Effect::Finish`] or [`Effect::Fail`].
pub trait Protocol: Clone + fmt::Debug + Send + Sync + 'static {
    /// Takes one event.
    fn on(&mut self, event: Happened, effects: &mut Vec<Effect>);
}
