//! The bounded queue: one short lock around messages, waiting senders and books.
//!
//! ```text
//!  senders                       state (one lock)                       actor
//!  ───────   offer   ┌──────────────────────────────────────┐   take   ──────
//!  tell ───────────▶ │ store   m5 m6 m7        (accepted)   │ ───────▶ batch
//!        full? park  │ waiting #8 #9           (not yet)    │  swap    m1..m4
//!  #8 ─────────────▶ │ held    4 = taken, not yet booked    │ ◀─────── book
//!                    │ lane    stop, notices   (no limit    │
//!  system ─────────▶ │         of the queue applies)        │
//!                    └──────────────────────────────────────┘
//!                      flag: one relaxed load per message says "look here"
//! ```
//!
//! - Capacity bounds `store + held`: what is queued and what was taken but not
//!   yet booked. It is never exceeded.
//! - The actor takes the whole store with one lock by swapping it for its own
//!   empty buffer. Mailboxes that drop the oldest or order by priority hand out
//!   one message per lock instead: a taken message can be neither displaced
//!   nor overtaken.
//! - Room is given back in chunks, and always before the actor suspends, or an
//!   actor that waits for one of its own senders would deadlock.
//! - A sender that finds no room leaves its message in `waiting`; whoever gives
//!   room back moves it over. No grant can be lost, because none is handed out.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::task::Waker;
use std::time::Instant;

use super::batch::Batch;
use super::counts::Counts;
use super::lane::{KILL, LANE, Lane, Word, bit_of, is_plain, plain_word};
use super::overflow::Overflow;
use super::settings::{Mailbox, Order};
use super::store::{Item, Store};
use super::waiting::Waiting;
use crate::sync::atomic::AtomicU32;
use crate::sync::{Mutex, MutexGuard, WakeList};

/// What became of a message at the door.
#[derive(Debug)]
pub(crate) enum Offer<T> {
    Accepted,
    /// Accepted, and this older message had to leave.
    Displaced(T, u64),
    /// Not accepted: the newest is the one to drop. The number it would have
    /// had.
    Dropped(T, u64),
    /// Not accepted and not kept.
    Full(T),
    /// The sender waits under this ticket.
    Parked(u64),
    Closed(T),
}

/// What became of a waiting message.
#[derive(Debug)]
pub(crate) enum Parked<T> {
    Accepted,
    Waiting,
    Closed(T),
}

/// What the actor found.
#[derive(Debug)]
pub(crate) enum Taken<T, S> {
    /// A single message and its number; it is in hand.
    One(T, u64),
    /// The batch has messages.
    Items,
    /// A word from the system lane, which goes before messages.
    Signal(S),
    /// Draining, and the last accepted message has been taken.
    Drained,
    /// Nothing; the waker is registered.
    Empty,
}

/// How an unfinished message in hand is to be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// It counts as failed.
    Failed,
    /// Its copy, if one was kept, goes back to the front; else it failed.
    PutBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    /// Nothing new; what was accepted is still handled.
    Draining,
    Closed,
}

