//! A copy of the mailbox's queue in order of arrival, line by line, with slips.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::task::Waker;

use callboard::mailbox::{Counts, Overflow};
use callboard::model::internals::{Offer, Parked, Taken};
use loom::sync::atomic::AtomicU32;
use loom::sync::{Mutex, MutexGuard};

use crate::post::{Grip, Post};

const LANE: u32 = 1;
const KILL: u32 = 2;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// An accepted message wakes nobody.
    OfferWakesNobody,
    /// The consumer looks, lets go of the lock, and only then leaves its waker.
    ConsumerRegistersLate,
    /// Messages that were taken no longer count against the capacity.
    TakenCostsNothing,
    /// Room that is given back is not offered to those who wait.
    RoomIsNotPassedOn,
    /// A waiting message is moved over, and its sender not woken.
    MovedSenderSleepsOn,
    /// A sender whose message has been moved is told to wait on.
    MovedMessageIsForgotten,
    /// What was taken goes back in the wrong order.
    PutBackReversed,
    /// What was taken and put back counts as taken still.
    PutBackStaysHeld,
    /// Whoever withdraws takes the message at the head.
    CancelTakesTheFirst,
    /// A withdrawn message stays where it waits.
    CancelLeavesTheMessage,
    /// Withdrawing a message that has been accepted takes the newest back.
    CancelTakesBackTheAccepted,
    /// Closing leaves those who wait asleep.
    CloseWakesNoSender,
    /// Closing leaves the consumer asleep.
    CloseWakesNoConsumer,
    /// A closed door lets newcomers in.
    ClosedDoorAccepts,
    /// Closing forgets waiting messages instead of handing them back.
    CloseForgetsTheWaiting,
    /// Closing forgets what was accepted.
    CloseForgetsTheAccepted,
    /// The sender looks at the door, lets go of the lock, and then comes in.
    DoorIsCheckedEarly,
    /// Draining leaves the consumer asleep.
    DrainWakesNoConsumer,
    /// Draining leaves those who wait asleep.
    DrainWakesNoSender,
    /// The drain marker comes before the last message.
    DrainedTooEarly,
    /// A signal wakes the consumer before it can be seen.
    SignalWakesFirst,
    /// A signal wakes nobody.
    SignalWakesNobody,
    /// Drop-oldest takes a word of the system lane.
    DisplacesFromTheLane,
    /// A displaced message is not booked.
    DisplacedIsNotBooked,
    /// Drop-oldest accepts without displacing.
    DisplacesNothing,
    /// A kill wakes the handler before it can be seen.
    KillWakesFirst,
    /// A suspended handler leaves no waker.
    SuspendRegistersNothing,
    /// A suspended handler keeps the room of what it has finished.
    SuspendKeepsRoom,
}

struct State {
    store: VecDeque<u32>,
    held: u32,
    capacity: u32,
    overflow: Overflow,
    is_draining: bool,
    is_closed: bool,
    consumer: Option<Waker>,
    waiting: VecDeque<(u64, u32, Waker)>,
    next_ticket: u64,
    lane: VecDeque<u32>,
    books: Counts,
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy {
    slip: Slip,
    flag: AtomicU32,
    state: Mutex<State>,
}

/// The copy's batch.
#[derive(Default)]
pub(crate) struct CopyHand {
    items: VecDeque<u32>,
    finished: u32,
    in_hand: bool,
    kept: Option<u32>,
}

impl Grip for CopyHand {
    fn draw(&mut self) -> Option<u32> {
        let msg = self.items.pop_front()?;
        self.in_hand = true;
        Some(msg)
    }

    fn keep(&mut self, msg: u32) {
        self.kept = Some(msg);
    }

