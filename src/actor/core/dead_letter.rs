//! A message that nobody handled, with the reason.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Why a message was not handled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadReason {
    /// The actor had ended, or ended for good with the message in its mailbox.
    Undelivered,
    /// An overflow rule dropped it.
    Overflow,
    /// Its time to live passed while it waited.
    Expired,
    /// The actor failed, panicked or was killed while it handled it.
    Crashed(Arc<str>),
    /// It crashed the actor on every redelivery.
    Poison(Arc<str>),
    /// An envelope was refused at the door, or had no receiver.
    Refused(Arc<str>),
}

impl DeadReason {
    /// The reason without its particulars, to count by.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Undelivered => "undelivered",
            Self::Overflow => "overflow",
            Self::Expired => "expired",
            Self::Crashed(_) => "crashed",
            Self::Poison(_) => "poison",
            Self::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Crashed(why) | Self::Poison(why) | Self::Refused(why) => write!(f, " ({why})"),
            Self::Undelivered | Self::Overflow | Self::Expired => Ok(()),
        }
    }
}

/// A message that nobody handled.
///
/// It names the message and does not hold it: its handler owned it, or it was
/// dropped to end pending asks at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The path of the actor it was meant for.
    pub receiver: Arc<str>,
    /// The path of the actor that sent it, where that is known: the message had
    /// metadata, or was dropped in the sender's own call.
    pub sender: Option<Arc<str>>,
    /// Why it was not handled.
    pub reason: DeadReason,
    /// The message's type.
    pub message_type: &'static str,
    /// Its number among the messages of that mailbox, from 0; for one that was
    /// dropped at the door, the number it would have had. `None` where there was
    /// no mailbox.
    pub seq: Option<u64>,
    /// When it died, by the system's clock.
    pub at: Instant,
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.message_type, self.receiver)?;
        if let Some(seq) = self.seq {
            write!(f, " (#{seq})")?;
        }
        if let Some(sender) = &self.sender {
            write!(f, " from {sender}")?;
        }
        write!(f, ": {}", self.reason)
    }
}
