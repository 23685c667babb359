//! What a plan is told, what it decides, and the settings it decides by.

use std::time::Instant;

use crate::actor::Exit;
use crate::policy::backoff::Backoff;
use crate::policy::intensity::Intensity;

/// Whose restart follows from one child's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Only the child that ended is restarted. The default: children that do
    /// not depend on each other.
    #[default]
    OneForOne,
    /// All children are stopped, last started first, and started again in
    /// order: they only make sense together.
    OneForAll,
    /// The child and those started after it are restarted: later children
    /// depend on earlier ones.
    RestForOne,
}

/// Whether children are known beforehand, and in which order they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Ordered; stopped one by one, last started first.
    Ordered,
    /// All alike; stopped all at once.
    Dynamic,
}

/// Identifies a child within its supervisor. It rises in start order; among
/// dynamic children, which have no order, it is the actor's own id, so that a
/// reference finds them without an index.
pub(crate) type Key = u64;
/// Identifies who waits for an answer. Rises from 1.
pub(crate) type Token = u64;

/// How an incarnation ended, as the plan sees it.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Ignored,
    NotStarted(Exit),
    Exited(Exit),
}

/// What a supervisor decides by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) backoff: Backoff,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            intensity: Intensity::default(),
            backoff: Backoff::none(),
        }
    }
}

/// Whether a launch is a child's first or repairs something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// First start, or a restart by command: a failure is answered, not
    /// repeated.
    Asked,
    /// After a crash: a failure is a restart that failed.
    Repair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// No incarnation; the spec is kept.
    Down,
    Starting(Why),
    Up,
    /// Told to end.
    Stopping,
    /// Waiting for its backoff.
    Resting,
}

/// What a supervisor is asked by its users.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The child is up.
    Started,
    /// Its start hook said that it is not needed.
    Ignored,
    /// It did not start.
    Failed(Exit),
    Done,
    NotFound,
    Running,
    Restarting,
    /// The supervisor is ending.
    Ending,
}

/// What the keeper is to do.
#[derive(Debug)]
pub(crate) enum Effect<C> {
    /// Start the next incarnation. `true` in `is_revival`: the child had ended
    /// for good and is asked back.
    Launch {
        key: Key,
        why: Why,
        is_revival: bool,
    },
    /// Ask it to finish the message in hand and end.
    Stop(Key),
    /// Ask it to finish its queue and end, by then.
    Drain(Key, Option<Instant>),
    Kill(Key),
    /// It is down and nothing restarts it: close its mailbox.
    Close(Key, Exit),
    /// As `Close`, and its spec is gone.
    Forget(C, Exit),
    Answer(Token, Answer),
    /// The first start is over: all are up, or this one failed and the rest has
    /// been stopped again.
    Booted(Result<(), (Key, Exit)>),
    /// Restarted more often than the intensity allows.
    Escalate(Exit),
    /// Nothing is left: the supervisor ends this way.
    Finished(Exit),
}

pub(crate) type Effects<C> = Vec<Effect<C>>;
