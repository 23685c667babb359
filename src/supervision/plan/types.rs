//! What a plan is told, what it decides, and the settings it decides by.

use std::fmt;
use std::time::Instant;

use crate::actor::{Exit, InvalidSpec, Policy};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::{Intensity, Verdict};

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

/// When a supervisor ends because children of it have done their work. OTP's
/// words; see [`ChildSpec::significant`](crate::actor::ChildSpec::significant).
///
/// What counts is an end by itself after which the child's rule does not
/// restart it. A child that its supervisor ended, by command, with its siblings
/// or at the end, does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AutoShutdown {
    /// It does not, and refuses significant children. The default.
    #[default]
    Never,
    /// As soon as one significant child has ended by itself.
    AnySignificant,
    /// When a significant child has ended by itself and no other significant
    /// one is up, starting or being restarted.
    AllSignificant,
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
    pub(crate) auto_shutdown: AutoShutdown,
    /// How many reasons of restarts are kept of each child.
    pub(crate) reasons: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            intensity: Intensity::default(),
            backoff: Backoff::none(),
            auto_shutdown: AutoShutdown::default(),
            reasons: 5,
        }
    }
}

impl Settings {
    pub(crate) fn validate(&self, shape: Shape) -> Result<(), InvalidSpec> {
        self.intensity.validate().map_err(InvalidSpec::Intensity)?;
        self.backoff.validate().map_err(InvalidSpec::Backoff)?;
        if shape == Shape::Dynamic && self.strategy != Strategy::OneForOne {
            return Err(InvalidSpec::Combination(
                "the children of a dynamic supervisor do not depend on each other, leave it one for one",
            ));
        }
        if shape == Shape::Dynamic && self.auto_shutdown != AutoShutdown::Never {
            return Err(InvalidSpec::Combination(
                "the children of a dynamic supervisor are all alike, none is significant, so it never shuts down by itself",
            ));
        }
        Ok(())
    }

    /// Whether a supervisor with these settings takes such a child.
    pub(crate) fn admits(&self, policy: &Policy) -> Result<(), InvalidSpec> {
        policy.validate()?;
        if policy.is_significant && self.auto_shutdown == AutoShutdown::Never {
            return Err(InvalidSpec::Combination(
                "a significant child needs a supervisor that shuts down by itself, give it `auto_shutdown`",
            ));
        }
        Ok(())
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

/// The restarts that all plans of a system have together.
pub(crate) trait Allowance: fmt::Debug + Send + Sync {
    /// Takes one, if one is left.
    fn take(&self, now: Instant) -> Verdict;
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
    /// Its settings do not fit its supervisor's.
    Refused(InvalidSpec),
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
    /// Let nobody ask it for a while.
    Shut(Key),
    /// It is down and nothing restarts it: close its mailbox.
    Close(Key, Exit),
    /// As `Close`, and its spec is gone.
    Forget(C, Exit),
    Answer(Token, Answer),
    /// Call [`Plan::go_on`](super::Plan::go_on), after what has come in
    /// meanwhile.
    GoOn,
    /// The first start is over: all are up, or this one failed and the rest has
    /// been stopped again.
    Booted(Result<(), (Key, Exit)>),
    /// Restarted more often than the intensity allows.
    Escalate(Exit),
    /// Nothing is left: the supervisor ends this way.
    Finished(Exit),
    /// Drop it, which runs foreign code, without a lock.
    Drop(Waste<C>),
}

/// What nobody needs any more.
#[derive(Debug)]
pub(crate) enum Waste<C> {
    #[expect(dead_code, reason = "taken out to be dropped")]
    Exit(Exit),
    Child(C),
}

/// Why and when a child was restarted, or was to be.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    pub(crate) exit: Exit,
    pub(crate) at: Instant,
}

pub(crate) type Effects<C> = Vec<Effect<C>>;
