//! What happens to a message that finds the mailbox full.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What happens to a message that finds the mailbox full.
///
/// Each message that an overflow rule drops becomes a dead letter with its
/// reason; a refused one is handed back to the sender instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Overflow {
    /// The sender waits for room, in arrival order. The default: backpressure
    /// loses nothing.
    #[default]
    Block,
    /// The sender gets the message back at once, as `Full`.
    Reject,
    /// The new message is dropped; the sender sees success.
    DropNewest,
    /// The oldest queued message is dropped to make room for the new one.
    DropOldest,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Block => "block",
            Self::Reject => "reject",
            Self::DropNewest => "drop-newest",
            Self::DropOldest => "drop-oldest",
        })
    }
}
