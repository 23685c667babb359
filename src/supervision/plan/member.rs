//! One child, as its plan sees it.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::types::{Reason, Status, Token};
use crate::actor::{Exit, Limits, Policy, Restart, Shutdown};
use crate::policy::backoff::BackoffState;
use crate::policy::intensity::RestartWindow;

/// An instant in 8 bytes: nanoseconds since the plan began, and one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(NonZero<u64>);

impl Moment {
    /// `None`: further away than anybody waits.
    pub(super) fn of(at: Instant, began: Instant) -> Option<Self> {
        let nanos = at.saturating_duration_since(began).as_nanos();
        let nanos = u64::try_from(nanos).ok()?;
        NonZero::new(nanos.checked_add(1)?).map(Self)
    }

    pub(super) fn instant(self, began: Instant) -> Instant {
        began + Duration::from_nanos(self.0.get() - 1)
    }
}

/// One child. A million idle ones pay for each byte.
#[derive(Debug)]
pub(crate) struct Member<C> {
    pub(crate) child: C,
    pub(crate) restart: Restart,
    pub(super) shutdown: Shutdown,
    pub(crate) status: Status,
    pub(super) up_since: Option<Moment>,
    /// Who waits for its start or its end.
    pub(super) asked: Option<NonZero<Token>>,
    pub(crate) is_significant: bool,
    pub(super) has_ended: bool,
    /// It was down with its spec kept: a start that fails does not change that.
    pub(super) is_kept: bool,
    /// Its start was called off: whoever waits for it is refused.
    pub(super) is_refused: bool,
    /// Its entry among the timers.
    pub(super) due: Option<Moment>,
    /// Absent for a child that never crashed and has no limits of its own.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few children need.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Its own, where it does not follow its supervisor's.
    pub(super) limits: Option<Arc<Limits>>,
    pub(super) failures: BackoffState,
    /// How often in a row it was put to rest instead of given up.
    pub(super) rests: BackoffState,
    /// Its restarts, where it has its own intensity.
    pub(super) window: RestartWindow,
    /// Who waits for its end, too.
    pub(super) also_asked: Vec<Token>,
    /// Oldest first, few.
    pub(super) reasons: VecDeque<Reason>,
}

impl Rare {
    /// How long the child stays down now, where it does instead of being given
    /// up: it is to be given up, or has crashed soon after it last was.
    pub(super) fn rest(&mut self, given_up: Option<&str>, ran_for: Duration) -> Option<Duration> {
        let rest = self.limits.as_ref()?.rest.as_ref()?;
        let is_on_trial = self.rests.failures() > 0 && ran_for < rest.reset_after_or_default();
        if given_up.is_none() && !is_on_trial {
            self.rests.reset();
            return None;
        }
        Some(self.rests.next(rest, ran_for, 0.0))
    }

    /// Keeps so many reasons at most; returns what it let go.
    pub(super) fn keep(&mut self, reason: Reason, most: u8) -> impl Iterator<Item = Exit> {
        self.reasons.push_back(reason);
        let over = self.reasons.len().saturating_sub(most.into());
        self.reasons.drain(..over).map(|old| old.exit)
    }
}

impl<C> Member<C> {
    pub(super) fn policy(&self) -> Policy {
        Policy {
            restart: self.restart,
            shutdown: self.shutdown,
            is_significant: self.is_significant,
            limits: self.rare.as_ref().and_then(|rare| rare.limits.clone()),
        }
    }

    pub(super) fn adopt(&mut self, policy: &Policy) {
        self.restart = policy.restart;
        self.shutdown = policy.shutdown;
        self.is_significant = policy.is_significant;
        if policy.limits.is_some() || self.rare.is_some() {
            self.rare.get_or_insert_default().limits = policy.limits.clone();
        }
    }

    /// Why it was restarted lately, oldest first.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.rare.iter().flat_map(|rare| &rare.reasons)
    }

    pub(super) fn new(child: C, policy: &Policy) -> Self {
        Self {
            child,
            restart: policy.restart,
            shutdown: policy.shutdown,
            status: Status::Down,
            up_since: None,
            asked: None,
            is_significant: policy.is_significant,
            has_ended: false,
            is_kept: false,
            is_refused: false,
            due: None,
            rare: policy.limits.as_ref().map(|limits| {
                Box::new(Rare {
                    limits: Some(Arc::clone(limits)),
                    ..Rare::default()
                })
            }),
        }
    }
}
