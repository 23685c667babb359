//! Health checks as the core sees them: a question through the system lane, and
//! the record of the answers.
//!
//! Whoever asks has the clock and stands outside of the actor
//! ([`Host::look_after`](super::host::Host::look_after)); the actor answers
//! between two messages by its own check hook.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, Waker};
use std::time::Instant;

use super::exit::{BoxError, Exit};
use super::life::Lifecycle;
use super::shell::catch;
use crate::policy::health::{CheckEvent, HealthCheck, HealthState, Verdict};
use crate::sync::Mutex;

/// How a health check went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// The check hook said that the actor is able to work.
    Passed,
    /// The check hook returned an error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// The check hook panicked; the text of the panic.
    Panicked(Arc<str>),
    /// There was no answer in time: the check hook, or the message in hand,
    /// took too long.
    TimedOut,
}

impl CheckOutcome {
    /// Whether the actor was found able to work.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Passed)
    }
}

impl fmt::Display for CheckOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(text) => write!(f, "panicked: {text}"),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}

/// What is known of an actor's health, at one instant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// Its lifecycle state.
    pub state: Lifecycle,
    /// How often it was checked, in all of its lives.
    pub checks: u64,
    /// When the last check was over, by the system's clock.
    pub last_check: Option<Instant>,
    /// How the last check went.
    pub outcome: Option<CheckOutcome>,
    /// How many have failed in a row, in the present life.
    pub failures: u32,
}

/// Why a life was ended whose health checks failed: the error in
/// [`Exit::Failed`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unhealthy {
    /// How many checks had failed in a row.
    pub failures: u32,
    /// How the last one went.
    pub last: CheckOutcome,
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} health checks in a row failed, the last: {}",
            self.failures, self.last
        )
    }
}

impl Error for Unhealthy {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.last {
            CheckOutcome::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}

/// The record of one actor's checks, kept over its lives.
pub(crate) struct HealthBook {
    check: HealthCheck,
    page: Mutex<Page>,
}

#[derive(Default)]
struct Page {
    /// The present life. Whoever looks after a life is stopped when it ends, but
    /// not at the very instant: what comes late is ignored.
    life: u32,
    state: HealthState,
    outcome: Option<CheckOutcome>,
    /// Why the present life is to end.
    sentence: Option<Exit>,
}

impl HealthBook {
    pub(crate) fn new(check: HealthCheck) -> Self {
        Self {
            check,
            page: Mutex::new(Page::default()),
        }
    }

    pub(crate) fn check(&self) -> &HealthCheck {
        &self.check
    }

    /// A new life has begun.
    pub(crate) fn begin(&self, life: u32, now: Instant) {
        let mut page = self.page.lock();
        page.life = life;
        page.sentence = None;
        let _ = page.state.on(CheckEvent::Began, now, &self.check);
    }

    /// Writes down how a check of this life went.
    pub(crate) fn record(&self, life: u32, outcome: CheckOutcome, now: Instant) -> Verdict {
        let event = if outcome.is_passed() {
            CheckEvent::Passed
        } else {
            CheckEvent::Failed
        };
        let mut page = self.page.lock();
        if page.life != life {
            return Verdict::Well;
        }
        let verdict = page.state.on(event, now, &self.check);
        let old = page.outcome.replace(outcome);
        drop(page);
        // It may hold an error of the user's.
        drop(old);
        verdict
    }

    pub(crate) fn health(&self, state: Lifecycle) -> Health {
        let page = self.page.lock();
        Health {
            state,
            checks: page.state.checks(),
            last_check: page.state.last(),
            outcome: page.outcome.clone(),
            failures: page.state.failures(),
        }
    }

    /// This life is to end for this reason, however it is brought about. `false`:
    /// it has ended already.
    #[must_use]
    pub(crate) fn sentence(&self, life: u32, exit: Exit) -> bool {
        let mut page = self.page.lock();
        if page.life == life {
            page.sentence = Some(exit);
        }
        page.life == life
    }

    pub(crate) fn is_sentenced(&self) -> bool {
        self.page.lock().sentence.is_some()
    }

    /// The life is over: what it was sentenced to, if it was.
    pub(crate) fn take_sentence(&self) -> Option<Exit> {
        self.page.lock().sentence.take()
    }
}

/// One life's checks: who asks and who answers meet here. There is one question
/// at a time, and at most one word about it in the system lane.
#[derive(Default)]
pub(crate) struct Checkup(Mutex<Round>);

#[derive(Default)]
struct Round {
    number: u64,
    is_open: bool,
    is_in_lane: bool,
    outcome: Option<CheckOutcome>,
    asker: Option<Waker>,
    checker: Option<Waker>,
}

impl Checkup {
    /// Asks. `true`: the actor has to be told; else it was told before and has
    /// not looked yet.
    pub(crate) fn open(&self) -> bool {
        let mut round = self.0.lock();
        round.number += 1;
        round.is_open = true;
        round.outcome = None;
        !std::mem::replace(&mut round.is_in_lane, true)
    }

