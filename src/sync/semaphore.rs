//! Permits, and those who wait for one in order of arrival.
//!
//! ```text
//!   limit = 3            held: ● ● ●        waiting: 7 ─ 8 ─ 9
//!                                │ release               cancel ╳
//!                                ▼
//!                        granted: 7  ── its future is polled ──▶ held by it
//!                                 └── dropped instead ──▶ granted: 8
//! ```
//!
//! A permit that comes back goes to the longest waiter itself, under the lock,
//! and is counted as held from then on. So a newcomer cannot slip in between,
//! and a waiter that dies with a grant passes it on.
//!
//! *Invariants*, whenever the lock is free: `held` counts permits out and
//! grants not yet fetched; somebody waits only while `held >= limit`; a ticket
//! is in `waiting`, in `granted`, or was turned away.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{Mutex, WakeList};

#[derive(Debug, Default)]
struct State {
    limit: usize,
    held: usize,
    /// Tickets rise, so the first is the longest waiter.
    waiting: BTreeMap<u64, Waker>,
    granted: BTreeSet<u64>,
    next_ticket: u64,
    /// Permits given out so far.
    given: u64,
}

impl State {
    /// Hands out what is free. Whoever is pushed must be woken.
    fn grant(&mut self, wakes: &mut WakeList) {
        while self.held < self.limit
            && let Some((ticket, waker)) = self.waiting.pop_first()
        {
            self.held += 1;
            self.given += 1;
            self.granted.insert(ticket);
            wakes.push(waker);
        }
    }

    /// Nobody is overtaken: while somebody waits, nothing is free.
    fn take(&mut self) -> bool {
        let is_free = self.held < self.limit;
        self.held += usize::from(is_free);
        self.given += u64::from(is_free);
        is_free
    }
}

/// What became of the wish for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A permit is held.
    Held,
    /// There is a place in the line.
    Waits(u64),
    /// There is none, or there are no permits at all.
    Full,
}

/// A semaphore at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) limit: usize,
    pub(crate) held: usize,
    pub(crate) waiting: usize,
    /// Permits given out so far.
    pub(crate) given: u64,
}

/// A bounded number of permits and a bounded line for them.
///
/// It counts; whoever has been given a permit gives it back with
/// [`Semaphore::release`], and guards above see to that.
#[derive(Debug)]
pub(crate) struct Semaphore {
    state: Mutex<State>,
}

impl Semaphore {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                limit,
                ..State::default()
            }),
        }
    }

    /// Takes a permit if one is free.
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        self.state.lock().take()
    }

    /// Takes a permit, or a place in the line if fewer than `most` wait.
    pub(crate) fn enter(&self, most: usize, waker: &Waker) -> Entry {
        // Cloned outside of the lock: a waker is foreign code.
        let waker = waker.clone();
        let mut state = self.state.lock();
        if state.take() {
            return Entry::Held;
        }
        if state.limit == 0 || state.waiting.len() >= most {
            return Entry::Full;
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.insert(ticket, waker);
        Entry::Waits(ticket)
    }

    /// Whether the place in the line has become a permit. `Full`: the last
    /// permit was taken away, and with it the line.
    pub(crate) fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Entry> {
        let waker = waker.clone();
        let mut state = self.state.lock();
        if state.granted.remove(&ticket) {
            return Poll::Ready(Entry::Held);
        }
        let Some(place) = state.waiting.get_mut(&ticket) else {
            return Poll::Ready(Entry::Full);
        };
        let old = std::mem::replace(place, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Leaves the line. A permit that was just granted goes to the next.
    pub(crate) fn cancel(&self, ticket: u64) {
        let mut state = self.state.lock();
        let waker = state.waiting.remove(&ticket);
        let was_granted = state.granted.remove(&ticket);
        drop(state);
        drop(waker);
        if was_granted {
            self.release();
        }
    }

    /// Gives a permit back.
    #[inline]
    pub(crate) fn release(&self) {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        state.held -= 1;
        state.grant(&mut wakes);
        drop(state);
        wakes.wake();
    }

    /// Changes how many permits there are. Those out beyond the new limit stay
    /// out until they come back; at 0 the whole line is turned away. Whoever
    /// has a permit now, or none for ever, is to be woken with no lock held.
    #[must_use]
    pub(crate) fn resize(&self, limit: usize) -> WakeList {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        state.limit = limit;
        state.grant(&mut wakes);
        if limit == 0 {
            let turned_away = std::mem::take(&mut state.waiting);
            turned_away
                .into_values()
                .for_each(|waker| wakes.push(waker));
        }
        wakes
    }

    pub(crate) fn places(&self) -> Places {
        let state = self.state.lock();
        Places {
            limit: state.limit,
            held: state.held,
            waiting: state.waiting.len(),
            given: state.given,
        }
    }

    /// Waits for a permit, if fewer than `most` wait. `true`: one is held, and
    /// whoever awaited it gives it back.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it resolves, it leaves the line, and a permit that was
    /// on its way goes to the next.
    pub(crate) fn acquire(&self, most: usize) -> Acquire<'_> {
        Acquire {
            semaphore: self,
            most,
            ticket: None,
        }
    }
}

/// See [`Semaphore::acquire`].
#[derive(Debug)]
pub(crate) struct Acquire<'a> {
    semaphore: &'a Semaphore,
    most: usize,
    ticket: Option<u64>,
}

impl Future for Acquire<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<bool> {
        let entry = match self.ticket {
            None => self.semaphore.enter(self.most, task.waker()),
            Some(ticket) => match self.semaphore.poll(ticket, task.waker()) {
                Poll::Ready(entry) => entry,
                Poll::Pending => return Poll::Pending,
            },
        };
        self.ticket = match entry {
            Entry::Waits(ticket) => Some(ticket),
            Entry::Held | Entry::Full => None,
        };
        match entry {
            Entry::Waits(_) => Poll::Pending,
            Entry::Held => Poll::Ready(true),
            Entry::Full => Poll::Ready(false),
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.semaphore.cancel(ticket);
        }
    }
}
