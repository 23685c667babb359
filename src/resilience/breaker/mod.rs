//! The circuit breaker, after Nygard's *Release It!*: the arithmetic is
//! [`policy::breaker`](crate::policy::breaker); here it guards calls.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::resilience::Breaker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let flaky = WorkerRef::from_fn("flaky", |_: u32| async { Err::<u32, _>(Fault::transient("down")) });
//! let breaker = Breaker::new("flaky", Breaker::consecutive(2).open_for(secs(30)));
//! let guarded = breaker.guard(&flaky);
//!
//! for _ in 0..2 {
//!     assert_eq!(guarded.ask(1).await.unwrap_err().class(), FaultClass::Transient);
//! }
//! let refused = guarded.ask(1).await.unwrap_err();
//! assert_eq!(refused.class(), FaultClass::Cascading, "open: the worker is not asked");
//! assert!(refused.retry_after().is_some());
//! # }
//! ```
//!
//! # Questions
//!
//! *What opens it?* Failures in a row, a share of failures, a share of slow
//! calls, or whichever of them comes first:
//! `Breaker::failure_rate(0.5).or_slow_rate(0.8, secs(2)).time_window(secs(60))`.
//! The [settings](crate::policy::breaker::BreakerConfig) are plain data, can
//! stand in a file, and change live with [`Breaker::reconfigure`]
//! (`c1_settings_are_changed_live_and_nonsense_changes_nothing`).
//!
//! *What counts as a failure to a breaker?* Transient, cascading, overloaded and
//! deadline faults, and crashes. Permanent faults are the request's own doing and
//! cancelled calls are nobody's: they count neither way and give their permit
//! back (`cb_20_a_fault_that_says_nothing_gives_its_permit_back`).
//! [`Breaker::counting`] says otherwise for a class, and
//! [`Breaker::guard_judging`] looks at the answer itself
//! (`cb_34_an_answer_may_count_as_a_failure_and_is_handed_on`).
//!
//! *What does the caller see while it is open?* A cascading [`Fault`] at once,
//! with the time after which it makes sense to come again; the worker is not
//! asked (`cb_12_while_it_is_open_the_worker_is_never_asked`).
//!
//! *How does it close again?* After `open_for` the next calls are probes, as
//! many at once as allowed and no more
//! (`cb_16_exactly_as_many_probes_get_through_as_the_trial_has`). Two that
//! succeed in a row close it, one that fails opens it again; or the rates over
//! a fixed number of probes decide. A trial that nobody fills does not last
//! for ever (`cb_26_a_trial_that_is_never_full_ends_by_timer_too`).
//!
//! *Who turns it half-open?* The next call; until then it reads open. With
//! [`Turns::ByTimer`](crate::policy::breaker::Turns::ByTimer) a timer does
//! (`cb_14_with_a_timer_it_turns_half_open_without_a_call`).
//!
//! *What if a call is dropped halfway?* It counts neither way, and its place is
//! free (`c1_a_call_that_is_dropped_halfway_gives_its_permit_back`). The result
//! of a call from before a change of state says nothing after it.
//!
//! *Can I say so by hand?* [`Breaker::turn`] forces it open, disables it or has
//! it only measure; [`Breaker::reset`] closes it. What makes no sense is an
//! error (`cb_31_a_change_that_is_none_is_an_error`).
//!
//! *How do I watch it?* [`Breaker::stats`] at one instant, [`Breaker::subscribe`]
//! for what happens, in order and numbered
//! (`cb_02_the_call_the_threshold_and_the_state_are_told_in_this_order_once`).
//! Who is slow loses the oldest events, counted
//! (`c1_a_slow_listener_loses_the_oldest_events_and_knows_how_many`).
//!
//! *What does a call cost?* Two short locks and one box. The clock is read
//! where it matters: once at each end of a call where slow calls count, once
//! for each call in a window of time, and when the state may change.
//!
//! *One breaker for how many?* Clones share one state. Use one breaker per
//! thing that fails as one.
//!
//! # Files
//!
//! ```text
//!  core    one lock around the arithmetic and what is told of it
//!  events  who listens; a bounded log that exists while somebody does
//!  timer   turns an open breaker half-open without a call, where asked to
//!  permit  the right to make one call, given back when it is dropped
//!  guard   the breaker in front of a worker
//!  child   the breaker at a child's own door
//! ```
//!
//! [`Fault`]: crate::actor::Fault

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::system::clock;
use crate::actor::{Fault, FaultClass, InvalidSpec};
use crate::policy::breaker::{
    BreakerConfig, IllegalTransition, InvalidBreaker, Metrics, Outcome, Permit, State, Transition,
};

