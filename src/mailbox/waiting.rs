//! Senders that wait for room, in arrival order.
//!
//! A waiting sender leaves its message here and keeps only a ticket. Whoever
//! makes room moves the message into the queue itself, so the order is that of
//! arrival, a newcomer cannot slip in between, and a sender that is never
//! polled again holds nobody up.

use std::collections::VecDeque;
use std::task::Waker;

#[derive(Debug)]
struct Entry<T> {
    ticket: u64,
    item: T,
    waker: Waker,
}

/// Waiting senders, oldest first. Tickets rise strictly, so finding one is a
/// binary search.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    entries: VecDeque<Entry<T>>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
        }
    }
}

impl<T> Waiting<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn push(&mut self, ticket: u64, item: T, waker: Waker) {
        debug_assert!(self.entries.back().is_none_or(|last| last.ticket < ticket));
        self.entries.push_back(Entry {
            ticket,
            item,
            waker,
        });
    }

    pub(crate) fn pop(&mut self) -> Option<(T, Waker)> {
        self.entries.pop_front().map(|e| (e.item, e.waker))
    }

    /// Takes the entry out, wherever it stands.
    pub(crate) fn remove(&mut self, ticket: u64) -> Option<T> {
        let at = self.find(ticket)?;
        self.entries.remove(at).map(|e| e.item)
    }

    /// Keeps the newest waker of the entry; `false` if it is no longer here.
    pub(crate) fn renew(&mut self, ticket: u64, waker: &Waker) -> bool {
        let Some(at) = self.find(ticket) else {
            return false;
        };
        let entry = &mut self.entries[at];
        if !entry.waker.will_wake(waker) {
            entry.waker = waker.clone();
        }
        true
    }

    pub(crate) fn wakers(&self) -> impl Iterator<Item = &Waker> {
        self.entries.iter().map(|e| &e.waker)
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.entries
            .binary_search_by_key(&ticket, |e| e.ticket)
            .ok()
    }
}
