//! A copy of a supervisor's turns, line by line, with slips.

use std::collections::VecDeque;
use std::mem::take;

use callboard::model::internals::Decide;
use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use loom::sync::{Mutex, MutexGuard};

use crate::turn::Lane;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// Whoever finds the turn free does not keep it.
    StepsWithoutTheTurn,
    /// Whoever finds the turn busy waits for it.
    WaitsForTheTurn,
    /// What waits in the inbox is overtaken.
    OvertakesTheInbox,
    /// The worker empties the inbox before it has the turn.
    TakesTheInboxFirst,
    /// The worker calms the bell when it is done.
    CalmsAfterTheWork,
    /// The bell is taken for rung while nobody hears it yet.
    RingsIntoTheVoid,
    /// Whoever pushes looks for the end before, not after.
    LooksForTheEndFirst,
    /// The end does not keep anybody from deciding.
    StepsAfterTheEnd,
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy<I, T> {
    slip: Slip,
    turn: Mutex<T>,
    inbox: Mutex<VecDeque<I>>,
    is_ringing: AtomicBool,
    is_over: AtomicBool,
}

impl<I, T> Copy<I, T> {
    pub(crate) fn new(slip: Slip, first: I, turn: T) -> Self {
        Self {
            slip,
            turn: Mutex::new(turn),
            inbox: Mutex::new(VecDeque::from([first])),
            is_ringing: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn inbox(&self) -> MutexGuard<'_, VecDeque<I>> {
        self.inbox.lock().expect("a panic ends the process")
    }

    fn turn(&self) -> MutexGuard<'_, T> {
        self.turn.lock().expect("a panic ends the process")
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Acquire)
    }

    fn try_step<D>(&self, input: I, decide: &D) -> Result<(), I>
    where
        T: Default,
        D: Decide<Input = I, Turn = T>,
    {
        if !decide.may_step_here(&input) {
            return Err(input);
        }
        let turn = match self.is(Slip::WaitsForTheTurn) {
            true => Some(self.turn()),
            false => self.turn.try_lock().ok(),
        };
        let Some(mut turn) = turn else {
            return Err(input);
        };
        if self.is_over() && !self.is(Slip::StepsAfterTheEnd) {
            return Err(input);
        }
        if !self.inbox().is_empty() && !self.is(Slip::OvertakesTheInbox) {
            return Err(input);
        }
        if self.is(Slip::StepsWithoutTheTurn) {
            drop(turn);
            decide.step(&mut T::default(), input);
        } else {
            decide.step(&mut turn, input);
        }
        Ok(())
    }
}

impl<I: Send + 'static, T: Default + Send + 'static> Lane<I, T> for Copy<I, T> {
    fn push<D: Decide<Input = I, Turn = T>>(&self, input: I, decide: &D) {
        let Err(input) = self.try_step(input, decide) else {
            return;
        };
        let was_over = self.is_over();
        self.inbox().push_back(input);
        self.wake(decide);
        let is_over = match self.is(Slip::LooksForTheEndFirst) {
            true => was_over,
            false => self.is_over(),
        };
        if is_over {
            self.clear(decide);
        }
    }

    fn wake<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        let is_heard = decide.has_bell() || self.is(Slip::RingsIntoTheVoid);
        if is_heard && !self.is_ringing.swap(true, AcqRel) && decide.has_bell() {
            decide.ring();
        }
    }

    fn work<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        if !self.is(Slip::CalmsAfterTheWork) {
            self.is_ringing.swap(false, AcqRel);
        }
        loop {
            let early = self
                .is(Slip::TakesTheInboxFirst)
                .then(|| take(&mut *self.inbox()));
            let mut turn = self.turn();
            if self.is_over() {
                break;
            }
            let inputs = early.unwrap_or_else(|| take(&mut *self.inbox()));
            if inputs.is_empty() {
                break;
            }
            for input in inputs {
                decide.step(&mut turn, input);
            }
        }
        if self.is(Slip::CalmsAfterTheWork) {
            self.is_ringing.swap(false, AcqRel);
        }
    }

    fn end<R>(&self, settle: impl FnOnce(&mut T) -> R) -> R {
        let mut turn = self.turn();
        self.is_over.store(true, Release);
        settle(&mut turn)
    }

    fn clear<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        let left = take(&mut *self.inbox());
        for input in left {
            decide.bury(input);
        }
    }
}
