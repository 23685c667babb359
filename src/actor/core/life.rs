//! An actor's lifecycle state, and how it may change.
//!
//! ```text
//!  initializing ──▶ ready ◀──▶ busy (declared)
//!       │            │ ▲ ▲       │
//!       │   failed,  │ │ └───┐   │      from everywhere:
//!       │   crashed  ▼ │     │   │        ──▶ maintenance ──▶ back to what it
//!       └─────────▶ error ◀──┼───┘                            is by then
//!                            │            ──▶ shutdown
//!                         shutdown (a permanent actor is restarted)
//! ```

use std::error::Error;
use std::fmt;
use std::time::Instant;

/// Where an actor is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lifecycle {
    /// Not started yet, or its start hook is running.
    #[default]
    Initializing,
    /// It waits for messages.
    Ready,
    /// A message is in hand. Computed when read, and not announced to watchers
    /// unless the actor
    /// [declared](crate::actor::Context::declare) it.
    Busy,
    /// It crashed and may be restarted, its last health check failed, or it
    /// declared so.
    Error,
    /// It was paused: its mailbox fills and nothing is handled.
    Maintenance,
    /// It is ending, or has ended.
    Shutdown,
}

impl Lifecycle {
    /// Whether an actor in this state can be in that one next, whoever brings
    /// it about. No state can become itself.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match next {
            // Declared, or declared before a pause that is over.
            Self::Busy => matches!(self, Self::Ready | Self::Maintenance),
            // Asked back after its end, or resumed before its start.
            Self::Initializing => {
                matches!(self, Self::Shutdown | Self::Error | Self::Maintenance)
            }
            _ => self as u8 != next as u8,
        }
    }

    /// Whether an actor can declare this change about itself.
    pub(crate) const fn may_declare(self, next: Self) -> bool {
        self.is_declared() && next.is_declared() && self.may_become(next)
    }

    const fn is_declared(self) -> bool {
        matches!(self, Self::Ready | Self::Busy | Self::Error)
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initializing => "initializing",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Error => "error",
            Self::Maintenance => "maintenance",
            Self::Shutdown => "shutdown",
        })
    }
}

/// One change of an actor's state, as its watchers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The state before.
    pub from: Lifecycle,
    /// The state since.
    pub to: Lifecycle,
    /// When, by the system's clock.
    pub at: Instant,
    /// How many changes just before this one the watcher was too slow for.
    pub missed: u64,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}

/// An actor declared a state that it cannot be in now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IllegalTransition {
    /// The state it is in.
    pub from: Lifecycle,
    /// The state it declared.
    pub to: Lifecycle,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an actor that is {} cannot declare itself {}",
            self.from, self.to
        )
    }
}

impl Error for IllegalTransition {}

#[cfg(test)]
mod tests {
    use super::Lifecycle::{self, Busy, Error, Initializing, Maintenance, Ready, Shutdown};

    const ALL: [Lifecycle; 6] = [Initializing, Ready, Busy, Error, Maintenance, Shutdown];

    /// The pairs for which `holds`.
    fn pairs(holds: impl Fn(Lifecycle, Lifecycle) -> bool) -> Vec<(Lifecycle, Lifecycle)> {
        let all = ALL.into_iter();
        all.flat_map(|from| ALL.into_iter().map(move |to| (from, to)))
            .filter(|(from, to)| holds(*from, *to))
            .collect()
    }

    #[test]
    fn b7_these_changes_and_no_others_are_impossible() {
        let impossible = pairs(|from, to| from != to && !from.may_become(to));
        assert_eq!(
            impossible,
            [
                (Initializing, Busy),
                (Ready, Initializing),
                (Busy, Initializing),
                (Error, Busy),
                (Shutdown, Busy),
            ]
        );
        assert!(ALL.iter().all(|state| !state.may_become(*state)));
    }

    #[test]
    fn b7_an_actor_declares_only_what_concerns_a_ready_actor() {
        assert_eq!(
            pairs(Lifecycle::may_declare),
            [
                (Ready, Busy),
                (Ready, Error),
                (Busy, Ready),
                (Busy, Error),
                (Error, Ready),
            ]
        );
    }
}