    fn finish(&mut self) -> bool {
        self.in_hand = false;
        self.kept = None;
        self.finished += 1;
        true
    }
}

impl Copy {
    pub(crate) fn new(capacity: u32, overflow: Overflow, slip: Slip) -> Self {
        Self {
            slip,
            flag: AtomicU32::new(0),
            state: Mutex::new(State {
                store: VecDeque::new(),
                held: 0,
                capacity,
                overflow,
                is_draining: false,
                is_closed: false,
                consumer: None,
                waiting: VecDeque::new(),
                next_ticket: 0,
                lane: VecDeque::new(),
                books: Counts::default(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the process")
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn pop_signal(&self, state: &mut State) -> Option<u32> {
        let word = state.lane.pop_front()?;
        if state.lane.is_empty() {
            self.flag.fetch_and(!LANE, Release);
        }
        Some(word)
    }

    fn has_room(&self, state: &State) -> bool {
        let held = if self.is(Slip::TakenCostsNothing) {
            0
        } else {
            state.held
        };
        state.store.len() + (held as usize) < state.capacity as usize
    }

    fn accept_waiting(&self, state: &mut State, wakes: &mut Vec<Waker>) {
        if state.is_draining || state.is_closed || self.is(Slip::RoomIsNotPassedOn) {
            return;
        }
        while self.has_room(state)
            && let Some((_, msg, waker)) = state.waiting.pop_front()
        {
            state.accept(msg);
            if !self.is(Slip::MovedSenderSleepsOn) {
                wakes.push(waker);
            }
        }
    }

    fn book_under(&self, state: &mut State, hand: &mut CopyHand, wakes: &mut Vec<Waker>) {
        let finished = std::mem::take(&mut hand.finished);
        if finished == 0 {
            return;
        }
        state.books.handled += u64::from(finished);
        state.held -= finished;
        self.accept_waiting(state, wakes);
    }
}

impl State {
    fn accept(&mut self, msg: u32) {
        self.store.push_back(msg);
        self.books.accepted += 1;
        let fill = self.store.len() as u64 + u64::from(self.held);
        self.books.high_water = self.books.high_water.max(fill);
    }

    fn at(&self, ticket: u64) -> Option<usize> {
        self.waiting.iter().position(|(t, ..)| *t == ticket)
    }

    fn refuse_waiting(&self, wakes: &mut Vec<Waker>) {
        wakes.extend(self.waiting.iter().map(|(_, _, waker)| waker.clone()));
    }
}

fn wake(wakes: impl IntoIterator<Item = Waker>) {
    wakes.into_iter().for_each(Waker::wake);
}

impl Post for Copy {
    type Hand = CopyHand;

    fn hand(&self) -> CopyHand {
        CopyHand::default()
    }

    fn offer(&self, msg: u32, waker: Option<&Waker>) -> Offer {
        let mut state = self.lock();
        if (state.is_draining || state.is_closed) && !self.is(Slip::ClosedDoorAccepts) {
            return Offer::Closed(msg);
        }
        if self.is(Slip::DoorIsCheckedEarly) {
            drop(state);
            state = self.lock();
        }
        let mut offer = Offer::Accepted;
        if !(self.has_room(&state) && state.waiting.is_empty()) {
            if state.overflow == Overflow::Block {
                let Some(waker) = waker else {
                    return Offer::Full(msg);
                };
                let ticket = state.next_ticket;
                state.next_ticket += 1;
                state.waiting.push_back((ticket, msg, waker.clone()));
                return Offer::Parked(ticket);
            }
            if self.is(Slip::DisplacesFromTheLane) {
                state.lane.pop_front();
            }
            if !self.is(Slip::DisplacesNothing) {
                let Some(old) = state.store.pop_front() else {
                    state.books.rejected += 1;
                    return Offer::Dropped(msg);
                };
                if !self.is(Slip::DisplacedIsNotBooked) {
                    state.books.displaced += 1;
                }
                offer = Offer::Displaced(old);
            }
        }
        state.accept(msg);
        let consumer = state.consumer.take();
        drop(state);
        if !self.is(Slip::OfferWakesNobody) {
            wake(consumer);
        }
        offer
    }

    fn poll_parked(&self, ticket: u64, waker: &Waker) -> Parked {
        let mut state = self.lock();
        let Some(at) = state.at(ticket) else {
            if self.is(Slip::MovedMessageIsForgotten) {
                return Parked::Waiting;
            }
            return Parked::Accepted;
        };
        if !state.is_draining && !state.is_closed {
            state.waiting[at].2 = waker.clone();
            return Parked::Waiting;
        }
        let (_, msg, _) = state.waiting.remove(at).expect("found just now");
        Parked::Closed(msg)
    }

    fn cancel(&self, ticket: u64) -> Option<u32> {
        let mut state = self.lock();
        let Some(at) = state.at(ticket) else {
            if self.is(Slip::CancelTakesBackTheAccepted) {
                state.store.pop_back();
            }
            return None;
        };
        if self.is(Slip::CancelLeavesTheMessage) {
            return Some(state.waiting[at].1);
        }
        let at = if self.is(Slip::CancelTakesTheFirst) {
            0
        } else {
            at
        };
        state.waiting.remove(at).map(|(_, msg, _)| msg)
    }

    fn signal(&self, word: u32) {
        let mut state = self.lock();
        let mut consumer = state.consumer.take();
        if self.is(Slip::SignalWakesNobody) {
            consumer = None;
        }
        if self.is(Slip::SignalWakesFirst) {
            drop(state);
            wake(consumer.take());
            state = self.lock();
        }
        state.lane.push_back(word);
        self.flag.fetch_or(LANE, Release);
        drop(state);
        wake(consumer);
    }

    fn kill(&self) {
        let mut state = self.lock();
        let mut consumer = state.consumer.take();
        if self.is(Slip::KillWakesFirst) {
            drop(state);
            wake(consumer.take());
            state = self.lock();
        }
        self.flag.fetch_or(KILL, Release);
        drop(state);
        wake(consumer);
    }

    fn is_flagged(&self) -> bool {
        self.flag.load(Relaxed) != 0
    }

    fn is_killed(&self) -> bool {
        self.flag.load(Acquire) & KILL != 0
    }

    fn next_signal(&self) -> Option<u32> {
        let mut state = self.lock();
        self.pop_signal(&mut state)
    }

    fn take(&self, hand: &mut CopyHand, waker: Option<&Waker>) -> Taken {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        self.book_under(&mut state, hand, &mut wakes);
        let is_shut = state.is_draining || state.is_closed;
        let taken = if let Some(word) = self.pop_signal(&mut state) {
            Taken::Signal(word)
        } else if is_shut && self.is(Slip::DrainedTooEarly) {
            Taken::Drained
        } else if !state.store.is_empty() {
            if state.overflow == Overflow::DropOldest {
                hand.items.extend(state.store.pop_front());
            } else {
                std::mem::swap(&mut state.store, &mut hand.items);
            }
            state.held += u32::try_from(hand.items.len()).expect("a small model");
            Taken::Items
        } else if is_shut {
            Taken::Drained
        } else {
            if self.is(Slip::ConsumerRegistersLate) {
                drop(state);
                state = self.lock();
            }
            state.consumer = waker.cloned();
            Taken::Empty
        };
        drop(state);
        wake(wakes);
        taken
    }

    fn book(&self, hand: &mut CopyHand) {
        let mut wakes = Vec::new();
        self.book_under(&mut self.lock(), hand, &mut wakes);
        wake(wakes);
    }

    fn suspend(&self, hand: &mut CopyHand, waker: &Waker) {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        if !self.is(Slip::SuspendKeepsRoom) {
            self.book_under(&mut state, hand, &mut wakes);
        }
        if !self.is(Slip::SuspendRegistersNothing) {
            state.consumer = Some(waker.clone());
        }
        drop(state);
        wake(wakes);
    }

    fn settle(&self, hand: &mut CopyHand) {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        state.consumer = None;
        self.book_under(&mut state, hand, &mut wakes);
        if !self.is(Slip::PutBackStaysHeld) {
            state.held -= u32::try_from(hand.items.len()).expect("a small model");
        }
        while let Some(msg) = if self.is(Slip::PutBackReversed) {
            hand.items.pop_front()
        } else {
            hand.items.pop_back()
        } {
            state.store.push_front(msg);
        }
        if std::mem::take(&mut hand.in_hand) {
            state.held -= 1;
            match hand.kept.take() {
                Some(msg) => state.store.push_front(msg),
                None => state.books.failed += 1,
            }
        }
        self.accept_waiting(&mut state, &mut wakes);
        if state.is_closed {
            state.books.undelivered += state.store.len() as u64;
            state.store.clear();
        }
        drop(state);
        wake(wakes);
    }

    fn drain(&self) {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        state.is_draining = true;
        if !self.is(Slip::DrainWakesNoSender) {
            state.refuse_waiting(&mut wakes);
        }
        if !self.is(Slip::DrainWakesNoConsumer) {
            wakes.extend(state.consumer.take());
        }
        drop(state);
        wake(wakes);
    }

    fn close(&self) -> Vec<u32> {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        state.is_closed = true;
        let mut rest: Vec<u32> = state.store.drain(..).collect();
        state.books.undelivered += rest.len() as u64;
        if self.is(Slip::CloseForgetsTheAccepted) {
            rest.clear();
        }
        if !self.is(Slip::CloseWakesNoSender) {
            state.refuse_waiting(&mut wakes);
        }
        if self.is(Slip::CloseForgetsTheWaiting) {
            state.waiting.clear();
        }
        state.lane.clear();
        if !self.is(Slip::CloseWakesNoConsumer) {
            wakes.extend(state.consumer.take());
        }
        drop(state);
        wake(wakes);
        rest
    }

    fn counts(&self) -> Counts {
        let state = self.lock();
        let mut counts = state.books;
        counts.queued = state.store.len() as u64;
        counts.in_hand = u64::from(state.held);
        counts
    }
}