    /// How it went, for whoever asked.
    pub(crate) fn poll_outcome(&self, waker: &Waker) -> Poll<CheckOutcome> {
        let mut round = self.0.lock();
        if let Some(outcome) = round.outcome.take() {
            return Poll::Ready(outcome);
        }
        let old = round.asker.replace(waker.clone());
        drop(round);
        drop(old);
        Poll::Pending
    }

    /// Nobody waits for this answer any more: a check that is under way is
    /// dropped, so that it holds no message up.
    pub(crate) fn give_up(&self) {
        let checker = {
            let mut round = self.0.lock();
            round.is_open = false;
            round.checker.take()
        };
        if let Some(checker) = checker {
            checker.wake();
        }
    }

    /// The actor has seen the word. `None`: nobody waits for an answer.
    fn take_up(&self) -> Option<u64> {
        let mut round = self.0.lock();
        round.is_in_lane = false;
        round.is_open.then_some(round.number)
    }

    fn is_wanted(&self, number: u64, waker: &Waker) -> bool {
        let mut round = self.0.lock();
        if !round.is_open || round.number != number {
            return false;
        }
        if !round.checker.as_ref().is_some_and(|w| w.will_wake(waker)) {
            round.checker = Some(waker.clone());
        }
        true
    }

    fn answer(&self, number: u64, outcome: CheckOutcome) {
        let asker = {
            let mut round = self.0.lock();
            if !round.is_open || round.number != number {
                return;
            }
            round.is_open = false;
            round.checker = None;
            round.outcome = Some(outcome);
            round.asker.take()
        };
        if let Some(asker) = asker {
            asker.wake();
        }
    }
}

/// The check hook at work, until it answers or nobody waits for it. A panic of
/// the hook is an answer too.
pub(crate) struct Checking<F> {
    hook: Pin<Box<F>>,
    checkup: Arc<Checkup>,
    number: u64,
}

impl<F> Checking<F>
where
    F: Future<Output = Result<(), BoxError>>,
{
    /// `None`: nobody waits for an answer.
    pub(crate) fn new(checkup: Arc<Checkup>, hook: impl FnOnce() -> F) -> Option<Self> {
        let number = checkup.take_up()?;
        Some(Self {
            hook: Box::pin(hook()),
            checkup,
            number,
        })
    }
}

impl<F> Future for Checking<F>
where
    F: Future<Output = Result<(), BoxError>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        let Self {
            hook,
            checkup,
            number,
        } = &mut *self;
        if !checkup.is_wanted(*number, task.waker()) {
            return Poll::Ready(());
        }
        let outcome = match catch(|| hook.as_mut().poll(task)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => CheckOutcome::Passed,
            Ok(Poll::Ready(Err(error))) => CheckOutcome::Failed(Arc::from(error)),
            Err(Exit::Panicked(text)) => CheckOutcome::Panicked(text),
            Err(other) => CheckOutcome::Panicked(other.to_string().into()),
        };
        checkup.answer(*number, outcome);
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b8_a_late_answer_is_none_to_the_next_question() {
        let checkup = Checkup::default();
        assert!(checkup.open(), "the actor has to be told");
        let late = checkup.take_up().expect("it is asked");
        checkup.give_up();
        assert_eq!(checkup.take_up(), None, "nobody waits");
        assert!(checkup.open());
        checkup.answer(late, CheckOutcome::Passed);
        assert!(checkup.poll_outcome(Waker::noop()).is_pending());
        let next = checkup.take_up().expect("it is asked again");
        checkup.answer(next, CheckOutcome::TimedOut);
        let outcome = checkup.poll_outcome(Waker::noop());
        assert!(matches!(outcome, Poll::Ready(CheckOutcome::TimedOut)));
    }

    #[test]
    fn b8_what_comes_late_from_a_life_that_has_ended_is_ignored() {
        let book = HealthBook::new(HealthCheck::default().failures(1));
        let now = Instant::now();
        book.begin(0, now);
        book.begin(1, now);
        let late = book.record(0, CheckOutcome::TimedOut, now);
        assert_eq!(late, Verdict::Well);
        assert!(!book.sentence(0, Exit::Killed));
        assert!(!book.is_sentenced());
        assert_eq!(book.health(Lifecycle::Ready).checks, 0);
        let verdict = book.record(1, CheckOutcome::TimedOut, now);
        assert_eq!(verdict, Verdict::GiveUp { failures: 1 });
        assert!(book.sentence(1, Exit::Killed) && book.is_sentenced());
        book.begin(2, now);
        assert!(book.take_sentence().is_none(), "it was for the last life");
    }

    #[test]
    fn b8_there_is_one_word_in_the_lane_however_often_it_is_asked() {
        let checkup = Checkup::default();
        assert!(checkup.open());
        for _ in 0..10 {
            checkup.give_up();
            assert!(!checkup.open(), "it was told and has not looked");
        }
        assert!(checkup.take_up().is_some());
        assert!(checkup.open());
    }
}