#[derive(Debug, Default)]
struct Books {
    accepted: u64,
    handled: u64,
    /// Absent while nothing has gone wrong, as in most mailboxes.
    mishaps: Option<Box<Mishaps>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mishaps {
    failed: u64,
    expired: u64,
    displaced: u64,
    undelivered: u64,
    rejected: u64,
}

impl Books {
    fn mishaps(&mut self) -> &mut Mishaps {
        self.mishaps.get_or_insert_default()
    }
}

#[derive(Debug)]
struct State<T, S> {
    store: Store<T>,
    held: u32,
    high_water: u32,
    capacity: u32,
    overflow: Overflow,
    door: Door,
    /// Paused: the overflow rule to return to.
    paused: Option<Overflow>,
    /// The actor itself takes nothing for now.
    is_held: bool,
    consumer: Option<Waker>,
    waiting: Option<Box<Waiting<T>>>,
    next_ticket: u64,
    lane: Option<Box<Lane<S>>>,
    books: Books,
}

/// A bounded queue with one consumer. See the file's drawing.
#[derive(Debug)]
pub(crate) struct Queue<T, S> {
    flag: AtomicU32,
    capacity: u32,
    state: Mutex<State<T, S>>,
}

impl<T: Item, S: Word> Queue<T, S> {
    pub(crate) fn new(settings: &Mailbox) -> Self {
        let store = match settings.order {
            Order::Arrival => Store::fifo(),
            Order::Priority { per_level } => Store::lanes(per_level),
        };
        let capacity = u32::try_from(settings.capacity).unwrap_or(u32::MAX);
        Self {
            flag: AtomicU32::new(0),
            capacity,
            state: Mutex::new(State {
                store,
                held: 0,
                high_water: 0,
                capacity,
                overflow: settings.overflow,
                door: Door::Open,
                paused: None,
                is_held: false,
                consumer: None,
                waiting: None,
                next_ticket: 0,
                lane: None,
                books: Books::default(),
            }),
        }
    }

    // ---- senders -------------------------------------------------------

    /// Offers a message. With a waker, a sender that finds no room waits;
    /// without one it gets the message back.
    #[inline]
    pub(crate) fn offer(
        &self,
        item: T,
        waker: Option<&Waker>,
        now: impl FnOnce() -> Instant,
    ) -> Offer<T> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.door != Door::Open || !state.has_room() || state.waiting.is_some() {
            return self.offer_without_room(guard, item, waker, now);
        }
        state.accept(item, now);
        let consumer = state.consumer.take();
        drop(guard);
        if let Some(consumer) = consumer {
            consumer.wake();
        }
        Offer::Accepted
    }

    /// Kept out of the way of what nearly always happens.
    #[cold]
    #[inline(never)]
    fn offer_without_room(
        &self,
        mut guard: MutexGuard<'_, State<T, S>>,
        item: T,
        waker: Option<&Waker>,
        now: impl FnOnce() -> Instant,
    ) -> Offer<T> {
        let state = &mut *guard;
        if state.door != Door::Open {
            return Offer::Closed(item);
        }
        match state.overflow {
            Overflow::Block => {
                let Some(waker) = waker else {
                    state.books.mishaps().rejected += 1;
                    return Offer::Full(item);
                };
                let ticket = state.next_ticket;
                state.next_ticket += 1;
                let waiting = state.waiting.get_or_insert_default();
                waiting.push(ticket, item, waker.clone());
                Offer::Parked(ticket)
            }
            Overflow::Reject => {
                state.books.mishaps().rejected += 1;
                Offer::Full(item)
            }
            Overflow::DropNewest => {
                state.books.mishaps().rejected += 1;
                Offer::Dropped(item, state.books.accepted)
            }
            Overflow::DropOldest => {
                let oldest = match &state.waiting {
                    // Since before a pause that brought this rule: a newcomer
                    // that made room for itself would overtake them.
                    Some(_) => None,
                    // All there is room for may be in the actor's hand, which
                    // nothing can displace.
                    None => state.store.pop_displaced(),
                };
                let Some((old, seq)) = oldest else {
                    state.books.mishaps().rejected += 1;
                    return Offer::Dropped(item, state.books.accepted);
                };
                state.books.mishaps().displaced += 1;
                state.accept(item, now);
                let consumer = state.consumer.take();
                drop(guard);
                if let Some(consumer) = consumer {
                    consumer.wake();
                }
                Offer::Displaced(old, seq)
            }
        }
    }

    /// Asks what became of a waiting message.
    pub(crate) fn poll_parked(&self, ticket: u64, waker: &Waker) -> Parked<T> {
        let mut state = self.state.lock();
        let open = state.door == Door::Open;
        let Some(waiting) = state.waiting.as_mut() else {
            return Parked::Accepted;
        };
        if open {
            if waiting.renew(ticket, waker) {
                return Parked::Waiting;
            }
            return Parked::Accepted;
        }
        match waiting.remove(ticket) {
            Some(item) => {
                state.forget_empty_waiting();
                Parked::Closed(item)
            }
            None => Parked::Accepted,
        }
    }

