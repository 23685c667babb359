//! What a run of a state machine came to.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::FaultClass;

/// Why a run went from one state to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Cause {
    /// The state was done, and this guard held, the first that did.
    Guard(Arc<str>),
    /// The state was done, and no guard held.
    Otherwise,
    /// The state was not done in time.
    Timeout,
    /// The state failed, in this way.
    Failure(FaultClass),
    /// The state had been entered so often before, and may not be once more.
    Visits(u32),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guard(guard) => f.write_str(guard),
            Self::Otherwise => f.write_str("otherwise"),
            Self::Timeout => f.write_str("not done in time"),
            Self::Failure(class) => write!(f, "failed ({class})"),
            Self::Visits(visits) => write!(f, "entered {visits} times before"),
        }
    }
}

/// One transition of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Transition {
    /// The state that was left, behind those that it is in: `pay/authorise`, or
    /// `pay/card/authorise` where the machine `card` is one of several in `pay`.
    pub from: Arc<str>,
    /// The state that was entered, likewise.
    pub to: Arc<str>,
    /// Why.
    pub cause: Cause,
    /// When, since the run began.
    pub at: Duration,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}: {}", self.from, self.to, self.cause)
    }
}

/// What a run of a state machine came to.
#[derive(Clone)]
#[non_exhaustive]
pub struct StateReport<T> {
    /// The data at the end.
    pub value: T,
    /// The state in which it ended.
    pub end: Arc<str>,
    /// Every transition, in order; no more than the machine may make.
    pub log: Vec<Transition>,
}

// By hand: the data is not printed.
impl<T> fmt::Debug for StateReport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateReport")
            .field("end", &self.end)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

/// What kind of condition it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConditionKind {
    /// Holds when a state is entered.
    Entry,
    /// Holds when a state is done.
    Exit,
    /// Holds all the time.
    Invariant,
}

impl fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entry => "entry condition",
            Self::Exit => "exit condition",
            Self::Invariant => "invariant",
        })
    }
}

/// A condition that does not hold. It is the cause of a permanent fault:
/// [`Fault::cause`](crate::actor::Fault::cause) finds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Violated {
    /// In which state, behind those that it is in.
    pub state: Arc<str>,
    /// What kind of condition.
    pub kind: ConditionKind,
    /// The condition in words.
    pub condition: Arc<str>,
}

impl fmt::Display for Violated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {:?} does not hold", self.kind, self.condition)
    }
}

impl Error for Violated {}
