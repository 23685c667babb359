//! An actor's lifecycle state.

use std::fmt;

/// Where an actor is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lifecycle {
    /// Not started yet, or its start hook is running.
    #[default]
    Initializing,
    /// It waits for messages.
    Ready,
    /// A message is in hand. Computed when read: not announced to watchers.
    Busy,
    /// It crashed and may be restarted.
    Error,
    /// It was paused: its mailbox fills and nothing is handled.
    Maintenance,
    /// It is ending, or has ended.
    Shutdown,
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
