//! What a machine hears and what it says.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::FaultClass;

/// Identifies one call within a run. Calls are numbered from 0 in the order in
/// which they are made; one that is tried again gets the next number.
pub type Call = usize;

/// Identifies one timer within a run.
pub type Timer = u32;

/// What happened, as a protocol sees it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Happened {
    /// The run begins; its input is there.
    Began,
    /// A call was answered.
    Answered {
        /// Which.
        call: Call,
        /// What the answer says to the machine.
        fact: Fact,
    },
    /// A call failed.
    Failed {
        /// Which.
        call: Call,
        /// How.
        class: FaultClass,
    },
    /// A timer is due.
    TimeUp {
        /// Which.
        timer: Timer,
    },
}

/// What an answer says to the machine, found in it by a closure of whoever built
/// the pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fact {
    /// Only that it is there.
    #[default]
    Nothing,
    /// A score, a change, a price.
    Number(f64),
    /// Which way to go on.
    Choice(u32),
    /// How many parts it has.
    Count(u32),
}

/// What goes into a call, or comes out of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Feed {
    /// The run's input.
    Input,
    /// The answer to an earlier call.
    AnswerTo(Call),
    /// One part of an answer that has several.
    Part {
        /// Whose answer.
        of: Call,
        /// Which part, from 0.
        at: usize,
    },
    /// Several answers, in this order.
    Gather(Vec<Call>),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Effect {
    /// Ask a worker, by its position.
    Ask {
        /// The number of the call: the next one.
        call: Call,
        /// Whom to ask.
        worker: usize,
        /// What to give it.
        feed: Feed,
    },
    /// End a call; nothing is heard of it any more. Nothing happens if it is
    /// over.
    Cancel(Call),
    /// Drop the answer to a call: nothing will be fed with it any more.
    Forget(Call),
    /// Say [`Happened::TimeUp`] after this long; a timer of the same number is
    /// set anew.
    SetTimer {
        /// Which.
        timer: Timer,
        /// After how long, from now.
        after: Duration,
    },
    /// Stop a timer. Nothing happens if it is not running.
    StopTimer(Timer),
    /// A step is done: an event for whoever listens to the system.
    Note {
        /// The worker's position.
        worker: usize,
        /// How it went.
        outcome: StepOutcome,
    },
    /// A call's answer, or its fault, goes to whoever listens to the run.
    Emit(Call),
    /// The run succeeded with this. Calls under way are cancelled.
    Finish(Feed),
    /// The run failed. Calls under way are cancelled.
    Fail(Failure),
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Failure {
    /// This call's fault is the run's.
    Call(Call),
    /// There was no result in time.
    Time,
    /// The protocol's own reason.
    Because(Cow<'static, str>),
}

impl Failure {
    /// The protocol's own reason: a permanent fault with these words.
    #[must_use]
    pub fn because(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Because(why.into())
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StepOutcome {
    /// It was answered.
    Done,
    /// It was answered, and few more are left.
    FewLeft,
    /// It failed and is tried again.
    Retried,
    /// It failed, and somebody else is asked.
    FellBack,
    /// It failed for good.
    Failed,
    /// It was not done in time.
    TimedOut,
    /// What it did led to another, at this position.
    WentTo(usize),
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::FewLeft => "done, few left",
            Self::Retried => "retried",
            Self::FellBack => "fell back",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::WentTo(worker) => return write!(f, "went to worker {worker}"),
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Number(number) => write!(f, " ({number})"),
            Self::Choice(choice) => write!(f, " (choice {choice})"),
            Self::Count(count) => write!(f, " ({count} parts)"),
        }
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began => f.write_str("it begins"),
            Self::Answered { call, fact } => write!(f, "call {call} is answered{fact}"),
            Self::Failed { call, class } => write!(f, "call {call} fails ({class})"),
            Self::TimeUp { timer } => write!(f, "timer {timer} is due"),
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("the input"),
            Self::AnswerTo(call) => write!(f, "the answer to call {call}"),
            Self::Part { of, at } => write!(f, "part {at} of the answer to call {of}"),
            Self::Gather(calls) => write!(f, "the answers to calls {calls:?}"),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask { call, worker, feed } => {
                write!(f, "call {call}: ask worker {worker} with {feed}")
            }
            Self::Cancel(call) => write!(f, "cancel call {call}"),
            Self::Forget(call) => write!(f, "forget the answer to call {call}"),
            Self::SetTimer { timer, after } => write!(f, "set timer {timer} to {after:?}"),
            Self::StopTimer(timer) => write!(f, "stop timer {timer}"),
            Self::Note { worker, outcome } => write!(f, "note worker {worker} {outcome}"),
            Self::Emit(call) => write!(f, "emit call {call}"),
            Self::Finish(feed) => write!(f, "finish with {feed}"),
            Self::Fail(failure) => write!(f, "fail: {failure}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => write!(f, "call {call} failed"),
            Self::Time => f.write_str("there was no result in time"),
            Self::Because(why) => f.write_str(why),
        }
    }
}
