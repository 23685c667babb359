//! Trying again: the arithmetic is [`policy::retry`](crate::policy::retry); here
//! it is carried out.
//!
//! ```
//! use callboard::policy::retry::Retry;
//! use callboard::prelude::*;
//! use callboard::resilience::Retrier;
//! use callboard::testing::Script;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let script = Script::new().fault(Fault::transient("busy")).answer(7);
//! let flaky: WorkerRef<u32, u32> =
//!     system.spawn(ChildSpec::new("flaky", script.worker())).await?.into();
//!
//! let retrier = Retrier::new("flaky", Retry::exponential(ms(200)..=secs(20)).jitter());
//! let served = retrier.guard(&flaky).ask(1).await?;
//! assert_eq!((served.value, served.attempts), (7, 2));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What is tried again?* Transient and overloaded faults, after the wait that
//! the callee asked for if it did, and tries that ran out of their own time.
//! Permanent, partial, cascading and cancelled ones fail at once: the first
//! will fail again, the second is to be compensated or degraded, the third is
//! for the breaker, and nobody waits for the last. [`RetryGuard::classify`]
//! changes it.
//!
//! *What if the asker may not?* A [forbidden](Fault::forbidden) fault is never
//! tried again; with [`RetryGuard::escalate_to`] somebody else decides.
//!
//! *Which deadline holds?* That of the request: no try begins after it, and a
//! wait that would outlast it is not begun. Each try's own timeout comes on top.
//!
//! *How many retries are there in all?* As many as [`RetryBudget`]s allow: one's
//! own, and one that is shared, for example by the whole system.
//!
//! *What does it cost when all goes well?* One clone of the input and one short
//! lock; with a budget, two more and two looks at the clock.

mod budget;
mod guard;
mod rules;
mod told;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use budget::{RetryBudget, RetryPermit};
pub use guard::{Escalation, LastAnswer, RetryGuard};
pub use rules::classify;
use rules::{Judgement, Rules};
pub use told::{GaveUp, RetryEvent, RetryStats};

use super::live::Live;
use crate::actor::chance::Chance;
use crate::actor::feed::Feed;
use crate::actor::system::clock;
use crate::actor::{EventStream, Fault, FaultClass, Request, Served, Spending, System, WorkerRef};
use crate::policy::retry::{Decision, GiveUp, InvalidRetry, Retry, RetryState};
use crate::policy::retry_budget::RetryBudgetConfig;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;

/// How many events a subscriber may fall behind.
const EVENTS: usize = 256;

/// Tries again what fails, by its settings and within its budgets. Clones share
/// settings, budgets and counters.
#[derive(Clone)]
pub struct Retrier {
    inside: Arc<Inside>,
}

struct Inside {
    name: Arc<str>,
    settings: Live<Retry>,
    /// Bounds nothing unless the settings say so.
    own: RetryBudget,
    shared: Option<RetryBudget>,
    chance: Chance,
    events: Feed<RetryEvent>,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    calls: AtomicU64,
    retries: AtomicU64,
    succeeded: AtomicU64,
    recovered: AtomicU64,
    failed: AtomicU64,
    budget_spent: AtomicU64,
}

