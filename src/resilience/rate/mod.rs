//! Rate limiters: the arithmetic is [`policy::rate`](crate::policy::rate);
//! here it holds calls up, or turns them away.

pub(crate) mod bucket;
mod config;
mod keyed;
mod meter;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::config::{KeyedRateLimiterConfig, RateLimiterConfig, WhenSpent};
pub use self::keyed::{KeyedRateLimiter, KeyedRateLimiterStats};
use self::meter::Meter;
use super::line::{Line, Missed};
use crate::actor::system::clock;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::policy::rate::{Decision, InvalidRateLimit};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

struct Inside {
    name: Arc<str>,
    began: Instant,
    meter: Meter,
    line: Line,
    config: Mutex<RateLimiterConfig>,
    admitted: AtomicU64,
    refused: AtomicU64,
}

/// Bounds how much happens in how much time. Clones share one state.
#[derive(Clone)]
pub struct RateLimiter {
    inside: Arc<Inside>,
}

impl RateLimiter {
    /// A limiter of which nothing has been taken. `name` is what its errors
    /// call it. A limit will do for settings.
    ///
    /// Settings that make no sense are clamped;
    /// [`RateLimiterConfig::validate`] finds them.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: impl Into<RateLimiterConfig>) -> Self {
        let (config, began) = (config.into(), clock());
        Self {
            inside: Arc::new(Inside {
                name: name.into(),
                began,
                meter: Meter::new(config.limit, began),
                line: Line::new(Arc::default()),
                config: Mutex::new(config),
                admitted: AtomicU64::new(0),
                refused: AtomicU64::new(0),
            }),
        }
    }

    /// Takes `n` at once or nothing, if nobody waits for them.
    ///
    /// # Errors
    ///
    /// [`RateLimited`], with the time after which it makes sense to come
    /// again, or that it never does.
    #[inline]
    pub fn try_take(&self, n: u32) -> Result<(), RateLimited> {
        self.try_take_at(self.inside.now(), n)
    }

    /// As [`RateLimiter::try_take`] at a time that the caller keeps, counted
    /// from when the limiter was made.
    ///
    /// # Errors
    ///
    /// As [`RateLimiter::try_take`].
    #[inline]
    pub fn try_take_at(&self, now: Duration, n: u32) -> Result<(), RateLimited> {
        if self.has_taken(now, n) {
            Ok(())
        } else {
            Err(self.refuse(now, n))
        }
    }

    /// Waits for `n`, in order of arrival and no longer than the deadline in
    /// force.
    ///
    /// # Errors
    ///
    /// [`RateLimited`] at once if it would take longer than the deadline
    /// allows, if too many wait, or if it would take for ever.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken before the future resolves. Dropped, it leaves the
    /// line, and those behind move up.
    pub async fn take(&self, n: u32) -> Result<(), RateLimited> {
        let now = self.inside.now();
        if self.has_taken(now, n) {
            return Ok(());
        }
        let inside = &*self.inside;
        let most = inside.config.lock().max_waiting;
        let expected = inside.wait_behind(now, n);
        let take = |_| inside.meter.take(inside.now(), n);
        let waited = inside.line.wait(n, most, expected, take).await;
        waited.map_err(|Missed| self.refuse(inside.now(), n))
    }

    /// Takes away all there is. Nobody gets anything until some has come back.
    pub fn drain(&self) {
        self.inside.meter.drain(self.inside.now());
    }

    /// Puts the limiter in front of a worker; the result is a worker again.
    ///
    /// Each job takes one. What happens when there is none is
    /// [`RateLimiterConfig::when_spent`]; a refusal is an overloaded
    /// [`Fault`].
    #[must_use]
    pub fn guard<In, Out>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        WorkerRef::new(Guarded {
            limiter: self.clone(),
            worker: worker.clone(),
        })
    }

    /// Puts other settings in force, at once. A bucket keeps the whole tokens
    /// that it has, a sliding window what happened in it, and a fixed window
    /// keeps its current cycle and changes with the next. Those who wait go on
    /// waiting, by the new settings.
    ///
    /// # Errors
    ///
    /// Settings that make no sense, or a limit of another kind. Nothing is
    /// changed then.
    pub fn reconfigure(
        &self,
        config: impl Into<RateLimiterConfig>,
    ) -> Result<(), InvalidRateLimit> {
        let config = config.into();
        let mut current = self.inside.config.lock();
        self.inside
            .meter
            .reconfigure(config.limit, self.inside.now())?;
        *current = config;
        drop(current);
        self.inside.line.changed();
        Ok(())
    }

    /// What it holds at this instant, and did so far.
    #[must_use]
    pub fn stats(&self) -> RateLimiterStats {
        RateLimiterStats {
            available: self.inside.meter.available(self.inside.now()),
            waiting: self.inside.line.len(),
            admitted: self.inside.admitted.load(Relaxed),
            refused: self.inside.refused.load(Relaxed),
        }
    }

    /// One job passes, at once or as the settings say.
    pub(crate) async fn pass(&self) -> Result<(), RateLimited> {
        let when_spent = self.inside.config.lock().when_spent;
        match when_spent {
            WhenSpent::Refuse => self.try_take(1)?,
            WhenSpent::Wait => self.take(1).await?,
        }
        self.inside.admitted.fetch_add(1, Relaxed);
        Ok(())
    }

    // The whole of a take is a handful of instructions around one
    // compare-and-swap: as a call of its own it would cost a quarter more.
    #[inline(always)]
    fn has_taken(&self, now: Duration, n: u32) -> bool {
        let inside = &*self.inside;
        // A newcomer does not overtake those who wait.
        inside.line.is_empty() && inside.meter.take(now, n) == Decision::Allowed(())
    }

    #[cold]
    fn refuse(&self, now: Duration, n: u32) -> RateLimited {
        let inside = &*self.inside;
        inside.refused.fetch_add(1, Relaxed);
        let name = Arc::clone(&inside.name);
        let most = inside.meter.most();
        if n > most {
            return RateLimited::Impossible { name, n, most };
        }
        RateLimited::Spent {
            name,
            retry_after: inside.wait_behind(now, n),
        }
    }
}

