//! Whose turn it is to decide, where many bring news and one thing is to happen
//! at a time.
//!
//! ```text
//!  push ─┬─ may it be decided here, is the turn free, is nothing before it?
//!        │        └─ yes ─▶ step, on the thread that brought it
//!        └─ no ─▶ inbox ─▶ bell, if it does not ring already ─▶ is it over?
//!                   │                    │                          └─ bury
//!                   └──────── work ◀─────┘
//!  end ─▶ take the turn ─▶ over: from here on nothing is stepped, all is buried
//! ```
//!
//! What is promised, in every order of threads (`tests/loom/turn.rs`):
//!
//! - *Nothing is lost, nothing comes twice*: each input is stepped or buried,
//!   once. Who pushes looks for the end *after* it has pushed, and the end
//!   empties the inbox *after* it has been declared: one of them sees the other,
//!   through the inbox's lock.
//! - *Nothing is overtaken*: what one thread pushes is stepped in its order. The
//!   inbox is looked at with the turn in hand, and is emptied with the turn in
//!   hand, so an empty inbox means that everything before has been stepped.
//! - *Nobody waits for a turn but the worker and the end*: a push takes it only
//!   if it is free, so keepers that bring each other news cannot block each
//!   other.
//! - *No bell is missed*: the worker calms the bell before it empties the inbox.

use std::collections::VecDeque;

use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// Who decides.
pub(crate) trait Decide {
    /// What it decides about.
    type Input;
    /// What lies with the turn.
    type Turn;

    /// Whether this may be decided on the thread that brings it.
    fn may_step_here(&self, input: &Self::Input) -> bool;

    /// Decides and acts, with the turn in hand. Handed back: it cannot be done
    /// here after all.
    fn step_here(&self, turn: &mut Self::Turn, input: Self::Input) -> Result<(), Self::Input>;

    /// Decides and acts, with the turn in hand, as the worker.
    fn step(&self, turn: &mut Self::Turn, input: Self::Input);

    /// Whether there is a worker that hears a bell. If there is none yet, it
    /// rings when it comes.
    fn has_bell(&self) -> bool;

    /// Sees to it that [`Turns::work`] is called.
    fn ring(&self);

    /// Deals with what came too late.
    fn bury(&self, input: Self::Input);
}

/// See the file's drawing.
pub(crate) struct Turns<I, T> {
    /// Held by whoever decides and acts.
    turn: Mutex<T>,
    inbox: Mutex<VecDeque<I>>,
    is_ringing: AtomicBool,
    is_over: AtomicBool,
}

impl<I, T> Turns<I, T> {
    /// With this to be stepped first, by the worker.
    pub(crate) fn new(first: I, turn: T) -> Self {
        Self {
            turn: Mutex::new(turn),
            inbox: Mutex::new(VecDeque::from([first])),
            is_ringing: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    /// Steps it here, or leaves it to whoever has the turn.
    pub(crate) fn push<D>(&self, input: I, decide: &D)
    where
        D: Decide<Input = I, Turn = T>,
    {
        let Err(input) = self.try_step(input, decide) else {
            return;
        };
        self.inbox.lock().push_back(input);
        self.wake(decide);
        // Acquire pairs with the Release in `end`. Looked at after the push: of
        // this and the emptying in `end`, one sees the other.
        if self.is_over.load(Acquire) {
            self.clear(decide);
        }
    }

    fn try_step<D>(&self, input: I, decide: &D) -> Result<(), I>
    where
        D: Decide<Input = I, Turn = T>,
    {
        if !decide.may_step_here(&input) {
            return Err(input);
        }
        let Some(mut turn) = self.turn.try_lock() else {
            return Err(input);
        };
        // The turn is in hand, so whoever ended it has let go of it.
        if self.is_over.load(Acquire) || !self.inbox.lock().is_empty() {
            return Err(input);
        }
        decide.step_here(&mut turn, input)
    }

    /// Rings, unless it rings already.
    pub(crate) fn wake<D>(&self, decide: &D)
    where
        D: Decide<Input = I, Turn = T>,
    {
        if decide.has_bell() && !self.is_ringing.swap(true, AcqRel) {
            decide.ring();
        }
    }

    /// The worker: everything that waits, until nothing does.
    pub(crate) fn work<D>(&self, decide: &D)
    where
        D: Decide<Input = I, Turn = T>,
    {
        // Calmed first: what comes from here on rings again. A swap, so that it
        // has its place among the rings: it follows every ring that was taken
        // for this one, and what came with that ring is in the inbox.
        self.is_ringing.swap(false, AcqRel);
        loop {
            let mut turn = self.turn.lock();
            if self.is_over.load(Acquire) {
                return;
            }
            let inputs = std::mem::take(&mut *self.inbox.lock());
            if inputs.is_empty() {
                return;
            }
            for input in inputs {
                decide.step(&mut turn, input);
            }
        }
    }

    /// Waits for the turn that is being taken, and declares that it was the
    /// last. `settle` runs with the turn in hand. What waits is buried by
    /// [`Turns::clear`], which is to follow.
    pub(crate) fn end<R>(&self, settle: impl FnOnce(&mut T) -> R) -> R {
        let mut turn = self.turn.lock();
        self.is_over.store(true, Release);
        settle(&mut turn)
    }

    /// Buries everything that waits. Only after the end.
    pub(crate) fn clear<D>(&self, decide: &D)
    where
        D: Decide<Input = I, Turn = T>,
    {
        let left = std::mem::take(&mut *self.inbox.lock());
        for input in left {
            decide.bury(input);
        }
    }
}
