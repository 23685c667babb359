//! All layers in the order in which they belong, from one set of settings.

use std::error::Error;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::breaker::Breaker;
use super::bulkhead::{Bulkhead, BulkheadConfig};
use super::live::Live;
use super::rate::{RateLimiter, RateLimiterConfig};
use super::retry::Retrier;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::policy::adaptive::InvalidAdaptive;
use crate::policy::breaker::{BreakerConfig, InvalidBreaker};
use crate::policy::rate::InvalidRateLimit;
use crate::policy::retry::{InvalidRetry, Retry};

/// Settings of a [`Stack`]: the layers that are there, and theirs. A part of a
/// service's configuration file.
///
/// # Examples
///
/// ```
/// use callboard::resilience::StackConfig;
///
/// let config: StackConfig = serde_json::from_str(
///     r#"{
///         "deadline": "2s",
///         "bulkhead": { "max_concurrent": 16, "max_waiting": 64 },
///         "breaker": { "open_for": "30s" },
///         "retry": { "attempts": 2 }
///     }"#,
/// )?;
/// assert_eq!(config.validate(), Ok(()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StackConfig {
    /// How long the whole may take, waits and retries included. Default: the
    /// asker's deadline.
    #[serde(with = "humantime_serde")]
    pub deadline: Option<Duration>,
    /// How many may be in it at once. Default: no bulkhead.
    pub bulkhead: Option<BulkheadConfig>,
    /// When it is not asked any more. Default: no breaker.
    pub breaker: Option<BreakerConfig>,
    /// How often it is tried. Default: once.
    pub retry: Option<Retry>,
    /// How often it is asked, retries included. Default: no limit.
    pub rate: Option<RateLimiterConfig>,
}

impl StackConfig {
    /// No layers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long the whole may take.
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Some(within);
        self
    }

    /// Bounds how many may be in it at once.
    #[must_use]
    pub fn bulkhead(mut self, config: BulkheadConfig) -> Self {
        self.bulkhead = Some(config);
        self
    }

    /// Puts a breaker in front of it.
    #[must_use]
    pub fn breaker(mut self, config: BreakerConfig) -> Self {
        self.breaker = Some(config);
        self
    }

    /// Tries it again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Bounds how often it is asked.
    #[must_use]
    pub fn rate(mut self, config: impl Into<RateLimiterConfig>) -> Self {
        self.rate = Some(config.into());
        self
    }

    /// Checks every layer.
    ///
    /// # Errors
    ///
    /// The first thing found.
    pub fn validate(&self) -> Result<(), InvalidStack> {
        if self.deadline.is_some_and(|deadline| deadline.is_zero()) {
            return Err(InvalidStack::NoTime);
        }
        if let Some(bulkhead) = &self.bulkhead {
            bulkhead.validate().map_err(InvalidStack::Bulkhead)?;
        }
        if let Some(breaker) = &self.breaker {
            breaker.validate().map_err(InvalidStack::Breaker)?;
        }
        if let Some(retry) = &self.retry {
            retry.validate().map_err(InvalidStack::Retry)?;
        }
        if let Some(rate) = &self.rate {
            rate.validate().map_err(InvalidStack::Rate)?;
        }
        Ok(())
    }
}

/// Why a [`StackConfig`] was refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidStack {
    /// A deadline of no time at all.
    NoTime,
    /// The bulkhead's settings make no sense.
    Bulkhead(InvalidAdaptive),
    /// The breaker's settings make no sense.
    Breaker(InvalidBreaker),
    /// The retry's settings make no sense.
    Retry(InvalidRetry),
    /// The rate limit makes no sense, or is of another kind than before.
    Rate(InvalidRateLimit),
    /// A running stack has other layers: they cannot come and go.
    OtherLayers,
}

impl fmt::Display for InvalidStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTime => "a deadline of no time cannot be met",
            Self::Bulkhead(_) => "the bulkhead's settings do not fit",
            Self::Breaker(_) => "the breaker's settings do not fit",
            Self::Retry(_) => "the retry's settings do not fit",
            Self::Rate(_) => "the rate limit does not fit",
            Self::OtherLayers => "a running stack has other layers, build a new one",
        })
    }
}

impl Error for InvalidStack {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Bulkhead(why) => Some(why),
            Self::Breaker(why) => Some(why),
            Self::Retry(why) => Some(why),
            Self::Rate(why) => Some(why),
            Self::NoTime | Self::OtherLayers => None,
        }
    }
}