impl Inside {
    /// The time since the limiter was made.
    fn now(&self) -> Duration {
        clock().saturating_duration_since(self.began)
    }

    /// How long whoever comes now waits, behind all who are in line.
    fn wait_behind(&self, now: Duration, n: u32) -> Duration {
        let wished = self.line.wished();
        self.meter.wait(now, wished.saturating_add(n.into()))
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("name", &self.inside.name)
            .field("stats", &self.stats())
            .finish()
    }
}

/// A rate limiter at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimiterStats {
    /// How much can be taken now.
    pub available: u32,
    /// How many wait in line.
    pub waiting: usize,
    /// Jobs that guards let through so far. Takes are not counted: that would
    /// cost as much as the take does.
    pub admitted: u64,
    /// Takes that were refused so far, those of guards too.
    pub refused: u64,
}

/// A limiter did not give what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateLimited {
    /// There is not enough now, or others wait for it.
    Spent {
        /// The limiter.
        name: Arc<str>,
        /// When it makes sense to come again.
        retry_after: Duration,
    },
    /// It is more than there can ever be.
    Impossible {
        /// The limiter.
        name: Arc<str>,
        /// What was asked for.
        n: u32,
        /// The most that can be taken at once.
        most: u32,
    },
}

impl RateLimited {
    /// When it makes sense to come again; `None`: never.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Spent { retry_after, .. } => Some(*retry_after),
            Self::Impossible { .. } => None,
        }
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spent { name, retry_after } => write!(
                f,
                "the rate limit {name} is reached, come again in {retry_after:?}"
            ),
            Self::Impossible { name, n, most } => write!(
                f,
                "the rate limit {name} never allows {n} at once, take at most {most}"
            ),
        }
    }
}

impl std::error::Error for RateLimited {}

impl From<RateLimited> for Fault {
    fn from(limited: RateLimited) -> Self {
        let message = limited.to_string();
        match limited.retry_after() {
            Some(retry_after) => Self::overloaded(message, retry_after),
            None => Self::permanent(message),
        }
    }
}

struct Guarded<In, Out> {
    limiter: RateLimiter,
    worker: WorkerRef<In, Out>,
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Guarded<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            self.limiter.pass().await?;
            self.worker.ask(input).await
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