    /// Withdraws a waiting message. `None`: it had been accepted already.
    pub(crate) fn cancel(&self, ticket: u64) -> Option<T> {
        let mut state = self.state.lock();
        let item = state.waiting.as_mut()?.remove(ticket);
        state.forget_empty_waiting();
        item
    }

    // ---- the system lane -----------------------------------------------

    /// Sends a word that no overflow rule and no full queue can touch.
    pub(crate) fn signal(&self, signal: S) {
        let mut state = self.state.lock();
        if state.door == Door::Closed {
            // Nobody will look, and the word may hold a reference to this very
            // mailbox.
            drop(state);
            drop(signal);
            return;
        }
        match (&mut state.lane, bit_of(&signal)) {
            // A plain word goes before those on the heap, so it may only wait
            // beside none; and only one waits, since bits have no order.
            (None, Some(bit)) if !is_plain(self.flag.load(Relaxed)) => self.raise(bit),
            (Some(lane), _) => lane.rest.push_back(signal),
            (lane, _) => {
                *lane = Some(Box::new(Lane {
                    first: signal,
                    rest: VecDeque::new(),
                }));
                self.raise(LANE);
            }
        }
        let consumer = state.consumer.take();
        drop(state);
        if let Some(consumer) = consumer {
            consumer.wake();
        }
    }

    /// Asks the incarnation to end now. Wakes a suspended handler.
    pub(crate) fn kill(&self) {
        let mut state = self.state.lock();
        self.raise(KILL);
        let consumer = state.consumer.take();
        drop(state);
        if let Some(consumer) = consumer {
            consumer.wake();
        }
    }

    /// Whether there is a kill or a word in the system lane. One relaxed load:
    /// a flag seen late is seen before the actor suspends, since it registers
    /// its waker under the lock under which flags are raised.
    pub(crate) fn is_flagged(&self) -> bool {
        self.flag.load(Relaxed) != 0
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.flag.load(Acquire) & KILL != 0
    }

    /// The next word of the system lane.
    pub(crate) fn next_signal(&self) -> Option<S> {
        let mut state = self.state.lock();
        self.pop_signal(&mut state)
    }

    /// Forgets signals and a kill that were meant for the last incarnation.
    pub(crate) fn clear_flags(&self) {
        if self.flag.load(Acquire) == 0 {
            return;
        }
        let mut state = self.state.lock();
        let lane = state.lane.take();
        self.flag.store(0, Release);
        drop(state);
        drop(lane);
    }

    /// Forgets a kill that came when there was nobody to kill.
    pub(crate) fn forget_kill(&self) {
        if !self.is_killed() {
            return;
        }
        let _state = self.state.lock();
        self.lower(KILL);
    }

    #[inline]
    fn pop_signal(&self, state: &mut State<T, S>) -> Option<S> {
        // Flags other than the kill change under the lock only.
        let flags = self.flag.load(Relaxed);
        if flags & !KILL == 0 {
            return None;
        }
        self.pop_flagged(state, flags)
    }

    #[cold]
    fn pop_flagged(&self, state: &mut State<T, S>, flags: u32) -> Option<S> {
        if let Some((word, bit)) = plain_word(flags) {
            self.lower(bit);
            return Some(word);
        }
        let lane = state.lane.as_mut()?;
        if let Some(next) = lane.rest.pop_front() {
            return Some(std::mem::replace(&mut lane.first, next));
        }
        let last = state.lane.take()?;
        self.lower(LANE);
        Some(last.first)
    }

    fn raise(&self, bit: u32) {
        self.flag.fetch_or(bit, Release);
    }

