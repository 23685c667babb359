//! One lock around the arithmetic and what is told of it.
//!
//! Each step takes the lock once, decides, writes the events down in the order
//! in which they happened, and lets the lock go before it wakes anybody.

use std::task::Waker;
use std::time::Instant;

use super::events::{Journal, Read};
use super::{BreakerStats, Turned};
use crate::policy::breaker::{
    Breaker as Machine, BreakerConfig, IllegalTransition, Outcome, Permit, Rejected, State, Turns,
};
use crate::sync::Mutex;

pub(crate) struct Core {
    inside: Mutex<Inside>,
}

struct Inside {
    machine: Machine,
    journal: Journal,
}

impl Core {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self {
            inside: Mutex::new(Inside {
                machine: Machine::new(config),
                journal: Journal::default(),
            }),
        }
    }

    #[inline]
    fn step<R>(&self, decide: impl FnOnce(&mut Machine, &mut Journal) -> R) -> (R, Turned) {
        let mut guard = self.inside.lock();
        let inside = &mut *guard;
        let decided = decide(&mut inside.machine, &mut inside.journal);
        if !inside.journal.has_news() {
            return (decided, Turned::No);
        }
        let news = inside.journal.take_news();
        drop(guard);
        news.wakers.wake();
        (decided, news.turned)
    }

    #[inline]
    pub(crate) fn admit(
        &self,
        now: impl FnOnce() -> Instant,
    ) -> (Result<Permit, Rejected>, Turned) {
        self.step(|machine, journal| {
            let admitted = machine.admit_with(now, &mut |event| journal.note(event));
            journal.count(admitted.is_ok());
            admitted
        })
    }

    #[inline]
    pub(crate) fn settle(
        &self,
        permit: Permit,
        outcome: Outcome,
        now: impl FnOnce() -> Instant,
    ) -> Turned {
        let settle = |machine: &mut Machine, journal: &mut Journal| {
            machine.record_with(permit, outcome, now, &mut |event| journal.note(event));
        };
        self.step(settle).1
    }

    pub(crate) fn strike(&self, now: Instant) -> Turned {
        let strike = |machine: &mut Machine, journal: &mut Journal| {
            machine.strike_with(now, &mut |event| journal.note(event));
        };
        self.step(strike).1
    }

    pub(crate) fn turn(&self, to: State, now: Instant) -> (Result<(), IllegalTransition>, Turned) {
        let (turned, has_turned) = self
            .step(|machine, journal| machine.turn_with(to, now, &mut |event| journal.note(event)));
        // Into the same state is no change, and yet its wait begins anew.
        let has_turned = match turned {
            Ok(()) => Turned::Yes,
            Err(_) => has_turned,
        };
        (turned, has_turned)
    }

    pub(crate) fn reset(&self, now: Instant) -> Turned {
        let reset = |machine: &mut Machine, journal: &mut Journal| {
            machine.reset_with(now, &mut |event| journal.note(event));
        };
        self.step(reset).1
    }

    pub(crate) fn tick(&self, now: Instant) -> Turned {
        let tick = |machine: &mut Machine, journal: &mut Journal| {
            machine.tick_with(now, &mut |event| journal.note(event));
        };
        self.step(tick).1
    }

    pub(crate) fn reconfigure(&self, config: BreakerConfig, now: Instant) {
        self.inside.lock().machine.reconfigure(config, now);
    }

    pub(crate) fn state(&self) -> State {
        self.inside.lock().machine.state()
    }

    /// Whether a call makes sense: it may be let through, be it as a probe.
    pub(crate) fn is_passable(&self, now: impl FnOnce() -> Instant) -> bool {
        let inside = self.inside.lock();
        match inside.machine.state() {
            State::ForcedOpen => false,
            State::Open => inside.machine.due().is_some_and(|due| due <= now()),
            _ => true,
        }
    }

    pub(crate) fn stats(&self, now: Instant) -> BreakerStats {
        let inside = self.inside.lock();
        let journal = &inside.journal;
        BreakerStats {
            state: inside.machine.state(),
            metrics: inside.machine.metrics(now),
            admitted: journal.admitted(),
            not_permitted: journal.not_permitted(),
            transitions: journal.transitions(),
        }
    }

    /// When time changes the state next, where a timer is to see to it.
    pub(crate) fn due(&self) -> Option<Instant> {
        let inside = self.inside.lock();
        match inside.machine.config().turns {
            Turns::ByTimer => inside.machine.due(),
            _ => None,
        }
    }

    // ---- listeners -----------------------------------------------------

    /// Adds a listener; returns its id and the number of the first event that
    /// it is told.
    pub(crate) fn listen(&self) -> (u64, u64) {
        self.inside.lock().journal.listen()
    }

    pub(crate) fn leave(&self, id: u64) {
        let left = self.inside.lock().journal.leave(id);
        drop(left);
    }

    /// What a listener that has seen all events before `next` reads now.
    pub(crate) fn read(&self, id: u64, next: u64, waker: Option<&Waker>) -> Read {
        // Cloned before the lock and dropped after it: both are foreign code.
        let mut waker = waker.cloned();
        let mut inside = self.inside.lock();
        let read = inside.journal.read(id, next, &mut waker);
        drop(inside);
        drop(waker);
        read
    }

    /// Tells all listeners that nothing comes any more.
    pub(crate) fn close(&self) {
        let wakers = self.inside.lock().journal.wakers();
        wakers.wake();
    }
}
