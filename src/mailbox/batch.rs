//! What the actor took out of its mailbox and has not yet handled.

use std::collections::VecDeque;

/// How many handled messages may go unbooked: room is given back at least this
/// often, so one lock serves many messages.
const LARGEST_CHUNK: u8 = 32;

/// Messages handled in one go before the actor lets its neighbours run.
const BUDGET: u8 = 128;

/// The consumer's hand: messages taken with one lock, worked off one by one.
///
/// It belongs to the slot, not to the incarnation. Whatever ends the
/// incarnation, [`Queue::settle`](super::queue::Queue::settle) puts the rest
/// back at the front, in order.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    pub(super) items: VecDeque<T>,
    /// Sequence number of the next item.
    pub(super) next_seq: u64,
    /// Finished since the last booking.
    pub(super) handled: u8,
    pub(super) expired: u8,
    pub(super) chunk: u8,
    /// What is left of [`BUDGET`].
    budget: u8,
    pub(super) in_hand: bool,
    /// A copy of the message in hand, where the slot redelivers.
    pub(super) kept: Option<Box<T>>,
}

impl<T> Batch<T> {
    pub(crate) fn new(capacity: u32) -> Self {
        Self {
            items: VecDeque::new(),
            next_seq: 0,
            handled: 0,
            expired: 0,
            chunk: u8::try_from(capacity / 2)
                .unwrap_or(LARGEST_CHUNK)
                .clamp(1, LARGEST_CHUNK),
            budget: BUDGET,
            in_hand: false,
            kept: None,
        }
    }

    /// The next message and its sequence number; it is in hand from here on.
    pub(crate) fn next(&mut self) -> Option<(T, u64)> {
        let item = self.items.pop_front()?;
        let seq = self.next_seq;
        self.hold(seq);
        Some((item, seq))
    }

    /// The message of this number is in hand from here on.
    pub(super) fn hold(&mut self, seq: u64) {
        self.next_seq = seq + 1;
        self.in_hand = true;
        self.budget = self.budget.saturating_sub(1);
    }

    /// Whether another message may be handled before the neighbours run.
    pub(crate) fn has_budget(&self) -> bool {
        self.budget > 0
    }

    /// The neighbours have run, or will before the next message.
    pub(crate) fn renew_budget(&mut self) {
        self.budget = BUDGET;
    }

    /// Whether there is nothing to give back and nothing to book.
    pub(crate) fn is_blank(&self) -> bool {
        self.items.is_empty() && !self.in_hand && self.handled == 0 && self.expired == 0
    }

    /// Keeps a copy of the message in hand, to be put back if it is not
    /// finished.
    pub(crate) fn keep(&mut self, copy: T) {
        self.kept = Some(Box::new(copy));
    }

    /// Takes the copy out: the message will not be tried again.
    pub(crate) fn take_copy(&mut self) -> Option<Box<T>> {
        self.kept.take()
    }

    /// The sequence number of the message in hand, if there is one.
    pub(crate) fn in_hand(&self) -> Option<u64> {
        self.in_hand.then(|| self.next_seq - 1)
    }

    /// Books the message in hand, if there is one, as handled. `true` when it is
    /// time to give room back.
    #[must_use]
    pub(crate) fn finish(&mut self) -> bool {
        if !std::mem::take(&mut self.in_hand) {
            return false;
        }
        self.kept = None;
        self.handled += 1;
        self.is_due()
    }

    /// Books the message in hand as expired. `true` when it is time to give
    /// room back.
    #[must_use]
    pub(crate) fn discard_expired(&mut self) -> bool {
        self.in_hand = false;
        self.expired += 1;
        self.is_due()
    }

    fn is_due(&self) -> bool {
        self.handled + self.expired >= self.chunk
    }
}
