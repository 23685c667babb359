//! The circuit breaker, after Nygard's *Release It!*: the arithmetic is
//! [`policy::breaker`](crate::policy::breaker); here it guards calls.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::system::clock;
use crate::actor::{BoxFuture, Fault, FaultClass, InvalidSpec, Serve, Served, WorkerRef};
use crate::policy::breaker::{
    Breaker as Arithmetic, BreakerConfig, Outcome, Permit, State, Transition,
};
use crate::sync::Mutex;

/// How many transitions a breaker remembers.
const REMEMBERED: usize = 64;

struct Inside {
    arithmetic: Arithmetic,
    transitions: VecDeque<Transition>,
    admitted: u64,
    rejected: u64,
}

impl Inside {
    fn note(&mut self, transitions: impl IntoIterator<Item = Transition>) {
        for transition in transitions {
            if self.transitions.len() == REMEMBERED {
                self.transitions.pop_front();
            }
            self.transitions.push_back(transition);
        }
    }
}

/// A circuit breaker. Clones share one state.
#[derive(Clone)]
pub struct Breaker {
    name: Arc<str>,
    inside: Arc<Mutex<Inside>>,
}

impl Breaker {
    /// A closed breaker. `name` is what its errors call the thing behind it.
    ///
    /// Settings that do not fit are refused where they are used in a spec;
    /// [`BreakerConfig::validate`] checks them here.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: BreakerConfig) -> Self {
        Self {
            name: name.into(),
            inside: Arc::new(Mutex::new(Inside {
                arithmetic: Arithmetic::new(config),
                transitions: VecDeque::new(),
                admitted: 0,
                rejected: 0,
            })),
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

    pub(crate) fn checked(
        name: impl Into<Arc<str>>,
        config: BreakerConfig,
    ) -> Result<Self, InvalidSpec> {
        config.validate().map_err(InvalidSpec::Breaker)?;
        Ok(Self::new(name, config))
    }

    /// Asks for a permit.
    ///
    /// # Errors
    ///
    /// [`Open`] while the breaker is open, or half-open with all probes out.
    pub fn try_acquire(&self) -> Result<BreakerPermit, Open> {
        let now = clock();
        let mut inside = self.inside.lock();
        match inside.arithmetic.admit(now) {
            Ok(permit) => {
                inside.note(permit.transitions());
                inside.admitted += 1;
                Ok(BreakerPermit {
                    breaker: self.clone(),
                    permit: Some(permit),
                })
            }
            Err(rejected) => {
                inside.note(rejected.transitions);
                inside.rejected += 1;
                Err(Open {
                    name: Arc::clone(&self.name),
                    retry_after: rejected.retry_after,
                })
            }
        }
    }

    /// Puts the breaker in front of a worker; the result is a worker again.
    #[must_use]
    pub fn guard<In, Out>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        WorkerRef::new(Guarded {
            breaker: self.clone(),
            worker: worker.clone(),
        })
    }

    /// Its state at this instant. An open breaker whose time is up stays open
    /// until somebody asks for a permit.
    #[must_use]
    pub fn state(&self) -> State {
        self.inside.lock().arithmetic.state()
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> BreakerStats {
        let inside = self.inside.lock();
        BreakerStats {
            state: inside.arithmetic.state(),
            failure_rate: inside.arithmetic.failure_rate(),
            admitted: inside.admitted,
            rejected: inside.rejected,
            transitions: inside.transitions.iter().copied().collect(),
        }
    }

    fn record(&self, permit: Permit, outcome: Outcome) {
        let now = clock();
        let mut inside = self.inside.lock();
        let transition = inside.arithmetic.record(permit, outcome, now);
        inside.note(transition);
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name)
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
    /// The share of failures; `None` until there are enough calls to tell.
    pub failure_rate: Option<f64>,
    /// Calls let through.
    pub admitted: u64,
    /// Calls refused.
    pub rejected: u64,
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

/// The right to make one call. Dropped without a word it counts neither as
/// success nor as failure, and its place is free again.
#[must_use = "a permit that is dropped counts as a call that was not made"]
pub struct BreakerPermit {
    breaker: Breaker,
    permit: Option<Permit>,
}

impl BreakerPermit {
    /// The call succeeded.
    pub fn success(self) {
        self.end(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.end(Outcome::Failure);
    }

    fn end(mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            self.breaker.record(permit, outcome);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.record(permit, Outcome::Ignored);
        }
    }
}

impl fmt::Debug for BreakerPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BreakerPermit({})", self.breaker.name)
    }
}

struct Guarded<In, Out> {
    breaker: Breaker,
    worker: WorkerRef<In, Out>,
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Guarded<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let permit = self.breaker.try_acquire()?;
            let answer = self.worker.ask(input).await;
            match answer.as_ref().map_err(Fault::class) {
                Ok(_) => permit.success(),
                Err(
                    FaultClass::Transient
                    | FaultClass::Cascading
                    | FaultClass::Overloaded
                    | FaultClass::Deadline,
                ) => permit.failure(),
                Err(_) => drop(permit),
            }
            answer
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.breaker.state() != State::Open && self.worker.is_available()
    }
}
