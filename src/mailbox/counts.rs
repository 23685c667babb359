//! The books of one mailbox: where every accepted message went.

use std::fmt;
use std::ops::AddAssign;

/// Where every accepted message of a mailbox went, at one instant.
///
/// The snapshot is taken under the mailbox lock, so it always balances:
/// `accepted = handled + failed + expired + displaced + undelivered + queued +
/// in_hand`. [`Counts::is_conserved`] checks it. Counters are in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Messages that entered the mailbox.
    pub accepted: u64,
    /// The hook returned `Ok`.
    pub handled: u64,
    /// The hook returned `Err`, panicked, or was killed with the message in
    /// hand; counted once, after the last redelivery.
    pub failed: u64,
    /// Dropped because their time to live had passed.
    pub expired: u64,
    /// Dropped by [`Overflow::DropOldest`](crate::mailbox::Overflow::DropOldest)
    /// after they had been accepted.
    pub displaced: u64,
    /// Dead-lettered because the actor ended for good.
    pub undelivered: u64,
    /// Waiting in the mailbox.
    pub queued: u64,
    /// Taken by the actor and not yet booked.
    pub in_hand: u64,
    /// Never accepted: refused as full, or dropped as newest.
    pub rejected: u64,
    /// The largest number of messages that were in the mailbox at once.
    pub high_water: u64,
}

impl Counts {
    /// Whether every accepted message is accounted for.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        self.accepted == self.settled() + self.queued + self.in_hand
    }

    /// Messages whose fate is decided.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.handled + self.failed + self.expired + self.displaced + self.undelivered
    }
}

impl AddAssign for Counts {
    /// Adds the other's figures; `high_water` takes the larger one.
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.handled += other.handled;
        self.failed += other.failed;
        self.expired += other.expired;
        self.displaced += other.displaced;
        self.undelivered += other.undelivered;
        self.queued += other.queued;
        self.in_hand += other.in_hand;
        self.rejected += other.rejected;
        self.high_water = self.high_water.max(other.high_water);
    }
}

impl fmt::Display for Counts {
    /// The conservation line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "accepted {} = handled {} + failed {} + expired {} + displaced {} + undelivered {} + queued {} + in hand {} ({}; rejected {})",
            self.accepted,
            self.handled,
            self.failed,
            self.expired,
            self.displaced,
            self.undelivered,
            self.queued,
            self.in_hand,
            if self.is_conserved() {
                "balances"
            } else {
                "DOES NOT BALANCE"
            },
            self.rejected,
        )
    }
}
