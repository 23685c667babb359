//! How large a mailbox is, in which order it hands out, what it does when full.

use std::time::Duration;

use super::overflow::Overflow;

/// In which order messages are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    Arrival,
    Priority {
        per_level: Duration,
    },
}

/// Settings of a mailbox: capacity, order, and what happens when it is full.
///
/// A plain number converts into one: `.mailbox(64)`.
///
/// ```
/// use callboard::mailbox::{Mailbox, Overflow};
///
/// let mailbox = Mailbox::bounded(100).overflow(Overflow::DropOldest);
/// assert_eq!(mailbox.capacity(), 100);
/// assert!(Mailbox::bounded(0).validate().is_err(), "refused at start");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub(crate) capacity: usize,
    pub(crate) overflow: Overflow,
    pub(crate) order: Order,
}

impl Mailbox {
    /// The capacity unless said: 64 messages.
    pub const DEFAULT_CAPACITY: usize = 64;

    /// A mailbox for at most `capacity` messages, queued and in hand together.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        Self {
            capacity,
            overflow: Overflow::Block,
            order: Order::Arrival,
        }
    }

    /// What happens to a message that finds the mailbox full. Default
    /// [`Overflow::Block`].
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Handles messages by priority, 9 first, first-in-first-out inside one.
    ///
    /// A waiting message rises one level per second, so none starves;
    /// [`Mailbox::ageing`] sets another pace. Costs one lock and one clock
    /// read per message, where a mailbox without priorities takes a whole
    /// burst with one lock.
    #[must_use]
    pub fn prioritised(self) -> Self {
        self.ageing(Duration::from_secs(1))
    }

    /// As [`Mailbox::prioritised`], a waiting message rising one level per
    /// `per_level`. Zero switches ageing off: low priorities may then starve.
    #[must_use]
    pub fn ageing(mut self, per_level: Duration) -> Self {
        self.order = Order::Priority { per_level };
        self
    }

    /// The most messages it holds, queued and in hand together.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A capacity of 0, or above `u32::MAX / 2`.
    pub fn validate(&self) -> Result<(), InvalidMailbox> {
        if self.capacity == 0 {
            return Err(InvalidMailbox::NoCapacity);
        }
        if self.capacity > (u32::MAX / 2) as usize {
            return Err(InvalidMailbox::TooLarge(self.capacity));
        }
        Ok(())
    }
}

impl Default for Mailbox {
    /// 64 messages, senders wait, order of arrival.
    fn default() -> Self {
        Self::bounded(Self::DEFAULT_CAPACITY)
    }
}

impl From<usize> for Mailbox {
    fn from(capacity: usize) -> Self {
        Self::bounded(capacity)
    }
}

/// Why mailbox settings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidMailbox {
    /// The capacity is 0: no message could ever enter.
    NoCapacity,
    /// The capacity is larger than the counters.
    TooLarge(usize),
}

impl std::fmt::Display for InvalidMailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoCapacity => {
                f.write_str("a mailbox of capacity 0 can hold no message, give it at least 1")
            }
            Self::TooLarge(n) => write!(
                f,
                "a mailbox of capacity {n} is too large, give it at most {}",
                u32::MAX / 2
            ),
        }
    }
}

impl std::error::Error for InvalidMailbox {}