    fn lower(&self, bit: u32) {
        self.flag.fetch_and(!bit, Release);
    }

    // ---- the consumer --------------------------------------------------

    /// Books what was finished and takes what there is: a signal first, then
    /// messages. With a waker, registers it where there is nothing.
    pub(crate) fn take(
        &self,
        batch: &mut Batch<T>,
        waker: Option<&Waker>,
        now: impl Fn() -> Instant,
    ) -> Taken<T, S> {
        debug_assert!(batch.items.is_empty(), "the last batch is worked off first");
        let mut wakes = WakeList::default();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.book(batch, &mut wakes, &now);
        let taken = if let Some(signal) = self.pop_signal(state) {
            Taken::Signal(signal)
        } else if state.store.len() > 0 && !state.is_halted() {
            match state.hand_out(batch, &now) {
                Some((item, seq)) => Taken::One(item, seq),
                None => Taken::Items,
            }
        } else if state.door == Door::Closed || (state.door == Door::Draining && !state.is_halted())
        {
            Taken::Drained
        } else {
            if let Some(waker) = waker {
                state.register(waker);
            }
            if state.store.has_spare() || batch.items.capacity() > 0 {
                let spare = (state.store.take_buffer(), std::mem::take(&mut batch.items));
                drop(guard);
                drop(spare);
                wakes.wake();
                return Taken::Empty;
            }
            Taken::Empty
        };
        drop(guard);
        wakes.wake();
        taken
    }

    /// Gives room back for what was finished.
    pub(crate) fn book(&self, batch: &mut Batch<T>, now: impl Fn() -> Instant) {
        let mut wakes = WakeList::default();
        self.state.lock().book(batch, &mut wakes, &now);
        wakes.wake();
    }

    /// The handler returned `Pending`: gives room back and registers the waker
    /// by which a kill reaches it.
    pub(crate) fn suspend(&self, batch: &mut Batch<T>, waker: &Waker, now: impl Fn() -> Instant) {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        state.book(batch, &mut wakes, &now);
        state.register(waker);
        drop(state);
        wakes.wake();
    }

    /// Registers the waker by which a kill reaches a start or stop hook.
    pub(crate) fn register(&self, waker: &Waker) {
        self.state.lock().register(waker);
    }

    /// The incarnation is over: puts the rest of its batch back at the front
    /// and books the message in hand. Returns its sequence number if it
    /// counted as failed.
    pub(crate) fn settle(
        &self,
        batch: &mut Batch<T>,
        unfinished: Unfinished,
        now: impl Fn() -> Instant,
    ) -> Option<u64> {
        let mut wakes = WakeList::default();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.consumer = None;
        state.book(batch, &mut wakes, &now);
        let mut rest = std::mem::take(&mut batch.items);
        let mut seq = batch.next_seq + rest.len() as u64;
        state.held -= u32::try_from(rest.len()).expect("a batch is within capacity");
        while let Some(item) = rest.pop_back() {
            seq -= 1;
            state.store.put_back(item, seq, &now);
        }
        let mut failed = None;
        if std::mem::take(&mut batch.in_hand) {
            state.held -= 1;
            match batch.kept.take() {
                Some(copy) if unfinished == Unfinished::PutBack => {
                    state.store.put_back(*copy, seq - 1, &now);
                }
                _ => {
                    state.books.mishaps().failed += 1;
                    failed = Some(seq - 1);
                }
            }
        }
        state.accept_waiting(&mut wakes, &now);
        let mut undelivered = Vec::new();
        if state.door == Door::Closed {
            // Closed from outside while the batch was out: nobody comes back
            // for what was put back.
            while let Some(left) = state.store.pop(&now) {
                undelivered.push(left);
            }
            if !undelivered.is_empty() {
                state.books.mishaps().undelivered += undelivered.len() as u64;
            }
        }
        drop(guard);
        // A message's destructor is the user's code, and may send to this very
        // mailbox.
        drop(undelivered);
        wakes.wake();
        failed
    }

