//! Quotas: what is done is paid from an account and from all above it, or not
//! done. The arithmetic is [`policy::quota`](crate::policy::quota).

pub(crate) mod account;
mod config;
mod guard;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use self::account::{Account, Refusal};
pub use self::config::QuotaConfig;
use super::WhenSpent;
use super::line::{Line, Missed};
use crate::actor::system::clock;
use crate::actor::{Fault, FaultClass};
use crate::policy::quota::{Cost, InvalidAllowance, Settlement};
use crate::policy::rate::Decision;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

struct Inside {
    account: Arc<Account>,
    line: Line,
    config: Mutex<QuotaConfig>,
    granted: AtomicU64,
    refused: AtomicU64,
    /// Something came back to an account of this tree.
    changed: Arc<Notify>,
}

/// An account of requests, tokens and money, with others above it. Clones
/// share it.
///
/// # Examples
///
/// ```
/// use callboard::policy::quota::{Allowance, Cost};
/// use callboard::resilience::Quota;
///
/// let everyone = Quota::new("everyone", Allowance::new().tokens(1_000));
/// let team = everyone.child("team", Allowance::new().tokens(600));
/// let agent = team.child("agent", Allowance::new().tokens(500).requests(10));
///
/// let mut call = agent.try_reserve(Cost::new().requests(1).tokens(100))?;
/// call.settle(Cost::new().requests(1).tokens(40));
/// assert_eq!(agent.stats().left.tokens, 460);
/// assert_eq!(everyone.stats().left.tokens, 960);
/// # Ok::<(), callboard::resilience::QuotaSpent>(())
/// ```
#[derive(Clone)]
pub struct Quota {
    inside: Arc<Inside>,
}

impl Quota {
    /// An account of which nothing is used, with none above it. `name` is what
    /// errors call it. An allowance will do for settings.
    ///
    /// Settings that make no sense are clamped; [`QuotaConfig::validate`] finds
    /// them.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: impl Into<QuotaConfig>) -> Self {
        Self::with(name.into(), config.into(), None, Arc::new(Notify::new()))
    }

    /// An account below this one: what it gives is taken from both, and from
    /// all above. Its own waiting line begins empty, and nobody keeps a list of
    /// it: it lives as long as somebody holds it.
    #[must_use]
    pub fn child(&self, name: impl Into<Arc<str>>, config: impl Into<QuotaConfig>) -> Self {
        let above = Arc::clone(&self.inside.account);
        let changed = Arc::clone(&self.inside.changed);
        Self::with(name.into(), config.into(), Some(above), changed)
    }

    fn with(
        name: Arc<str>,
        config: QuotaConfig,
        above: Option<Arc<Account>>,
        changed: Arc<Notify>,
    ) -> Self {
        let account = Account::new(name, config.allowance, above, clock());
        Self {
            inside: Arc::new(Inside {
                account: Arc::new(account),
                line: Line::new(Arc::clone(&changed)),
                config: Mutex::new(config),
                granted: AtomicU64::new(0),
                refused: AtomicU64::new(0),
                changed,
            }),
        }
    }

    /// Takes it from this account and all above at once, or nothing from any,
    /// if nobody waits at this account.
    ///
    /// # Errors
    ///
    /// [`QuotaSpent`], with the account that did not have enough.
    pub fn try_reserve(&self, cost: Cost) -> Result<Reservation, QuotaSpent> {
        self.try_now(clock(), cost)
            .map_err(|refusal| self.refuse(refusal))
    }

    /// Reserves it now or, where the settings say so, waits until it is there:
    /// in order of arrival at this account, and no longer than the deadline in
    /// force. Callers of different accounts are in no order.
    ///
    /// # Errors
    ///
    /// [`QuotaSpent`] at once if it would take longer than the deadline
    /// allows, if too many wait, or if no time brings it back: then only a
    /// refund, a reset or another allowance does, and nobody waits for those.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken before the future resolves. Dropped, it leaves the
    /// line, and those behind move up.
    pub async fn reserve(&self, cost: Cost) -> Result<Reservation, QuotaSpent> {
        let refusal = match self.try_now(clock(), cost) {
            Ok(reservation) => return Ok(reservation),
            Err(refusal) => refusal,
        };
        let (when_spent, most) = {
            let config = self.inside.config.lock();
            (config.when_spent, config.max_waiting)
        };
        let (WhenSpent::Wait, Decision::Denied { wait }) = (when_spent, refusal.decision) else {
            return Err(self.refuse(refusal));
        };
        if wait == Duration::MAX {
            return Err(self.refuse(refusal));
        }
        let mut reserved = Err(refusal);
        let take = |now| match self.debit(now, cost) {
            Ok(reservation) => {
                reserved = Ok(reservation);
                Decision::Allowed(())
            }
            Err(refusal) => {
                let decision = refusal.decision;
                reserved = Err(refusal);
                match decision {
                    Decision::Denied { wait } if wait == Duration::MAX => Decision::Impossible,
                    decision => decision,
                }
            }
        };
        // Whatever ended the wait, the last look says what came of it.
        let waited: Result<(), Missed> = self.inside.line.wait(1, most, wait, take).await;
        debug_assert_eq!(waited.is_ok(), reserved.is_ok());
        reserved.map_err(|refusal| self.refuse(refusal))
    }

    /// Forgets what was used of this account, debts too, and begins a new
    /// period. Those above it stay as they are.
    pub fn reset(&self) {
        self.inside.account.with(|state| state.reset(clock()));
        self.inside.changed.notify_waiters();
    }

    /// Puts other settings in force: another allowance from the next period
    /// on, or at once where there are no periods. Those who wait go on waiting,
    /// by the new settings.
    ///
    /// # Errors
    ///
    /// Settings that make no sense. Nothing is changed then.
    pub fn reconfigure(&self, config: impl Into<QuotaConfig>) -> Result<(), InvalidAllowance> {
        let config = config.into();
        config.validate()?;
        let mut current = self.inside.config.lock();
        let allowance = config.allowance;
        let now = clock();
        let account = &self.inside.account;
        account.with(|state| state.reconfigure(now, allowance));
        *current = config;
        drop(current);
        self.inside.changed.notify_waiters();
        Ok(())
    }

    /// What it holds at this instant, and did so far.
    #[must_use]
    pub fn stats(&self) -> QuotaStats {
        let now = clock();
        let (left, used) = self.inside.account.with(|s| (s.left(now), s.used(now)));
        QuotaStats {
            left,
            used,
            waiting: self.inside.line.len(),
            granted: self.inside.granted.load(Relaxed),
            refused: self.inside.refused.load(Relaxed),
        }
    }

    fn try_now(&self, now: Instant, cost: Cost) -> Result<Reservation, Refusal> {
        if self.inside.line.is_empty() {
            return self.debit(now, cost);
        }
        // Behind those who wait, whatever there is.
        Err(Refusal {
            account: Arc::clone(self.inside.account.name()),
            decision: match self.inside.account.with(|state| state.check(now, cost)) {
                Decision::Allowed(()) => Decision::Denied {
                    wait: Duration::ZERO,
                },
                decision => decision,
            },
        })
    }

    fn debit(&self, now: Instant, cost: Cost) -> Result<Reservation, Refusal> {
        self.inside.account.debit(now, cost)?;
        self.inside.granted.fetch_add(1, Relaxed);
        Ok(Reservation {
            quota: self.clone(),
            taken_at: now,
            reserved: cost,
            settlement: None,
        })
    }

    #[cold]
    fn refuse(&self, refusal: Refusal) -> QuotaSpent {
        self.inside.refused.fetch_add(1, Relaxed);
        let account = refusal.account;
        match refusal.decision {
            Decision::Denied { wait } => QuotaSpent::Spent {
                account,
                retry_after: (wait < Duration::MAX).then_some(wait),
            },
            _ => QuotaSpent::Impossible { account },
        }
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota")
            .field("account", self.inside.account.name())
            .field("stats", &self.stats())
            .finish()
    }
}

