//! What works, and will hurt.

use std::fmt;
use std::sync::Arc;

/// A use of actors that works and will hurt, seen at run time or when something is
/// started. Its words say what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lint {
    /// Its mailbox was full whenever it was looked at: whoever sends waits for it.
    Bottleneck {
        /// What its mailbox holds.
        capacity: usize,
    },
    /// It has handled nothing since it was looked at last, though messages wait.
    Stalled {
        /// Messages that wait or are in hand.
        waiting: u64,
    },
    /// Most of what a whole system handles is handled by this one actor.
    DoesTooMuch {
        /// Its share of all messages, in percent.
        percent: u8,
    },
    /// It is restarted again and again, and that does not help.
    RestartStorm {
        /// Restarts since it was looked at last.
        restarts: u32,
    },
    /// Nobody listens to the system's events.
    Unobserved,
    /// One orchestrator directs so many others by itself.
    TooManySpokes {
        /// How many.
        spokes: usize,
    },
    /// One agent is said to be able to do so many things.
    TooManySkills {
        /// Who.
        agent: Arc<str>,
        /// How many.
        skills: usize,
    },
    /// A pattern of several workers that has one, and adds nothing to it.
    NothingToOrchestrate,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bottleneck { capacity } => write!(
                f,
                "its mailbox of {capacity} stays full, make it a pool or send it less"
            ),
            Self::Stalled { waiting } => write!(
                f,
                "it handles nothing while {waiting} messages wait, do not block in a handler: \
                 use `Context::blocking`, or set a deadline"
            ),
            Self::DoesTooMuch { percent } => write!(
                f,
                "it handles {percent} % of all messages, divide its work among several actors"
            ),
            Self::RestartStorm { restarts } => write!(
                f,
                "it was restarted {restarts} times since the last look, give it a backoff, or \
                 let its supervisor escalate"
            ),
            Self::Unobserved => f.write_str("nobody listens to events, subscribe to them"),
            Self::TooManySpokes { spokes } => write!(
                f,
                "it directs {spokes} others by itself, make teams of them with hubs of their own"
            ),
            Self::TooManySkills { agent, skills } => write!(
                f,
                "{agent} is said to have {skills} skills, divide them among specialists"
            ),
            Self::NothingToOrchestrate => {
                f.write_str("it has one worker and adds nothing, ask the worker itself")
            }
        }
    }
}
