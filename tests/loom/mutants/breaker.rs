//! A copy of a breaker's steps, line by line, with slips. It opens at the first
//! failure, for ten seconds.

use std::task::Waker;

use callboard::policy::breaker::{Outcome, State};
use loom::sync::{Mutex, MutexGuard};

use crate::breaker::{Change, Door};

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// Whether its wait is over is seen under one lock, and it turns under the
    /// next.
    RestsOnAnOldLook,
    /// Whether there is room is seen under one lock, and taken under the next.
    TakesInASecondStep,
    /// A result counts whenever its permit was given.
    SettlesAnyGeneration,
    /// A call that says nothing keeps its place.
    KeepsAnIgnoredPlace,
    /// A change is written down after the lock is released.
    NotesLater,
    /// A listener looks under one lock, and leaves its waker under the next.
    RegistersInASecondStep,
}

pub(crate) struct Copy {
    slip: Slip,
    probes: u32,
    /// How many probes that succeed close it.
    enough: u32,
    /// Whether those that have answered take up their places.
    is_counted: bool,
    inside: Mutex<Inside>,
}

struct Inside {
    state: State,
    generation: u64,
    since: u64,
    under_way: u32,
    made: u32,
    changes: Vec<Change>,
    waker: Option<Waker>,
}

/// The generation in which it was given.
#[derive(Clone, Copy)]
pub(crate) struct Permit(u64);

impl Copy {
    pub(crate) fn new(slip: Slip, probes: u32, enough: u32, is_counted: bool) -> Self {
        Self {
            slip,
            probes,
            enough,
            is_counted,
            inside: Mutex::new(Inside {
                state: State::Closed,
                generation: 0,
                since: 0,
                under_way: 0,
                made: 0,
                changes: Vec::new(),
                waker: None,
            }),
        }
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("a panic ends the process")
    }

    fn enter<'a>(
        &'a self,
        mut inside: MutexGuard<'a, Inside>,
        to: State,
        at: u64,
    ) -> MutexGuard<'a, Inside> {
        let change = (inside.state, to);
        inside.state = to;
        inside.generation += 1;
        inside.since = at;
        inside.under_way = 0;
        inside.made = 0;
        if self.is(Slip::NotesLater) {
            drop(inside);
            inside = self.inside();
        }
        inside.changes.push(change);
        inside
    }

    fn leave(inside: MutexGuard<'_, Inside>) {
        let mut inside = inside;
        let waker = inside.waker.take();
        drop(inside);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Door for Copy {
    type Permit = Permit;

    fn admit(&self, at: u64) -> Option<Permit> {
        let mut inside = self.inside();
        let has_rested = inside.state == State::Open && at - inside.since >= 10;
        if self.is(Slip::RestsOnAnOldLook) {
            drop(inside);
            inside = self.inside();
        }
        if has_rested {
            inside = self.enter(inside, State::HalfOpen, at);
        }
        let is_admitted = match inside.state {
            State::Closed => true,
            State::HalfOpen => {
                let made = if self.is_counted { inside.made } else { 0 };
                let has_room = inside.under_way + made < self.probes;
                if self.is(Slip::TakesInASecondStep) {
                    drop(inside);
                    inside = self.inside();
                }
                inside.under_way += u32::from(has_room);
                has_room
            }
            _ => false,
        };
        let permit = is_admitted.then_some(Permit(inside.generation));
        if has_rested {
            Self::leave(inside);
        }
        permit
    }

    fn settle(&self, permit: Permit, outcome: Outcome, at: u64) {
        let mut inside = self.inside();
        if permit.0 != inside.generation && !self.is(Slip::SettlesAnyGeneration) {
            return;
        }
        let to = match inside.state {
            State::Closed => (outcome == Outcome::Failure).then_some(State::Open),
            State::HalfOpen => {
                let is_kept = outcome == Outcome::Ignored && self.is(Slip::KeepsAnIgnoredPlace);
                if !is_kept {
                    inside.under_way = inside.under_way.saturating_sub(1);
                }
                inside.made += u32::from(outcome != Outcome::Ignored);
                match outcome {
                    Outcome::Success => (inside.made >= self.enough).then_some(State::Closed),
                    Outcome::Failure => Some(State::Open),
                    Outcome::Ignored => None,
                }
            }
            _ => None,
        };
        if let Some(to) = to {
            let inside = self.enter(inside, to, at);
            Self::leave(inside);
        }
    }

    fn state(&self) -> State {
        self.inside().state
    }

    fn changes(&self) -> Vec<Change> {
        self.inside().changes.clone()
    }

    fn listen(&self) -> (u64, u64) {
        (0, 0)
    }

    fn hear(&self, _id: u64, next: &mut u64, waker: &Waker) -> Option<Change> {
        let mut inside = self.inside();
        if let Some(&change) = inside.changes.get(*next as usize) {
            *next += 1;
            return Some(change);
        }
        if self.is(Slip::RegistersInASecondStep) {
            drop(inside);
            inside = self.inside();
        }
        inside.waker = Some(waker.clone());
        None
    }
}