    // ---- the door ------------------------------------------------------

    /// Refuses newcomers and waiting senders; what was accepted is still
    /// handled, and then [`Taken::Drained`] comes.
    pub(crate) fn drain(&self) {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        if state.door == Door::Open {
            state.door = Door::Draining;
        }
        state.refuse_waiting(&mut wakes);
        if let Some(consumer) = state.consumer.take() {
            wakes.push(consumer);
        }
        drop(state);
        wakes.wake();
    }

    /// Closes for good and hands over what will never be handled.
    pub(crate) fn close(&self, now: impl Fn() -> Instant) -> Vec<(T, u64)> {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        state.door = Door::Closed;
        let mut rest = Vec::with_capacity(state.store.len());
        while let Some(left) = state.store.pop(&now) {
            rest.push(left);
        }
        if !rest.is_empty() {
            state.books.mishaps().undelivered += rest.len() as u64;
        }
        state.refuse_waiting(&mut wakes);
        let buffer = state.store.take_buffer();
        let lane = state.lane.take();
        if let Some(consumer) = state.consumer.take() {
            wakes.push(consumer);
        }
        drop(state);
        drop((buffer, lane));
        wakes.wake();
        rest
    }

    /// Opens again after [`Queue::close`], with fresh books.
    pub(crate) fn reopen(&self, now: impl Fn() -> Instant) {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        state.door = Door::Open;
        state.end_pause();
        state.is_held = false;
        state.books = Books::default();
        state.high_water = 0;
        self.flag.store(0, Release);
        // Those who were told to look and have not looked yet.
        state.accept_waiting(&mut wakes, &now);
        drop(state);
        wakes.wake();
    }

    /// Opens again after a drain that is over: nothing is left of it.
    pub(crate) fn end_drain(&self, now: impl Fn() -> Instant) {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        if state.door == Door::Draining && state.store.len() == 0 {
            state.door = Door::Open;
            // Those who were told to look and have not looked yet.
            state.accept_waiting(&mut wakes, &now);
        }
        drop(state);
        wakes.wake();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().door == Door::Open
    }

    /// Stops handing out messages; signals still pass.
    pub(crate) fn pause(&self) {
        let mut state = self.state.lock();
        let normal = state.overflow;
        state.paused.get_or_insert(normal);
    }

    /// As [`Queue::pause`], with this overflow rule until the end of the pause.
    ///
    /// Those who wait for room already keep their places, except that a rule
    /// that drops the oldest lets them in now: hands over what had to leave.
    #[must_use]
    pub(crate) fn pause_with(
        &self,
        overflow: Overflow,
        now: impl Fn() -> Instant,
    ) -> Vec<(T, u64)> {
        let mut wakes = WakeList::default();
        let mut displaced = Vec::new();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.paused.get_or_insert(state.overflow);
        state.overflow = overflow;
        if overflow == Overflow::DropOldest && state.door == Door::Open {
            while state.waiting.is_some()
                && let Some(oldest) = state.store.pop_displaced()
            {
                state.books.mishaps().displaced += 1;
                displaced.push(oldest);
                state.accept_waiting(&mut wakes, &now);
            }
        }
        drop(guard);
        wakes.wake();
        displaced
    }

    /// Hands out messages again. Returns who is to be woken, for a caller that
    /// holds a lock of its own.
    #[must_use]
    pub(crate) fn resume(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.end_pause();
        state.consumer.take()
    }

    /// As [`Queue::pause`], for the actor itself: neither ends the other.
    pub(crate) fn hold(&self) {
        self.state.lock().is_held = true;
    }

    /// Ends what [`Queue::hold`] began. Returns who is to be woken.
    #[must_use]
    pub(crate) fn release(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.is_held = false;
        state.consumer.take()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state.lock().paused.is_some()
    }

