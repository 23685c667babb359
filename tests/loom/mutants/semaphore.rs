//! A copy of the semaphore, line by line, with slips.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Poll, Waker};

use callboard::model::internals::Entry;
use loom::sync::{Mutex, MutexGuard};

use crate::semaphore::Permits;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// Who leaves the line with a grant takes it along.
    CancelKeepsTheGrant,
    /// Who leaves the line is served in its turn nevertheless.
    CancelStaysInLine,
    /// A permit that comes back is free, and the line does not hear of it.
    ReleaseServesNobody,
    /// It is free for anyone, and the first in line has to be quick.
    ReleaseLetsAnyoneIn,
    /// The one that is served is not told.
    GrantWakesNobody,
    GrantIsNotCounted,
    LastGoesFirst,
    /// Looks, lets go of the lock, and only then joins the line.
    EnterLooksAndThenWaits,
    /// Takes its old waker out, lets go of the lock, and only then leaves the
    /// new one.
    PollLooksAndThenWaits,
    /// A smaller number of permits begins with fewer out.
    ShrinkForgetsThoseOut,
    /// A permit that comes back is given out, however few there are to be.
    ShrinkIsNotHeeded,
    /// A larger one is for those who come later.
    GrowServesNobody,
}

#[derive(Default)]
struct State {
    limit: usize,
    held: usize,
    waiting: BTreeMap<u64, Waker>,
    granted: BTreeSet<u64>,
    next_ticket: u64,
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy {
    slip: Slip,
    state: Mutex<State>,
}

impl Copy {
    pub(crate) fn new(limit: usize, slip: Slip) -> Self {
        Self {
            slip,
            state: Mutex::new(State {
                limit,
                ..State::default()
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the process")
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn grant(&self, state: &mut State, wakes: &mut Vec<Waker>) {
        while state.held < state.limit {
            let next = if self.is(Slip::LastGoesFirst) {
                state.waiting.pop_last()
            } else {
                state.waiting.pop_first()
            };
            let Some((ticket, waker)) = next else {
                return;
            };
            if !self.is(Slip::GrantIsNotCounted) {
                state.held += 1;
            }
            state.granted.insert(ticket);
            if !self.is(Slip::GrantWakesNobody) {
                wakes.push(waker);
            }
            if self.is(Slip::GrantIsNotCounted) {
                return;
            }
        }
    }
}

impl Permits for Copy {
    fn try_acquire(&self) -> bool {
        let mut state = self.lock();
        let is_free = state.held < state.limit;
        state.held += usize::from(is_free);
        is_free
    }

    fn enter(&self, most: usize, waker: &Waker) -> Entry {
        let waker = waker.clone();
        let mut state = self.lock();
        if state.held < state.limit {
            state.held += 1;
            return Entry::Held;
        }
        if state.limit == 0 || state.waiting.len() >= most {
            return Entry::Full;
        }
        if self.is(Slip::EnterLooksAndThenWaits) {
            drop(state);
            state = self.lock();
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.insert(ticket, waker);
        Entry::Waits(ticket)
    }

    fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Entry> {
        let waker = waker.clone();
        let mut state = self.lock();
        if self.is(Slip::ReleaseLetsAnyoneIn)
            && state.held < state.limit
            && state.waiting.keys().next() == Some(&ticket)
        {
            state.held += 1;
            state.waiting.remove(&ticket);
            return Poll::Ready(Entry::Held);
        }
        if state.granted.remove(&ticket) {
            return Poll::Ready(Entry::Held);
        }
        if self.is(Slip::PollLooksAndThenWaits) {
            let old = state.waiting.remove(&ticket);
            drop(state);
            drop(old);
            self.lock().waiting.insert(ticket, waker);
            return Poll::Pending;
        }
        let Some(place) = state.waiting.get_mut(&ticket) else {
            return Poll::Ready(Entry::Full);
        };
        let old = std::mem::replace(place, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }

    fn cancel(&self, ticket: u64) {
        let mut state = self.lock();
        let waker = if self.is(Slip::CancelStaysInLine) {
            None
        } else {
            state.waiting.remove(&ticket)
        };
        let was_granted = state.granted.remove(&ticket);
        drop(state);
        drop(waker);
        if was_granted && !self.is(Slip::CancelKeepsTheGrant) {
            self.release();
        }
    }

    fn release(&self) {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        state.held = state.held.saturating_sub(1);
        if self.is(Slip::ShrinkIsNotHeeded) {
            let limit = std::mem::replace(&mut state.limit, usize::MAX);
            if let Some((ticket, waker)) = state.waiting.pop_first() {
                state.held += 1;
                state.granted.insert(ticket);
                wakes.push(waker);
            }
            state.limit = limit;
        } else if self.is(Slip::ReleaseLetsAnyoneIn) {
            wakes.extend(state.waiting.values().next().cloned());
        } else if !self.is(Slip::ReleaseServesNobody) {
            self.grant(&mut state, &mut wakes);
        }
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
    }

    fn resize(&self, limit: usize) {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        state.limit = limit;
        if self.is(Slip::ShrinkForgetsThoseOut) {
            state.held = 0;
        }
        if !self.is(Slip::GrowServesNobody) {
            self.grant(&mut state, &mut wakes);
        }
        let turned_away = match limit {
            0 => std::mem::take(&mut state.waiting),
            _ => BTreeMap::new(),
        };
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        turned_away.into_values().for_each(Waker::wake);
    }

    fn places(&self) -> (usize, usize) {
        let state = self.lock();
        (state.held, state.waiting.len())
    }
}