/// All layers in front of a worker, in the order in which they belong:
///
/// ```text
///  asker ─▶ deadline ─▶ bulkhead ─▶ breaker ─▶ retry ─▶ rate ─▶ worker
/// ```
///
/// A call that waits for the bulkhead is no failure for the breaker; the breaker
/// sees one outcome for all tries; each try counts for the rate.
///
/// # Examples
///
/// ```
/// use callboard::policy::retry::Retry;
/// use callboard::prelude::*;
/// use callboard::resilience::{BulkheadConfig, Stack, StackConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let model = WorkerRef::from_fn("model", |n: u32| async move { Ok::<_, Fault>(n + 1) });
/// let config = StackConfig::new()
///     .deadline(secs(2))
///     .bulkhead(BulkheadConfig::new(16))
///     .breaker(Breaker::consecutive(5))
///     .retry(Retry::exponential(ms(50)..=secs(1)).jitter());
/// let stack = Stack::new("model", config.clone())?;
/// let guarded = stack.guard(&model);
/// assert_eq!(guarded.ask(1).await?.value, 2);
///
/// // A new configuration holds from the next call on.
/// stack.reconfigure(config.deadline(secs(1)))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stack {
    name: Arc<str>,
    config: Live<StackConfig>,
    bulkhead: Option<Bulkhead>,
    breaker: Option<Breaker>,
    retrier: Option<Retrier>,
    rate: Option<RateLimiter>,
}

impl Stack {
    /// The layers that the settings name. `name` is what their errors call the
    /// thing behind them.
    ///
    /// # Errors
    ///
    /// [`InvalidStack`].
    pub fn new(name: impl Into<Arc<str>>, config: StackConfig) -> Result<Self, InvalidStack> {
        config.validate()?;
        let name = name.into();
        let named = || Arc::clone(&name);
        Ok(Self {
            bulkhead: config.bulkhead.clone().map(|c| Bulkhead::new(named(), c)),
            breaker: config.breaker.clone().map(|c| Breaker::new(named(), c)),
            retrier: config.retry.clone().map(|c| Retrier::new(named(), c)),
            rate: config.rate.clone().map(|c| RateLimiter::new(named(), c)),
            config: Live::new(config),
            name,
        })
    }

    /// Puts the layers in front of a worker; the result is a worker again. All
    /// that one stack guards share its layers.
    #[must_use]
    pub fn guard<In, Out>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out>
    where
        In: Clone + Send + 'static,
        Out: Send + 'static,
    {
        let mut guarded = worker.clone();
        if let Some(rate) = &self.rate {
            guarded = rate.guard(&guarded);
        }
        if let Some(retrier) = &self.retrier {
            guarded = retrier.guard(&guarded);
        }
        if let Some(breaker) = &self.breaker {
            guarded = breaker.guard(&guarded);
        }
        if let Some(bulkhead) = &self.bulkhead {
            guarded = bulkhead.guard(&guarded);
        }
        WorkerRef::new(Timed {
            config: self.config.clone(),
            worker: guarded,
        })
    }

    /// Changes the settings of the layers that are there, each as its own
    /// `reconfigure` does.
    ///
    /// # Errors
    ///
    /// [`InvalidStack`]; nothing is changed.
    pub fn reconfigure(&self, config: StackConfig) -> Result<(), InvalidStack> {
        config.validate()?;
        let is_the_same = self.bulkhead.is_some() == config.bulkhead.is_some()
            && self.breaker.is_some() == config.breaker.is_some()
            && self.retrier.is_some() == config.retry.is_some()
            && self.rate.is_some() == config.rate.is_some();
        if !is_the_same {
            return Err(InvalidStack::OtherLayers);
        }
        if let (Some(rate), Some(config)) = (&self.rate, &config.rate) {
            let changed = rate.reconfigure(config.clone());
            changed.map_err(InvalidStack::Rate)?;
        }
        if let (Some(bulkhead), Some(config)) = (&self.bulkhead, &config.bulkhead) {
            let changed = bulkhead.reconfigure(config.clone());
            changed.map_err(InvalidStack::Bulkhead)?;
        }
        if let (Some(breaker), Some(config)) = (&self.breaker, &config.breaker) {
            let changed = breaker.reconfigure(config.clone());
            changed.map_err(InvalidStack::Breaker)?;
        }
        if let (Some(retrier), Some(config)) = (&self.retrier, &config.retry) {
            let changed = retrier.reconfigure(config.clone());
            changed.map_err(InvalidStack::Retry)?;
        }
        self.config.set(config);
        Ok(())
    }

    /// The settings in force. They can be watched:
    /// [`Live::changed`].
    #[must_use]
    pub fn config(&self) -> &Live<StackConfig> {
        &self.config
    }

    /// The name of what is behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its bulkhead, if there is one.
    #[must_use]
    pub fn bulkhead(&self) -> Option<&Bulkhead> {
        self.bulkhead.as_ref()
    }

    /// Its breaker, if there is one.
    #[must_use]
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// Its retrier, if there is one.
    #[must_use]
    pub fn retrier(&self) -> Option<&Retrier> {
        self.retrier.as_ref()
    }

    /// Its rate limiter, if there is one.
    #[must_use]
    pub fn rate(&self) -> Option<&RateLimiter> {
        self.rate.as_ref()
    }
}

/// The outermost layer: how long the whole may take.
struct Timed<In, Out> {
    config: Live<StackConfig>,
    worker: WorkerRef<In, Out>,
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Timed<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        let ask = self.worker.ask(input);
        match self.config.get().deadline {
            Some(within) => ask.deadline(within).into_future(),
            None => ask.into_future(),
        }
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
