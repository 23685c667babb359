//! What can go wrong on the way of a message. Each error hands the message
//! back when it was never handled, and only then.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::mailbox::Unanswered;

/// A message that did not enter a mailbox that was not waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryTellError<M> {
    /// No room now; there may be later.
    Full(M),
    /// The actor has ended; there will never be room.
    Closed(M),
}

/// A message that did not enter the mailbox, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TellError<M> {
    /// The mailbox is full and its overflow rule is to refuse.
    Full(M),
    /// The actor has ended; there will never be room.
    Closed(M),
    /// There was no room in time.
    Timeout(M),
}

/// A question without an answer, and why.
#[derive(Clone, PartialEq, Eq)]
pub enum AskError<M> {
    /// The mailbox is full and its overflow rule is to refuse, or to drop the
    /// newest.
    Full(M),
    /// The actor has ended; it never saw the question.
    Closed(M),
    /// Asking would have closed a circle of actors that wait for one another.
    Cycle {
        /// The circle, as paths joined by ` -> `.
        path: String,
        /// The question, which was not sent.
        msg: M,
    },
    /// The deadline passed while the question still waited for room.
    NotSent(M),
    /// The breaker at the actor's door is open: it never saw the question. See
    /// [`ChildSpec::breaker`](crate::actor::ChildSpec::breaker).
    Refused {
        /// When it makes sense to ask again.
        retry_after: Duration,
        /// The question, which was not sent.
        msg: M,
    },
    /// The question was sent and will not be answered.
    Unanswered(Unanswered),
}

impl<M> TryTellError<M> {
    /// The message.
    pub fn into_inner(self) -> M {
        match self {
            Self::Full(msg) | Self::Closed(msg) => msg,
        }
    }

    /// Whether there may be room later.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<M> TellError<M> {
    /// The message.
    pub fn into_inner(self) -> M {
        match self {
            Self::Full(msg) | Self::Closed(msg) | Self::Timeout(msg) => msg,
        }
    }
}

impl<M> AskError<M> {
    /// The question, if it was never handled.
    pub fn into_inner(self) -> Option<M> {
        match self {
            Self::Full(msg)
            | Self::Closed(msg)
            | Self::NotSent(msg)
            | Self::Cycle { msg, .. }
            | Self::Refused { msg, .. } => Some(msg),
            Self::Unanswered(_) => None,
        }
    }

    /// Whether time ran out, before or after the question entered the mailbox.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::NotSent(_) | Self::Unanswered(Unanswered::Timeout)
        )
    }

    /// Why it went unanswered, where it was sent.
    #[must_use]
    pub fn unanswered(&self) -> Option<Unanswered> {
        match self {
            Self::Unanswered(why) => Some(*why),
            _ => None,
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "no answer before the deadline",
            Self::Expired => "the question expired in the mailbox",
            Self::Stopped => "the actor ended before it handled the question",
            Self::Crashed => "the actor crashed with the question in hand",
            Self::NoReply => "the actor dropped the question without an answer",
            Self::Dropped => "the mailbox was full and dropped the question",
            Self::Cancelled => "the request it was asked for was cancelled",
        })
    }
}

impl Error for Unanswered {}

const FULL: &str = "the mailbox is full, try later or wait with `tell`";
const CLOSED: &str = "the actor has ended";

impl<M> fmt::Display for TryTellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => FULL,
            Self::Closed(_) => CLOSED,
        })
    }
}

impl<M> fmt::Display for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => FULL,
            Self::Closed(_) => CLOSED,
            Self::Timeout(_) => "the mailbox had no room in time",
        })
    }
}

impl<M> fmt::Display for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str(FULL),
            Self::Closed(_) => f.write_str(CLOSED),
            Self::Cycle { path, .. } => {
                write!(f, "asking would wait for itself: {path}")
            }
            Self::NotSent(_) => f.write_str("the mailbox had no room before the deadline"),
            Self::Refused { retry_after, .. } => {
                write!(
                    f,
                    "the actor's breaker is open, ask again in {retry_after:?}"
                )
            }
            Self::Unanswered(why) => why.fmt(f),
        }
    }
}

// By hand: `derive` would ask every message to be `Debug`, and would print it.
impl<M> fmt::Debug for TryTellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<M> fmt::Debug for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
            Self::Timeout(_) => "Timeout(..)",
        })
    }
}

impl<M> fmt::Debug for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::Cycle { path, .. } => write!(f, "Cycle({path})"),
            Self::NotSent(_) => f.write_str("NotSent(..)"),
            Self::Refused { retry_after, .. } => write!(f, "Refused({retry_after:?})"),
            Self::Unanswered(why) => write!(f, "Unanswered({why:?})"),
        }
    }
}

impl<M> Error for TryTellError<M> {}
impl<M> Error for TellError<M> {}
impl<M> Error for AskError<M> {}