mod child;
mod core;
pub(crate) mod events;
mod guard;
mod permit;
mod timer;

pub(crate) use self::core::Core;
pub use events::{BreakerEvent, BreakerEvents};
pub use permit::BreakerPermit;
use timer::Timer;

/// What all clones of a breaker share.
struct Shared {
    name: Arc<str>,
    core: Core,
    timer: Timer,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.core.close();
    }
}

/// A circuit breaker. Clones share one state.
#[derive(Clone)]
pub struct Breaker {
    shared: Arc<Shared>,
    judge: fn(FaultClass) -> Outcome,
}

impl Breaker {
    /// A closed breaker. `name` is what its errors call the thing behind it.
    ///
    /// Settings that do not fit are refused where they are used in a spec;
    /// [`BreakerConfig::validate`] checks them here.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: BreakerConfig) -> Self {
        Self {
            shared: Arc::new(Shared {
                name: name.into(),
                core: Core::new(config),
                timer: Timer::default(),
            }),
            judge: Self::judge,
        }
    }

    /// Settings of a breaker that opens after so many failures in a row.
    #[must_use]
    pub const fn consecutive(failures: u32) -> BreakerConfig {
        BreakerConfig::consecutive(failures)
    }

    /// Settings of a breaker that opens at this share of failures.
    #[must_use]
    pub const fn failure_rate(threshold: f64) -> BreakerConfig {
        BreakerConfig::failure_rate(threshold)
    }

    /// Settings of a breaker that opens at this share of calls that took at
    /// least `slow_after`.
    #[must_use]
    pub const fn slow_rate(threshold: f64, slow_after: Duration) -> BreakerConfig {
        BreakerConfig::slow_rate(threshold, slow_after)
    }

    pub(crate) fn checked(
        name: impl Into<Arc<str>>,
        config: BreakerConfig,
    ) -> Result<Self, InvalidSpec> {
        config.validate().map_err(InvalidSpec::Breaker)?;
        Ok(Self::new(name, config))
    }

    /// Says what a fault of each class counts as, for what this handle and its
    /// clones guard from now on. Default [`Breaker::judge`].
    ///
    /// ```
    /// # use callboard::prelude::*;
    /// use callboard::policy::breaker::Outcome;
    ///
    /// // A full mailbox behind it is no reason to open.
    /// let breaker = Breaker::new("db", Breaker::consecutive(5)).counting(|class| match class {
    ///     FaultClass::Overloaded => Outcome::Ignored,
    ///     other => Breaker::judge(other),
    /// });
    /// # drop(breaker);
    /// ```
    #[must_use]
    pub fn counting(mut self, judge: fn(FaultClass) -> Outcome) -> Self {
        self.judge = judge;
        self
    }

    /// What a fault counts as, where nobody says otherwise: transient,
    /// cascading, overloaded and deadline faults are failures, all others are
    /// ignored.
    #[must_use]
    pub const fn judge(class: FaultClass) -> Outcome {
        match class {
            FaultClass::Transient
            | FaultClass::Cascading
            | FaultClass::Overloaded
            | FaultClass::Deadline => Outcome::Failure,
            _ => Outcome::Ignored,
        }
    }

    /// Asks for a permit.
    ///
    /// # Errors
    ///
    /// [`Open`] while the breaker is open, or half-open with all probes out.
    #[inline]
    pub fn try_acquire(&self) -> Result<BreakerPermit<&Self>, Open> {
        let permit = self.admit()?;
        Ok(BreakerPermit::new(self, permit))
    }

    /// As [`try_acquire`](Self::try_acquire), for a permit that has a handle of
    /// its own and may go anywhere.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(&self) -> Result<BreakerPermit, Open> {
        let permit = self.admit()?;
        Ok(BreakerPermit::new(self.clone(), permit))
    }

    /// Counts a failure that belongs to no call, such as a lost connection. In a
    /// trial, or when one is due, it is the probe that failed.
    pub fn strike(&self) {
        let now = clock();
        self.after(self.shared.core.strike(now));
    }

    /// Its state at this instant. An open breaker whose time is up stays open
    /// until somebody asks for a permit, unless it
    /// [turns by timer](crate::policy::breaker::Turns::ByTimer).
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.core.state()
    }

    /// Whether asking for a permit makes sense: it is not open, or has been for
    /// long enough.
    #[must_use]
    pub fn is_passable(&self) -> bool {
        self.shared.core.is_passable(clock)
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> BreakerStats {
        self.shared.core.stats(clock())
    }

    /// What happens to it, from now on and in order.
    ///
    /// Bounded: whoever falls 256 events behind loses the oldest, counted. It
    /// never slows a call down, and costs nothing where nobody listens.
    #[must_use]
    pub fn subscribe(&self) -> BreakerEvents {
        BreakerEvents::new(&self.shared)
    }

    /// Changes its state by hand: forces it open, disables it, has it only
    /// measure, or brings it back. What it has counted is forgotten, and calls
    /// under way count no more.
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`] where the state
    /// [may not become](State::may_become) that one; nothing changes.
    pub fn turn(&self, to: State) -> Result<(), IllegalTransition> {
        let (turned, has_turned) = self.shared.core.turn(to, clock());
        self.after(has_turned);
        turned
    }

    /// Closes it and forgets everything, the growth of its waits too. The
    /// totals of [`stats`](Self::stats) stay.
    pub fn reset(&self) {
        self.after(self.shared.core.reset(clock()));
    }

    /// Takes other settings at once, in the state it is in.
    ///
    /// An open breaker has been open for as long as it has, and waits for what
    /// is left of its new wait. A trial begins again, and its probes under way
    /// count no more. What was counted while closed goes on to count, unless
    /// the window or the kind of its conditions is another one.
    ///
    /// # Errors
    ///
    /// Settings that do not fit change nothing.
    pub fn reconfigure(&self, config: BreakerConfig) -> Result<(), InvalidBreaker> {
        config.validate()?;
        self.shared.core.reconfigure(config, clock());
        self.after(Turned::Yes);
        Ok(())
    }

    #[inline]
    fn admit(&self) -> Result<Permit, Open> {
        let (admitted, turned) = self.shared.core.admit(clock);
        self.after(turned);
        admitted.map_err(|rejected| self.open(rejected.retry_after))
    }

    #[cold]
    fn open(&self, retry_after: Duration) -> Open {
        Open {
            name: Arc::clone(&self.shared.name),
            retry_after,
        }
    }

    #[inline]
    fn settle(&self, permit: Permit, outcome: Outcome) {
        self.after(self.shared.core.settle(permit, outcome, clock));
    }

    /// Whatever a change of state asks for that is not arithmetic.
    #[inline]
    fn after(&self, turned: Turned) {
        if turned == Turned::Yes {
            timer::arm(&self.shared);
        }
    }
}

/// Whether a step changed the state, and so when time changes it next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the timer is to be set anew"]
pub(crate) enum Turned {
    Yes,
    No,
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.shared.name)
            .field("state", &self.state())
            .finish()
    }
}

/// What a breaker did so far.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakerStats {
    /// Its state.
    pub state: State,
    /// What is in its window, or in its trial.
    pub metrics: Metrics,
    /// Calls let through, all told.
    pub admitted: u64,
    /// Calls turned away, all told.
    pub not_permitted: u64,
    /// The last 64 transitions, oldest first.
    pub transitions: Vec<Transition>,
}

/// A call was not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Open {
    /// What is behind the breaker.
    pub name: Arc<str>,
    /// When it makes sense to come again.
    pub retry_after: Duration,
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the breaker in front of {} is open, come again in {:?}",
            self.name, self.retry_after
        )
    }
}

impl std::error::Error for Open {}

impl From<Open> for Fault {
    fn from(open: Open) -> Self {
        Self::new(FaultClass::Cascading, open.to_string()).after(open.retry_after)
    }
}
