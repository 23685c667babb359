//! What the actor took out of its mailbox and has not yet handled.

use std::collections::VecDeque;

/// How many handled messages may go unbooked: room is given back at least this
/// often, so one lock serves many messages.
const LARGEST_CHUNK: u32 = 32;

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
    pub(super) handled: u32,
    pub(super) expired: u32,
    pub(super) chunk: u32,
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
            chunk: (capacity / 2).clamp(1, LARGEST_CHUNK),
            in_hand: false,
            kept: None,
        }
    }

    /// The next message and its sequence number; it is in hand from here on.
    pub(crate) fn next(&mut self) -> Option<(T, u64)> {
        let item = self.items.pop_front()?;
        let seq = self.next_seq;
        self.next_seq += 1;
        self.in_hand = true;
        Some((item, seq))
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

    /// Books the message in hand as handled. `true` when it is time to give
    /// room back.
    #[must_use]
    pub(crate) fn finish(&mut self) -> bool {
        self.in_hand = false;
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
