//! State machines that cannot be built.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Machines inside of machines at most: more than anybody reads.
pub(super) const MOST_DEEP: usize = 8;

/// Timeouts that may run at once: as many timers as a run may have.
pub(super) const MOST_TIMEOUTS: usize = 64;

/// A state machine that cannot be built, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidStateMachine {
    /// It has no state.
    NoStates,
    /// A state's name, or that of a machine side by side with others, is empty or has
    /// a `/`, which is between names in a path.
    BadName(Arc<str>),
    /// Two states have this name.
    DuplicateState(Arc<str>),
    /// A state goes to one that does not exist.
    UnknownTarget {
        /// Which goes there.
        state: Arc<str>,
        /// Where it goes.
        target: Arc<str>,
    },
    /// This state is an end, and has something that only a state has that goes on:
    /// a transition, a timeout, an exit.
    EndGoesOn(Arc<str>),
    /// This state is no end, and there is no transition from it.
    DeadEnd(Arc<str>),
    /// This state has guards, and goes nowhere when none of them holds.
    NoOtherwise(Arc<str>),
    /// This state says more than once where it goes when no guard holds.
    SeveralOtherwise(Arc<str>),
    /// No transition leads to these.
    Unreachable(Vec<Arc<str>>),
    /// States that lead to each other and never to an end, in their order; the
    /// first comes again as the last.
    NonTerminating(Vec<Arc<str>>),
    /// This state has no time at all.
    ZeroTimeout(Arc<str>),
    /// This state has nothing to run side by side.
    NoRegions(Arc<str>),
    /// Two machines side by side have the same name.
    DuplicateRegion {
        /// In which state.
        state: Arc<str>,
        /// Their name.
        region: Arc<str>,
    },
    /// In this state there are more machines inside of each other than 8.
    TooDeep(Arc<str>),
    /// More than 64 timeouts may run at once.
    TooManyTimeouts(usize),
    /// This bound is 0, so nothing could run.
    Zero(&'static str),
}

impl fmt::Display for InvalidStateMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStates => f.write_str("the machine has no state, add one"),
            Self::BadName(name) => write!(f, "{name:?} is no name, take one without a \"/\""),
            Self::DuplicateState(state) => {
                write!(
                    f,
                    "two states are named {state:?}, give each a name of its own"
                )
            }
            Self::UnknownTarget { state, target } => {
                write!(
                    f,
                    "state {state:?} goes to {target:?}, which is no state beside it"
                )
            }
            Self::EndGoesOn(state) => {
                write!(f, "state {state:?} is an end, let nothing come after it")
            }
            Self::DeadEnd(state) => write!(
                f,
                "nothing comes after state {state:?}, make it an end or say where it goes"
            ),
            Self::NoOtherwise(state) => write!(
                f,
                "it may be that no guard of state {state:?} holds, say where it goes otherwise"
            ),
            Self::SeveralOtherwise(state) => write!(
                f,
                "state {state:?} says twice where it goes otherwise, say it once"
            ),
            Self::Unreachable(states) => {
                write!(f, "no transition leads to: {}", states.join(", "))
            }
            Self::NonTerminating(states) => {
                write!(f, "no end can be reached from: {}", states.join(" -> "))
            }
            Self::ZeroTimeout(state) => {
                write!(f, "state {state:?} has no time at all, give it some")
            }
            Self::NoRegions(state) => {
                write!(
                    f,
                    "state {state:?} has nothing to run side by side, add a region"
                )
            }
            Self::DuplicateRegion { state, region } => write!(
                f,
                "two machines side by side in state {state:?} are named {region:?}, give each a \
                 name of its own"
            ),
            Self::TooDeep(state) => write!(
                f,
                "more than {MOST_DEEP} machines are inside of each other in state {state:?}, make \
                 one of them a worker"
            ),
            Self::TooManyTimeouts(timeouts) => write!(
                f,
                "{timeouts} timeouts may run at once where {MOST_TIMEOUTS} may, have fewer"
            ),
            Self::Zero(bound) => write!(f, "{bound} is 0, so nothing could run, allow at least 1"),
        }
    }
}

impl Error for InvalidStateMachine {}