    // ---- figures -------------------------------------------------------

    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(crate) fn counts(&self) -> Counts {
        let state = self.state.lock();
        let mishaps = state.books.mishaps.as_deref().copied().unwrap_or_default();
        Counts {
            accepted: state.books.accepted,
            handled: state.books.handled,
            failed: mishaps.failed,
            expired: mishaps.expired,
            displaced: mishaps.displaced,
            undelivered: mishaps.undelivered,
            queued: state.store.len() as u64,
            in_hand: u64::from(state.held),
            rejected: mishaps.rejected,
            high_water: u64::from(state.high_water),
        }
    }
}

impl<T: Item, S> State<T, S> {
    #[inline]
    fn has_room(&self) -> bool {
        self.store.len() + (self.held as usize) < self.capacity as usize
    }

    #[inline]
    fn accept(&mut self, item: T, now: impl FnOnce() -> Instant) {
        self.store.push(item, now);
        self.books.accepted += 1;
        let fill = u32::try_from(self.store.len()).unwrap_or(u32::MAX) + self.held;
        if fill > self.high_water {
            self.high_water = fill;
        }
    }

    fn is_halted(&self) -> bool {
        self.paused.is_some() || self.is_held
    }

    fn end_pause(&mut self) {
        if let Some(normal) = self.paused.take() {
            self.overflow = normal;
        }
    }

    #[inline]
    fn register(&mut self, waker: &Waker) {
        match &self.consumer {
            Some(old) if old.will_wake(waker) => {}
            _ => self.consumer = Some(waker.clone()),
        }
    }

    #[inline]
    fn book(&mut self, batch: &mut Batch<T>, wakes: &mut WakeList, now: &impl Fn() -> Instant) {
        let finished = u32::from(batch.handled) + u32::from(batch.expired);
        if finished == 0 {
            return;
        }
        self.books.handled += u64::from(std::mem::take(&mut batch.handled));
        if batch.expired > 0 {
            self.books.mishaps().expired += u64::from(std::mem::take(&mut batch.expired));
        }
        self.held -= finished;
        if self.waiting.is_some() {
            self.accept_waiting(wakes, now);
        }
    }

    fn accept_waiting(&mut self, wakes: &mut WakeList, now: &impl Fn() -> Instant) {
        if self.door != Door::Open {
            return;
        }
        while self.waiting.is_some() && self.has_room() {
            let Some((item, waker)) = self.waiting.as_mut().and_then(|w| w.pop()) else {
                break;
            };
            self.accept(item, now);
            wakes.push(waker);
            self.forget_empty_waiting();
        }
    }

    fn forget_empty_waiting(&mut self) {
        if self.waiting.as_ref().is_some_and(|w| w.is_empty()) {
            self.waiting = None;
        }
    }

    /// Waiting senders find the door shut when they look; here they are told
    /// to look.
    fn refuse_waiting(&mut self, wakes: &mut WakeList) {
        if let Some(waiting) = &self.waiting {
            for waker in waiting.wakers() {
                wakes.push(waker.clone());
            }
        }
    }

    /// Takes the next message, or everything at once where nothing may happen to
    /// messages that have been taken.
    #[inline]
    fn hand_out(&mut self, batch: &mut Batch<T>, now: &impl Fn() -> Instant) -> Option<(T, u64)> {
        let one = match &mut self.store {
            Store::Fifo { items, head } if self.overflow != Overflow::DropOldest => {
                let seq = *head;
                match items.take(&mut batch.items) {
                    Some(item) => {
                        *head += 1;
                        Some((item, seq))
                    }
                    None => {
                        batch.next_seq = seq;
                        *head += batch.items.len() as u64;
                        None
                    }
                }
            }
            store => store.pop(now),
        };
        match &one {
            Some((_, seq)) => {
                batch.hold(*seq);
                self.held += 1;
            }
            None => {
                self.held += u32::try_from(batch.items.len()).expect("a batch is within capacity");
            }
        }
        one
    }
}
