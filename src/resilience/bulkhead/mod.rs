//! The bulkhead, after Nygard's *Release It!*: so many calls at once, so many
//! waiting, and everyone else is turned away at once.

mod config;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::config::BulkheadConfig;
use crate::actor::system::clock;
use crate::actor::{BoxFuture, Fault, FaultClass, Request, Serve, Served, WorkerRef};
use crate::policy::adaptive::{AdaptiveLimit, InvalidAdaptive, Sample};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::semaphore::Semaphore;

struct Inside {
    name: Arc<str>,
    places: Semaphore,
    config: Mutex<BulkheadConfig>,
    /// Where the number of places follows what the callee can take.
    adaptive: Mutex<Option<AdaptiveLimit>>,
    refused: AtomicU64,
}

/// Bounds how many calls are under way, and how many wait. Clones share one
/// state.
#[derive(Clone)]
pub struct Bulkhead {
    inside: Arc<Inside>,
}

impl Bulkhead {
    /// An empty bulkhead. `name` is what its errors call the thing behind it.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: BulkheadConfig) -> Self {
        Self {
            inside: Arc::new(Inside {
                name: name.into(),
                places: Semaphore::new(config.places()),
                adaptive: Mutex::new(config.adaptive.clone().map(AdaptiveLimit::new)),
                config: Mutex::new(config),
                refused: AtomicU64::new(0),
            }),
        }
    }

    /// Takes a place if one is free. Nobody is overtaken: a place that comes
    /// back goes to the longest waiter itself.
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`] at once.
    pub fn try_acquire(&self) -> Result<BulkheadPermit, BulkheadFull> {
        if self.inside.places.try_acquire() {
            Ok(self.permit())
        } else {
            Err(self.refuse(Duration::ZERO))
        }
    }

    /// Waits for a place, in order of arrival: as long as the settings allow,
    /// and no longer than the deadline in force.
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`] at once where too many wait already, or when the time
    /// is up.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it resolves, the future leaves the line, and a place
    /// that was on its way goes to the next.
    pub async fn acquire(&self) -> Result<BulkheadPermit, BulkheadFull> {
        if self.inside.places.try_acquire() {
            return Ok(self.permit());
        }
        let (most, patience) = {
            let config = self.inside.config.lock();
            (config.waiting_allowed(), config.max_wait)
        };
        let begun = clock();
        let deadline = Request::in_force().time_left(begun);
        let patience = deadline.map_or(patience, |left| left.min(patience));
        let place = self.inside.places.acquire(most);
        match tokio::time::timeout(patience, place).await {
            Ok(true) => Ok(self.permit()),
            Ok(false) | Err(_) => Err(self.refuse(clock().saturating_duration_since(begun))),
        }
    }

    /// Puts the bulkhead in front of a worker; the result is a worker again.
    ///
    /// A refusal is an overloaded [`Fault`].
    #[must_use]
    pub fn guard<In, Out>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        WorkerRef::new(Guarded {
            bulkhead: self.clone(),
            worker: worker.clone(),
        })
    }

    /// Puts other settings in force. Calls under way go on: where there are
    /// fewer places than calls, the next ones wait until enough of them are
    /// back. With no places at all, those who wait are refused. A limit on the
    /// wait holds for those who come from now on. An adaptive number of places
    /// begins anew at its minimum.
    ///
    /// # Errors
    ///
    /// Settings that make no sense. Nothing is changed then.
    pub fn reconfigure(&self, config: BulkheadConfig) -> Result<(), InvalidAdaptive> {
        config.validate()?;
        let mut adaptive = self.inside.adaptive.lock();
        *adaptive = config.adaptive.clone().map(AdaptiveLimit::new);
        let places = config.places();
        // Settings first: whoever gets a new place was let in by them.
        *self.inside.config.lock() = config;
        let wakes = self.inside.places.resize(places);
        drop(adaptive);
        wakes.wake();
        Ok(())
    }

    /// Changes how many calls may be under way; see [`Bulkhead::reconfigure`].
    /// The number does not follow the callee any more.
    pub fn resize(&self, max_concurrent: usize) {
        let mut adaptive = self.inside.adaptive.lock();
        *adaptive = None;
        let mut config = self.inside.config.lock();
        config.max_concurrent = max_concurrent;
        config.adaptive = None;
        drop(config);
        let wakes = self.inside.places.resize(max_concurrent);
        drop(adaptive);
        wakes.wake();
    }

    /// Whether the number of places follows how calls go.
    pub(crate) fn is_adaptive(&self) -> bool {
        self.inside.adaptive.lock().is_some()
    }

    /// Lets the number of places follow how a call went.
    pub(crate) fn learn(&self, sample: Sample) {
        // Held until the places are changed, so that what was learned last
        // is what is heeded.
        let mut adaptive = self.inside.adaptive.lock();
        let Some(limit) = &mut *adaptive else {
            return;
        };
        let before = limit.limit();
        let places = limit.record(sample, self.inside.places.places().held);
        if places != before {
            let wakes = self.inside.places.resize(places);
            drop(adaptive);
            wakes.wake();
        }
    }

    /// What it does at this instant, and did so far.
    #[must_use]
    pub fn stats(&self) -> BulkheadStats {
        let places = self.inside.places.places();
        BulkheadStats {
            max_concurrent: places.limit,
            under_way: places.held,
            waiting: places.waiting,
            admitted: places.given,
            refused: self.inside.refused.load(Relaxed),
        }
    }

    fn permit(&self) -> BulkheadPermit {
        BulkheadPermit {
            inside: Arc::clone(&self.inside),
        }
    }

    fn refuse(&self, waited: Duration) -> BulkheadFull {
        self.inside.refused.fetch_add(1, Relaxed);
        let places = self.inside.places.places();
        BulkheadFull {
            name: Arc::clone(&self.inside.name),
            under_way: places.held,
            waiting: places.waiting,
            waited,
            retry_after: self.inside.config.lock().retry_after,
        }
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.inside.name)
            .field("stats", &self.stats())
            .finish()
    }
}

