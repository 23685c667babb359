//! What happens to actors, as one typed stream.

use std::fmt;
use std::sync::Arc;

use super::dead_letter::DeadLetter;
use super::exit::Exit;
use super::health::CheckOutcome;
use super::life::Lifecycle;
use super::lint::Lint;

/// Something that happened in a system. Facts, in the past tense.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An incarnation is ready. `incarnation` counts from 0.
    Started {
        /// The actor's path.
        path: Arc<str>,
        /// Which life this is, from 0.
        incarnation: u32,
    },
    /// An incarnation ended with nothing wrong.
    Stopped {
        /// The actor's path.
        path: Arc<str>,
        /// Which life this was.
        incarnation: u32,
        /// How it ended.
        exit: Exit,
    },
    /// An incarnation failed, panicked or was killed.
    Crashed {
        /// The actor's path.
        path: Arc<str>,
        /// Which life this was.
        incarnation: u32,
        /// How it ended.
        exit: Exit,
    },
    /// A supervisor restarted a child.
    Restarted {
        /// The child's path.
        path: Arc<str>,
        /// Restarts of this child so far, this one included.
        restarts: u32,
    },
    /// A supervisor gave up: its children restarted more often than its
    /// intensity allows.
    Escalated {
        /// The supervisor's path.
        path: Arc<str>,
        /// The last child's exit.
        cause: Exit,
    },
    /// An actor's lifecycle state changed.
    StateChanged {
        /// The actor's path.
        path: Arc<str>,
        /// The state before.
        from: Lifecycle,
        /// The state now.
        to: Lifecycle,
    },
    /// A health check failed; the actor is in [`Lifecycle::Error`].
    CheckFailed {
        /// The actor's path.
        path: Arc<str>,
        /// How many have failed in a row, this one included.
        failures: u32,
        /// What was wrong.
        outcome: CheckOutcome,
    },
    /// A health check passed after some that had failed.
    Recovered {
        /// The actor's path.
        path: Arc<str>,
        /// How many had failed in a row.
        failures: u32,
    },
    /// A checkpoint was given back so often that it is suspected of causing the
    /// crashes: the next life begins afresh.
    CheckpointDropped {
        /// The actor's path.
        path: Arc<str>,
        /// How often it was given back.
        restores: u32,
    },
    /// A step of a pattern is done.
    Step {
        /// The driver's path.
        path: Arc<str>,
        /// Which run of the pattern, from 0.
        run: u64,
        /// The participant's name.
        step: Arc<str>,
        /// How it went.
        outcome: Arc<str>,
    },
    /// Something works, and will hurt.
    Lint {
        /// The path of the actor or the pattern, or of the system.
        path: Arc<str>,
        /// What, with what to do about it.
        lint: Lint,
    },
    /// A message went unhandled.
    DeadLetter(DeadLetter),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { path, incarnation } => write!(f, "started {path}#{incarnation}"),
            Self::Stopped {
                path,
                incarnation,
                exit,
            } => write!(f, "stopped {path}#{incarnation}: {exit}"),
            Self::Crashed {
                path,
                incarnation,
                exit,
            } => write!(f, "crashed {path}#{incarnation}: {exit}"),
            Self::Restarted { path, restarts } => write!(f, "restarted {path} ({restarts})"),
            Self::Escalated { path, cause } => write!(f, "escalated {path}: {cause}"),
            Self::StateChanged { path, from, to } => write!(f, "state of {path}: {from} -> {to}"),
            Self::CheckFailed {
                path,
                failures,
                outcome,
            } => write!(f, "check of {path} failed ({failures}): {outcome}"),
            Self::Recovered { path, failures } => {
                write!(f, "recovered {path} after {failures}")
            }
            Self::CheckpointDropped { path, restores } => {
                write!(f, "dropped the checkpoint of {path} after {restores}")
            }
            Self::Step {
                path,
                run,
                step,
                outcome,
            } => write!(f, "step {step} of {path} run {run}: {outcome}"),
            Self::Lint { path, lint } => write!(f, "lint {path}: {lint}"),
            Self::DeadLetter(letter) => write!(f, "dead letter: {letter}"),
        }
    }
}
