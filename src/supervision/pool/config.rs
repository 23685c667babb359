//! The settings of a pool, as a file has them.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::InvalidSpec;
use crate::mailbox::Overflow;
use crate::policy::choice::{Dispatch, InvalidWeights};
use crate::policy::sizing::{InvalidSizing, Sizing, Surplus};

/// Settings of a [`Pool`](super::Pool) that can be changed while it runs.
///
/// ```
/// use callboard::supervision::PoolConfig;
///
/// let config: PoolConfig = serde_json::from_str(
///     r#"{ "sizing": { "min": 4, "max": 16, "idle_for": "30s" }, "dispatch": "two_choices" }"#,
/// )?;
/// assert_eq!((config.sizing.max, config.queue), (16, 1_000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PoolConfig {
    /// How many members there are, when it grows and when it shrinks. Default
    /// always 5.
    pub sizing: Sizing,
    /// How many callers may wait for a member. Default 1,000.
    pub queue: usize,
    /// What happens to the caller after them: [`Overflow::Reject`] (the default)
    /// refuses it as overloaded, [`Overflow::Block`] lets it wait as well, until
    /// its deadline. A pool drops nothing, so the other two are refused.
    pub overflow: Overflow,
    /// How many jobs one member may have in hand and queued. Default 1: the next
    /// job waits for whichever member is free first. 0 counts as 1.
    pub per_member: usize,
    /// Which member gets the next job. Default [`Dispatch::LeastLoaded`].
    pub dispatch: Dispatch,
    /// When a member is made as good as new. Default [`Reset::AfterLease`].
    pub reset: Reset,
}

/// When a pool has a member [made as good as new](crate::actor::Worker::reset).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reset {
    /// When a lease comes back: its holder may have left something behind. The
    /// default.
    #[default]
    AfterLease,
    /// After each job as well. Costs one message per job.
    AfterEachJob,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            sizing: Sizing::default(),
            queue: 1_000,
            overflow: Overflow::Reject,
            per_member: 1,
            dispatch: Dispatch::LeastLoaded,
            reset: Reset::AfterLease,
        }
    }
}

impl PoolConfig {
    /// The default settings for so many members; `n..=n` is a fixed size.
    #[must_use]
    pub fn new(size: RangeInclusive<usize>) -> Self {
        Self::default().size(size)
    }

    /// How many members there are. Default always 5.
    #[must_use]
    pub fn size(mut self, size: RangeInclusive<usize>) -> Self {
        (self.sizing.min, self.sizing.max) = size.into_inner();
        self
    }

    /// How long a member stays idle before an elastic pool lets it go. Default
    /// 60 s.
    #[must_use]
    pub fn idle_for(mut self, idle_for: Duration) -> Self {
        self.sizing.idle_for = idle_for;
        self
    }

    /// How many callers have to wait before it grows. Default 1.
    #[must_use]
    pub fn grow_at(mut self, waiting: usize) -> Self {
        self.sizing.grow_at = waiting;
        self
    }

    /// When members beyond the minimum are let go. Default
    /// [`Surplus::AfterIdle`].
    #[must_use]
    pub fn surplus(mut self, surplus: Surplus) -> Self {
        self.sizing.surplus = surplus;
        self
    }

    /// How many callers may wait for a member. Default 1,000.
    #[must_use]
    pub fn queue(mut self, callers: usize) -> Self {
        self.queue = callers;
        self
    }

    /// What happens to the caller after them. Default [`Overflow::Reject`].
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// How many jobs one member may have in hand and queued. Default 1.
    #[must_use]
    pub fn per_member(mut self, jobs: usize) -> Self {
        self.per_member = jobs;
        self
    }

    /// Which member gets the next job. Default [`Dispatch::LeastLoaded`].
    #[must_use]
    pub fn dispatch(mut self, dispatch: Dispatch) -> Self {
        self.dispatch = dispatch;
        self
    }

    /// When a member is made as good as new. Default [`Reset::AfterLease`].
    #[must_use]
    pub fn reset(mut self, reset: Reset) -> Self {
        self.reset = reset;
        self
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// See [`InvalidPool`]; [`InvalidPool::NoKey`] is found by the pool alone.
    pub fn validate(&self) -> Result<(), InvalidPool> {
        self.sizing.validate().map_err(InvalidPool::Size)?;
        if !matches!(self.overflow, Overflow::Reject | Overflow::Block) {
            return Err(InvalidPool::Drops);
        }
        if let Dispatch::Weighted(weights) = &self.dispatch {
            weights.validate().map_err(InvalidPool::Weights)?;
        }
        Ok(())
    }

    pub(super) fn depth(&self) -> usize {
        self.per_member.max(1)
    }

    /// How many callers may wait; `None`: as many as there are.
    pub(super) fn limit(&self) -> Option<usize> {
        (self.overflow != Overflow::Block).then_some(self.queue)
    }
}

/// Why the settings of a pool are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidPool {
    /// Its size.
    Size(InvalidSizing),
    /// Its queue would drop jobs.
    Drops,
    /// The weights of its score.
    Weights(InvalidWeights),
    /// It is to go by a key, and was not told how to find it.
    NoKey,
}

impl fmt::Display for InvalidPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(why) => why.fmt(f),
            Self::Weights(why) => why.fmt(f),
            Self::Drops => f.write_str(DROPS),
            Self::NoKey => f.write_str(NO_KEY),
        }
    }
}

const DROPS: &str = "a pool drops no jobs, let its queue reject or block";
const NO_KEY: &str = "keyed dispatch needs a key, give the pool a function with `keyed`";

impl Error for InvalidPool {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Size(why) => Some(why),
            Self::Weights(why) => Some(why),
            Self::Drops | Self::NoKey => None,
        }
    }
}

impl From<InvalidPool> for InvalidSpec {
    fn from(why: InvalidPool) -> Self {
        match why {
            InvalidPool::Size(why) => Self::Size(why),
            InvalidPool::Weights(_) => {
                Self::Combination("a pool's weights are numbers from 0 on, and not all 0")
            }
            InvalidPool::Drops => Self::Combination(DROPS),
            InvalidPool::NoKey => Self::Combination(NO_KEY),
        }
    }
}
