//! The reply slot: one question, exactly one outcome.
//!
//! ```text
//!          ┌ answer ──▶ Answered ──▶ Taken     (asker polled it, or left it)
//!   Open ──┼ fail   ──▶ Failed                 (deadline, last reply dropped)
//!          └ abandon ─▶ Abandoned              (asker gone: later answers are late)
//! ```
//!
//! Every arrow leaves `Open` under one lock, so of an answer, a deadline and
//! the callee's death exactly one wins; the losers see that they lost. A failure
//! stays one when it has been read: a handler that looks later must still see
//! that nobody waits.

use std::task::{Poll, Waker};

use crate::sync::{Mutex, WakeList};

/// Why a question will never be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unanswered {
    /// The deadline passed first.
    Timeout,
    /// The question's time to live passed while it waited in the mailbox.
    Expired,
    /// The actor ended for good before it handled the question.
    Stopped,
    /// The actor panicked, failed or was killed with the question in hand.
    Crashed,
    /// Every clone of the [`Reply`](crate::actor::Reply) was dropped unused.
    NoReply,
    /// An overflow rule dropped the question.
    Dropped,
    /// The request that this question was asked for has been cancelled.
    Cancelled,
}

#[derive(Debug)]
enum Outcome<R> {
    Open,
    Answered(R),
    Failed(Unanswered),
    Taken,
    Abandoned,
}

#[derive(Debug)]
struct State<R> {
    outcome: Outcome<R>,
    /// Live clones of the answering side.
    repliers: u32,
    asker: Option<Waker>,
    /// Handlers that want to know when nobody waits for the answer any more.
    on_gone: Vec<Waker>,
}

impl<R> State<R> {
    fn is_gone(&self) -> bool {
        matches!(self.outcome, Outcome::Abandoned | Outcome::Failed(_))
    }
}

/// One question's outcome, shared by asker, answerer and deadline.
#[derive(Debug)]
pub(crate) struct ReplySlot<R> {
    state: Mutex<State<R>>,
}

impl<R> ReplySlot<R> {
    /// An open slot with one answering side, that nobody waits for yet.
    #[allow(dead_code, reason = "models take the slot without an ask around it")]
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// An open slot with one answering side, whose outcome wakes this waker. So
    /// the first poll of an ask has nothing to look at once it has been sent.
    pub(crate) fn awaited_by(asker: &Waker) -> Self {
        Self::with(Some(asker.clone()))
    }

    fn with(asker: Option<Waker>) -> Self {
        Self {
            state: Mutex::new(State {
                outcome: Outcome::Open,
                repliers: 1,
                asker,
                on_gone: Vec::new(),
            }),
        }
    }

    /// Gives the answer; hands it back if another outcome came first.
    pub(crate) fn answer(&self, value: R) -> Result<(), R> {
        let mut state = self.state.lock();
        if !matches!(state.outcome, Outcome::Open) {
            drop(state);
            return Err(value);
        }
        state.outcome = Outcome::Answered(value);
        let asker = state.asker.take();
        drop(state);
        if let Some(asker) = asker {
            asker.wake();
        }
        Ok(())
    }

    /// Ends the question without an answer; `false` if another outcome came
    /// first.
    pub(crate) fn fail(&self, why: Unanswered) -> bool {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        let won = matches!(state.outcome, Outcome::Open);
        if won {
            state.outcome = Outcome::Failed(why);
            if let Some(asker) = state.asker.take() {
                wakes.push(asker);
            }
            state.on_gone.drain(..).for_each(|waker| wakes.push(waker));
        }
        drop(state);
        wakes.wake();
        won
    }

    pub(crate) fn add_replier(&self) {
        self.state.lock().repliers += 1;
    }

    /// One answering side is gone; the last one to go fails the question.
    pub(crate) fn drop_replier(&self, why: Unanswered) {
        let mut state = self.state.lock();
        state.repliers = state.repliers.saturating_sub(1);
        let last = state.repliers == 0;
        drop(state);
        if last {
            self.fail(why);
        }
    }

    /// Takes the outcome, or registers the asker's waker.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Result<R, Unanswered>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.outcome, Outcome::Taken) {
            Outcome::Open => {
                state.outcome = Outcome::Open;
                match &state.asker {
                    Some(old) if old.will_wake(waker) => {}
                    _ => state.asker = Some(waker.clone()),
                }
                Poll::Pending
            }
            Outcome::Answered(value) => Poll::Ready(Ok(value)),
            Outcome::Failed(why) => {
                state.outcome = Outcome::Failed(why);
                Poll::Ready(Err(why))
            }
            Outcome::Taken | Outcome::Abandoned => Poll::Ready(Err(Unanswered::NoReply)),
        }
    }

    /// The outcome, where nobody is left to give another.
    pub(crate) fn into_outcome(self) -> Result<R, Unanswered> {
        match self.state.into_inner().outcome {
            Outcome::Answered(value) => Ok(value),
            Outcome::Failed(why) => Err(why),
            // The last answering side that goes fails the question.
            Outcome::Open | Outcome::Taken | Outcome::Abandoned => Err(Unanswered::NoReply),
        }
    }

    /// The asker is gone: a later answer is late, and handlers that watch are
    /// told.
    pub(crate) fn abandon(&self) {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        let unread = std::mem::replace(&mut state.outcome, Outcome::Taken);
        match unread {
            Outcome::Open | Outcome::Abandoned => state.outcome = Outcome::Abandoned,
            Outcome::Failed(why) => state.outcome = Outcome::Failed(why),
            Outcome::Answered(_) | Outcome::Taken => {}
        }
        state.asker = None;
        if state.is_gone() {
            state.on_gone.drain(..).for_each(|waker| wakes.push(waker));
        }
        drop(state);
        drop(unread);
        wakes.wake();
    }

    /// Whether somebody still waits for an answer.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state.lock().outcome, Outcome::Open)
    }

    /// Whether the asker gave up or ran out of time before an answer came.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.lock().is_gone()
    }

    /// Wakes the waker when the asker gives up; at once if it already has.
    pub(crate) fn on_gone(&self, waker: &Waker) {
        let mut state = self.state.lock();
        if matches!(state.outcome, Outcome::Open) {
            if !state.on_gone.iter().any(|old| old.will_wake(waker)) {
                state.on_gone.push(waker.clone());
            }
            return;
        }
        let is_gone = state.is_gone();
        drop(state);
        // After an answer there is nothing to wait for: waking would only make
        // whoever waits look again, for ever.
        if is_gone {
            waker.wake_by_ref();
        }
    }
}