/// Taken from an account and all above it, for something that is being done.
///
/// Settle it with what it did cost. Dropped before, it is given back whole, as
/// if it had been settled at nothing: what was never done costs nothing.
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    quota: Quota,
    taken_at: Instant,
    reserved: Cost,
    settlement: Option<Settlement>,
}

impl Reservation {
    /// What was taken.
    #[must_use]
    pub const fn reserved(&self) -> Cost {
        self.reserved
    }

    /// Puts what it did cost in the place of what was reserved. What it cost
    /// more is taken now, and may be a debt; what it cost less is refunded, if
    /// the period it was taken in has not ended.
    ///
    /// The first settlement counts; another changes nothing and returns the
    /// first.
    pub fn settle(&mut self, actual: Cost) -> Settlement {
        if let Some(settlement) = self.settlement {
            return settlement;
        }
        let settlement = Settlement::of(self.reserved, actual);
        self.settlement = Some(settlement);
        let inside = &self.quota.inside;
        inside
            .account
            .settle(clock(), self.taken_at, self.reserved, actual);
        if settlement.refunded != Cost::new() {
            inside.changed.notify_waiters();
        }
        settlement
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.settle(Cost::new());
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("account", self.quota.inside.account.name())
            .field("reserved", &self.reserved)
            .field("settlement", &self.settlement)
            .finish()
    }
}

/// A quota at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaStats {
    /// What is left; `u64::MAX` of what has no limit.
    pub left: Cost,
    /// What was used in this period, reservations and unpaid debts included.
    pub used: Cost,
    /// How many wait in line.
    pub waiting: usize,
    /// Reservations made so far.
    pub granted: u64,
    /// Reservations refused so far.
    pub refused: u64,
}

/// An account, or one above it, did not have enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaSpent {
    /// There is not enough now, or others wait for it.
    Spent {
        /// The account that did not have enough.
        account: Arc<str>,
        /// When it makes sense to come again. `None`: no time brings it back.
        retry_after: Option<Duration>,
    },
    /// It is more than the account ever has.
    Impossible {
        /// The account that does not have as much.
        account: Arc<str>,
    },
}

impl QuotaSpent {
    /// When it makes sense to come again. `None`: no time brings it back.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Spent { retry_after, .. } => *retry_after,
            Self::Impossible { .. } => None,
        }
    }
}

impl fmt::Display for QuotaSpent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spent {
                account,
                retry_after: Some(wait),
            } => write!(f, "the quota of {account} is spent, come again in {wait:?}"),
            Self::Spent { account, .. } => {
                write!(f, "the quota of {account} is spent, reset or raise it")
            }
            Self::Impossible { account } => {
                write!(
                    f,
                    "the quota of {account} never allows so much, ask for less"
                )
            }
        }
    }
}

impl std::error::Error for QuotaSpent {}

impl From<QuotaSpent> for Fault {
    fn from(spent: QuotaSpent) -> Self {
        let fault = Self::new(FaultClass::Budget, spent.to_string());
        match spent.retry_after() {
            Some(retry_after) => fault.after(retry_after),
            None => fault,
        }
    }
}