impl Retrier {
    /// One of its own: jitter from a seed of this process, no budget but that of
    /// the settings. `name` is what its events call it.
    ///
    /// Settings that do not fit are clamped; [`Retry::validate`] checks them.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, retry: Retry) -> Self {
        Self::with(name.into(), retry, None, Chance::new())
    }

    /// One that retries within the [system's budget](RetryBudget::of) and draws
    /// its jitter from the system's seed.
    #[must_use]
    pub fn of(system: &System, name: impl Into<Arc<str>>, retry: Retry) -> Self {
        let shared = Some(RetryBudget::of(system));
        Self::with(name.into(), retry, shared, Chance::of(system))
    }

    /// One that retries within a budget that it shares with others; that of the
    /// settings holds as well.
    #[must_use]
    pub fn within(name: impl Into<Arc<str>>, retry: Retry, budget: &RetryBudget) -> Self {
        Self::with(name.into(), retry, Some(budget.clone()), Chance::new())
    }

    /// The same, with its jitter from this seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        let (name, retry) = (Arc::clone(&self.inside.name), self.settings());
        let shared = self.inside.shared.clone();
        Self::with(name, Retry::clone(&retry), shared, Chance::seeded(seed))
    }

    fn with(name: Arc<str>, retry: Retry, shared: Option<RetryBudget>, chance: Chance) -> Self {
        Self {
            inside: Arc::new(Inside {
                name,
                own: RetryBudget::new(retry.budget.unwrap_or(UNBOUNDED)),
                settings: Live::new(retry),
                shared,
                chance,
                events: Feed::new(EVENTS),
                counters: Counters::default(),
            }),
        }
    }

    /// Puts it in front of a worker; the result is a worker again.
    #[must_use]
    pub fn guard<In, Out>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out>
    where
        In: Clone + Send + 'static,
        Out: Send + 'static,
    {
        self.around(worker).build()
    }

    /// As [`guard`](Self::guard), with rules that look at what goes in and comes
    /// out.
    pub fn around<In, Out>(&self, worker: &WorkerRef<In, Out>) -> RetryGuard<In, Out>
    where
        In: Clone + Send + 'static,
        Out: Send + 'static,
    {
        RetryGuard::new(self.clone(), worker.clone())
    }

    /// Runs something that is not a worker until it succeeds or is given up.
    /// `call` is told the number of the try, the first is 1; a try that takes
    /// longer than its timeout, or than the request in force, is dropped.
    ///
    /// # Errors
    ///
    /// The fault of the last try. Where that was not for good, its source is
    /// [`GaveUp`], which says why there was no other try.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the try under way, and begins no other; the
    /// budget is not charged for one that was waited for.
    pub async fn run<T, Call, Try>(&self, mut call: Call) -> Result<Served<T>, Fault>
    where
        Call: FnMut(u32) -> Try,
        Try: Future<Output = Result<T, Fault>>,
    {
        let deadline = Request::in_force().deadline();
        let limited = |attempt: Attempt| {
            let own = attempt.timeout.and_then(|t| clock().checked_add(t));
            let by = [own, deadline].into_iter().flatten().min();
            let tried = call(attempt.number);
            async move {
                match by {
                    None => tried.await,
                    Some(at) => match tokio::time::timeout_at(at.into(), tried).await {
                        Ok(answer) => answer,
                        Err(_) => Err(Fault::new(FaultClass::Deadline, "no answer in time")),
                    },
                }
            }
        };
        let (value, attempts) = self.drive(&Rules::default(), limited).await?;
        let mut served = Served::new(value);
        served.attempts = attempts;
        Ok(served)
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<Retry> {
        self.inside.settings.get()
    }

    /// Changes the settings. Calls under way end as they began.
    ///
    /// # Errors
    ///
    /// [`InvalidRetry`]; nothing is changed.
    pub fn reconfigure(&self, retry: Retry) -> Result<(), InvalidRetry> {
        retry.validate()?;
        let budget = retry.budget.unwrap_or(UNBOUNDED);
        let own = self.inside.own.reconfigure(budget);
        own.map_err(InvalidRetry::Budget)?;
        self.inside.settings.set(retry);
        Ok(())
    }

    /// What happens from now on; a subscriber may fall 256 events behind.
    #[must_use]
    pub fn events(&self) -> EventStream<RetryEvent> {
        self.inside.events.subscribe()
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> RetryStats {
        let counters = &self.inside.counters;
        RetryStats {
            calls: counters.calls.load(Relaxed),
            retries: counters.retries.load(Relaxed),
            succeeded: counters.succeeded.load(Relaxed),
            recovered: counters.recovered.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            budget_spent: counters.budget_spent.load(Relaxed),
        }
    }

    fn emit(&self, event: impl FnOnce(Arc<str>) -> RetryEvent) {
        if self.inside.events.has_listeners() {
            let name = Arc::clone(&self.inside.name);
            self.inside.events.emit(event(name));
        }
    }

    /// Calls until it succeeds or is given up. Returns what came of it and the
    /// number of tries.
    async fn drive<T, Call, Try>(&self, rules: &Rules<T>, mut call: Call) -> Result<(T, u32), Fault>
    where
        Call: FnMut(Attempt) -> Try,
        Try: Future<Output = Result<T, Fault>>,
    {
        let Inside {
            settings, counters, ..
        } = &*self.inside;
        let retry = settings.get();
        let request = Request::in_force();
        let mut tries = RetryState::new();
        counters.calls.fetch_add(1, Relaxed);
        self.each_budget(&retry, RetryBudget::called_at);
        loop {
            let number = tries.attempt();
            let attempt = Attempt {
                number,
                timeout: retry.timeout(number),
            };
            let (fault, value) = match call(attempt).await {
                Ok(value) => match rules.is_bad(&value) {
                    Ok(false) => {
                        self.succeeded(&retry, number);
                        return Ok((value, number));
                    }
                    Ok(true) => (rejected(), Some(value)),
                    Err(broken) => return self.broken(number, broken),
                },
                Err(fault) => (fault, None),
            };
            let judgement = match rules.judge(number, &fault) {
                Ok(judgement) => judgement,
                Err(broken) => return self.broken(number, broken),
            };
            let (now, by) = (clock(), request.deadline());
            let decision = match judgement {
                _ if request.is_cancelled() => Decision::GiveUp(GiveUp::Cancelled),
                Judgement::Failure(failure) => {
                    let random = self.inside.chance.draw();
                    tries.failed(&retry, failure, now, by, random)
                }
                Judgement::Wait(wait) => tries.failed_with_wait(&retry, wait, now, by),
            };
            let why = match decision {
                Decision::Again { after } => {
                    match self.withdraw().filter(|_| may_retry(&request)) {
                        Some(permits) => {
                            self.emit(|name| RetryEvent::Retried {
                                name,
                                attempt: number,
                                after,
                                fault: fault.clone(),
                            });
                            // Nobody waits any more: that is looked at first.
                            let is_over = tokio::select! {
                                biased;
                                () = request.cancelled() => true,
                                () = tokio::time::sleep(after) => false,
                            };
                            if !is_over {
                                permits.into_iter().flatten().for_each(RetryPermit::spend);
                                counters.retries.fetch_add(1, Relaxed);
                                continue;
                            }
                            GiveUp::Cancelled
                        }
                        None => GiveUp::BudgetSpent,
                    }
                }
                Decision::GiveUp(why) => why,
            };
            self.gave_up(number, why, &fault);
            return match value {
                Some(value) if rules.last_answer == LastAnswer::Keep => Ok((value, number)),
                _ => Err(explained(fault, why, number)),
            };
        }
    }

    /// Tells the budgets that there are. Without any, no clock is read.
    fn each_budget(&self, retry: &Retry, tell: impl Fn(&RetryBudget, Instant)) {
        let own = retry.budget.is_some().then_some(&self.inside.own);
        let mut budgets = own.into_iter().chain(&self.inside.shared).peekable();
        if budgets.peek().is_none() {
            return;
        }
        let now = clock();
        budgets.for_each(|budget| tell(budget, now));
    }

    /// One retry out of each budget, or out of none.
    fn withdraw(&self) -> Option<[Option<RetryPermit>; 2]> {
        let own = self.inside.own.withdraw()?;
        match &self.inside.shared {
            Some(shared) => Some([Some(own), Some(shared.withdraw()?)]),
            None => Some([Some(own), None]),
        }
    }

    fn succeeded(&self, retry: &Retry, attempts: u32) {
        let counters = &self.inside.counters;
        counters.succeeded.fetch_add(1, Relaxed);
        if attempts > 1 {
            counters.recovered.fetch_add(1, Relaxed);
        }
        self.each_budget(retry, RetryBudget::succeeded_at);
        self.emit(|name| RetryEvent::Succeeded { name, attempts });
    }

    /// A rule has panicked.
    fn broken<T>(&self, attempts: u32, fault: Fault) -> Result<T, Fault> {
        self.gave_up(attempts, GiveUp::Final, &fault);
        Err(fault)
    }

    fn gave_up(&self, attempts: u32, why: GiveUp, fault: &Fault) {
        let counters = &self.inside.counters;
        counters.failed.fetch_add(1, Relaxed);
        if why == GiveUp::BudgetSpent {
            counters.budget_spent.fetch_add(1, Relaxed);
        }
        self.emit(|name| {
            let fault = fault.clone();
            match why {
                GiveUp::Final => RetryEvent::Ignored { name, fault },
                _ => RetryEvent::Failed {
                    name,
                    attempts,
                    why,
                    fault,
                },
            }
        });
    }
}

/// Settings without a budget.
const UNBOUNDED: RetryBudgetConfig = RetryBudgetConfig::unbounded();

/// The value was there, and was not good enough.
fn rejected() -> Fault {
    Fault::transient("the answer was not accepted")
}

/// Whether the request's own budget has another try in it, which is then taken.
fn may_retry(request: &Request) -> bool {
    request.spending().is_none_or(Spending::take_retry)
}

/// The fault, with the reason why it was the last.
fn explained(fault: Fault, why: GiveUp, attempts: u32) -> Fault {
    if why == GiveUp::Final {
        return fault;
    }
    let last = fault.clone();
    fault.because(GaveUp {
        why,
        attempts,
        last,
    })
}

/// One try.
#[derive(Clone, Copy)]
struct Attempt {
    number: u32,
    timeout: Option<Duration>,
}

impl fmt::Debug for Retrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrier")
            .field("name", &self.inside.name)
            .field("settings", &self.settings())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