/// A bulkhead at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadStats {
    /// How many calls may be under way.
    pub max_concurrent: usize,
    /// How many are. More than allowed for a while after a resize.
    pub under_way: usize,
    /// How many wait for a place.
    pub waiting: usize,
    /// Calls let through so far.
    pub admitted: u64,
    /// Calls refused so far.
    pub refused: u64,
}

/// There was no place, or none in time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadFull {
    /// What is behind the bulkhead.
    pub name: Arc<str>,
    /// Calls that were under way.
    pub under_way: usize,
    /// Calls that waited.
    pub waiting: usize,
    /// How long this one waited.
    pub waited: Duration,
    /// When it makes sense to come again.
    pub retry_after: Duration,
}

impl fmt::Display for BulkheadFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the bulkhead in front of {} is full with {} under way and {} waiting, come again in {:?}",
            self.name, self.under_way, self.waiting, self.retry_after
        )
    }
}

impl std::error::Error for BulkheadFull {}

impl From<BulkheadFull> for Fault {
    fn from(full: BulkheadFull) -> Self {
        Self::overloaded(full.to_string(), full.retry_after)
    }
}

/// A place for one call; dropped, it is free again.
#[must_use = "a permit that is dropped at once holds no place"]
pub struct BulkheadPermit {
    inside: Arc<Inside>,
}

impl Drop for BulkheadPermit {
    fn drop(&mut self) {
        self.inside.places.release();
    }
}

impl fmt::Debug for BulkheadPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BulkheadPermit({})", self.inside.name)
    }
}

struct Guarded<In, Out> {
    bulkhead: Bulkhead,
    worker: WorkerRef<In, Out>,
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Guarded<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let _permit = self.bulkhead.acquire().await?;
            let begun = self.bulkhead.is_adaptive().then(clock);
            let answer = self.worker.ask(input).await;
            if let Some(begun) = begun {
                match answer.as_ref().map_err(Fault::class) {
                    Ok(_) => {
                        let took = clock().saturating_duration_since(begun);
                        self.bulkhead.learn(Sample::Answered(took));
                    }
                    Err(FaultClass::Overloaded | FaultClass::Deadline) => {
                        self.bulkhead.learn(Sample::Lost);
                    }
                    // It says nothing about how crowded the callee is.
                    Err(_) => {}
                }
            }
            answer
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
