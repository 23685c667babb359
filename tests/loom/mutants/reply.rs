//! A copy of the reply slot, line by line, with slips.

use std::mem::replace;
use std::task::{Poll, Waker};

use callboard::mailbox::Unanswered;
use loom::sync::{Mutex, MutexGuard};

use crate::reply::Slot;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// A second outcome replaces the first.
    AnswerOverwrites,
    FailureOverwrites,
    /// The asker looks, lets go of the lock, and only then leaves its waker.
    AskerRegistersLate,
    /// The outcome is there, and nobody is woken.
    AnswerWakesNobody,
    FailureWakesNobody,
    /// The first clone to go fails the question.
    FirstDropFails,
    /// The last clone goes without a word.
    LastDropIsSilent,
    /// Who gives up leaves its waker behind.
    AbandonKeepsTheWaker,
    /// Who gives up tells no handler.
    AbandonTellsNobody,
    /// A failure that has been read looks like an answer that has been read.
    ReadFailureIsForgotten,
    /// A handler looks, lets go of the lock, and only then leaves its waker.
    HandlerRegistersLate,
}

#[derive(Clone, Copy)]
enum Outcome {
    Open,
    Answered(u32),
    Failed(Unanswered),
    Taken,
    Abandoned,
}

struct State {
    outcome: Outcome,
    repliers: u32,
    asker: Option<Waker>,
    on_gone: Vec<Waker>,
}

impl State {
    fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Open)
    }

    fn is_gone(&self) -> bool {
        matches!(self.outcome, Outcome::Abandoned | Outcome::Failed(_))
    }
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy {
    slip: Slip,
    state: Mutex<State>,
}

impl Copy {
    pub(crate) fn new(slip: Slip) -> Self {
        Self {
            slip,
            state: Mutex::new(State {
                outcome: Outcome::Open,
                repliers: 1,
                asker: None,
                on_gone: Vec::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the process")
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }
}

impl Slot for Copy {
    fn answer(&self, value: u32) -> Result<(), u32> {
        let mut state = self.lock();
        if !state.is_open() && !self.is(Slip::AnswerOverwrites) {
            return Err(value);
        }
        state.outcome = Outcome::Answered(value);
        let asker = state.asker.take();
        drop(state);
        if !self.is(Slip::AnswerWakesNobody) {
            asker.into_iter().for_each(Waker::wake);
        }
        Ok(())
    }

    fn fail(&self, why: Unanswered) -> bool {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        let won = state.is_open() || self.is(Slip::FailureOverwrites);
        if won {
            state.outcome = Outcome::Failed(why);
            wakes.extend(state.asker.take());
            wakes.append(&mut state.on_gone);
        }
        drop(state);
        if !self.is(Slip::FailureWakesNobody) {
            wakes.into_iter().for_each(Waker::wake);
        }
        won
    }

    fn add_replier(&self) {
        self.lock().repliers += 1;
    }

    fn drop_replier(&self, why: Unanswered) {
        let mut state = self.lock();
        state.repliers -= 1;
        let last = state.repliers == 0 || self.is(Slip::FirstDropFails);
        drop(state);
        if last && !self.is(Slip::LastDropIsSilent) {
            self.fail(why);
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<Result<u32, Unanswered>> {
        let mut state = self.lock();
        match state.outcome {
            Outcome::Open => {
                if self.is(Slip::AskerRegistersLate) {
                    drop(state);
                    state = self.lock();
                }
                state.asker = Some(waker.clone());
                Poll::Pending
            }
            Outcome::Answered(value) => {
                state.outcome = Outcome::Taken;
                Poll::Ready(Ok(value))
            }
            Outcome::Failed(why) => {
                if self.is(Slip::ReadFailureIsForgotten) {
                    state.outcome = Outcome::Taken;
                }
                Poll::Ready(Err(why))
            }
            Outcome::Taken | Outcome::Abandoned => Poll::Ready(Err(Unanswered::NoReply)),
        }
    }

    fn abandon(&self) {
        let mut wakes = Vec::new();
        let mut state = self.lock();
        match replace(&mut state.outcome, Outcome::Abandoned) {
            Outcome::Open | Outcome::Abandoned => {}
            Outcome::Failed(why) => state.outcome = Outcome::Failed(why),
            Outcome::Answered(_) | Outcome::Taken => state.outcome = Outcome::Taken,
        }
        if !self.is(Slip::AbandonKeepsTheWaker) {
            state.asker = None;
        }
        if state.is_gone() && !self.is(Slip::AbandonTellsNobody) {
            wakes.append(&mut state.on_gone);
        }
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
    }

    fn is_gone(&self) -> bool {
        self.lock().is_gone()
    }

    fn on_gone(&self, waker: &Waker) {
        let mut state = self.lock();
        if state.is_open() {
            if self.is(Slip::HandlerRegistersLate) {
                drop(state);
                state = self.lock();
            }
            state.on_gone.push(waker.clone());
            return;
        }
        let is_gone = state.is_gone();
        drop(state);
        if is_gone || self.is(Slip::ReadFailureIsForgotten) {
            waker.wake_by_ref();
        }
    }
}
