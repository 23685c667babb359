//! What is done to a whole subtree: pause and resume, drain, rolling restart.
//!
//! *In which order?* Pausing and draining go against the order of starts, as
//! every end does: who was started later may depend on who was started earlier.
//! Resuming and restarting go with it. A supervisor stands for its children,
//! wherever it is among its siblings.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::errors::ChildError;
use super::handle::{ChildId, SupervisorRef};
use super::keeper::{Input, Keep};
use super::launch::{Inside, Launch};
use super::plan::{Answer, Key, Shape};
use super::root::{GRACE, existing, until};
use crate::actor::Exit;
use crate::actor::core::slot::AnySlot;
use crate::actor::core::transitions::Transitions;
use crate::actor::system::{System, clock};
use crate::mailbox::Overflow;

/// A child that is no supervisor, and where it is kept.
struct Leaf {
    keep: Arc<Keep>,
    key: Key,
    slot: Arc<dyn AnySlot>,
    is_ours: bool,
}

/// Everybody below who is no supervisor, in start order.
fn leaves(keep: Option<Arc<Keep>>) -> Vec<Leaf> {
    let mut found = Vec::new();
    if let Some(keep) = keep {
        gather(&keep, &mut found);
    }
    found
}

fn gather(keep: &Arc<Keep>, found: &mut Vec<Leaf>) {
    for (key, child) in children(keep) {
        let is_ours = match child.inside() {
            Inside::Supervisor(below) => {
                if let Some(below) = below {
                    gather(&below, found);
                }
                continue;
            }
            Inside::Actor => true,
            Inside::Foreign => false,
        };
        found.push(Leaf {
            keep: Arc::clone(keep),
            key,
            slot: child.slot(),
            is_ours,
        });
    }
}

fn children(keep: &Keep) -> Vec<(Key, Arc<dyn Launch>)> {
    keep.with_plan(|plan| {
        plan.members()
            .map(|(key, member)| (key, Arc::clone(&member.child)))
            .collect()
    })
}

/// The actors among them that have a mailbox of ours.
fn actors(keep: Option<Arc<Keep>>) -> Vec<Arc<dyn AnySlot>> {
    let leaves = leaves(keep).into_iter().filter(|leaf| leaf.is_ours);
    leaves.map(|leaf| leaf.slot).collect()
}

/// How a subtree was drained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DrainReport {
    /// The paths of those that had not finished in time and were killed, in start
    /// order.
    pub unfinished: Vec<String>,
    /// How long it took, by the system's clock.
    pub took: Duration,
}

impl SupervisorRef {
    /// Pauses every actor below, last started first, as
    /// [`ActorRef::pause`](crate::actor::ActorRef::pause) does one.
    ///
    /// Supervisors go on: an actor that crashes is restarted, and paused still.
    /// An actor that is started later is not paused. ractor actors are left
    /// alone: their mailboxes are ractor's.
    pub fn pause(&self) {
        for slot in actors(self.body.keep()).iter().rev() {
            slot.pause();
        }
    }

    /// Pauses every actor below with another overflow rule, last started first,
    /// as [`ActorRef::maintain`](crate::actor::ActorRef::maintain) does one.
    pub fn maintain(&self, overflow: Overflow) {
        for slot in actors(self.body.keep()).iter().rev() {
            slot.maintain(overflow);
        }
    }

    /// Ends the pause of every actor below, first started first.
    pub fn resume(&self) {
        for slot in &actors(self.body.keep()) {
            slot.resume();
        }
    }

    /// Lets a child finish what its mailbox has accepted, then ends it and keeps
    /// it down, whatever its restart rule; `Ok` also if it is down. It is killed
    /// if it has not ended within `timeout`. A supervisor's children finish one
    /// by one, last started first. A child that is being stopped already ends as
    /// it was told first, and so does one that is terminated while it drains:
    /// [`ActorRef::kill`](crate::actor::ActorRef::kill) ends it now.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotFound`]; [`ChildError::Ending`] when the supervisor ends
    /// meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the command.
    pub async fn drain_child(
        &self,
        child: impl Into<ChildId>,
        timeout: Duration,
    ) -> Result<(), ChildError> {
        let child = child.into();
        let by = clock().checked_add(timeout);
        match self.find(&child) {
            Some(key) => self.outcome(|token| Input::Drain(key, by, token)).await,
            None if self.was_ours(&child) => Ok(()),
            None => Err(ChildError::NotFound),
        }
    }

    /// Lets every child finish what its mailbox has accepted, ends it, and keeps
    /// it down: last started first, each fully before the next; the children of
    /// a dynamic supervisor all at once. Whoever has not ended within `timeout`,
    /// which is for all of them together, is killed and listed.
    ///
    /// The supervisor itself stays up. Newcomers are refused by a child from the
    /// moment its turn comes, so what one child still sends to an earlier one
    /// arrives. [`SupervisorRef::restart_child`] brings a child back.
    ///
    /// It returns within `timeout` and a second, even where synchronous code
    /// cannot be interrupted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves those whose turn has not come as they are.
    pub async fn drain(&self, timeout: Duration) -> DrainReport {
        let began = clock();
        let by = began.checked_add(timeout);
        let limit = by.and_then(|by| by.checked_add(GRACE));
        let Some(keep) = self.body.keep() else {
            return DrainReport {
                unfinished: Vec::new(),
                took: Duration::ZERO,
            };
        };
        let open = |slot: &Arc<dyn AnySlot>| slot.exit().is_none();
        let leaves: Vec<_> = leaves(Some(Arc::clone(&keep)))
            .into_iter()
            .map(|leaf| leaf.slot)
            .filter(open)
            .collect();
        let drains = children(&keep).into_iter().rev().map(|(key, _)| {
            let keep = Arc::clone(&keep);
            async move {
                let drained = keep.command(|token| Input::Drain(key, by, token));
                until(limit, drained).await;
            }
        });
        let at_once = match self.body.shape() {
            Shape::Ordered => 1,
            Shape::Dynamic => usize::MAX,
        };
        in_waves(drains, at_once, |()| true).await;
        let is_unfinished =
            |slot: &&Arc<dyn AnySlot>| slot.exit().is_none_or(|exit| matches!(exit, Exit::Killed));
        DrainReport {
            unfinished: leaves
                .iter()
                .filter(is_unfinished)
                .map(|slot| slot.path())
                .collect(),
            took: clock().saturating_duration_since(began),
        }
    }

    /// Gives everybody below a new life, a few at a time, first started first.
    ///
    /// Each is stopped as its [`Shutdown`](crate::actor::Shutdown) says and
    /// started again; the next one follows when it is ready. Mailboxes stay: what
    /// was queued is handled by the new life. Supervisors are not restarted
    /// themselves, and who is down stays so. A restart by plan counts neither
    /// against an intensity nor for a backoff; a start that fails does both, as
    /// after a crash, and is tried again while there is time.
    ///
    /// # Errors
    ///
    /// [`NotBack`]: somebody did not come back in time. Nobody else is restarted
    /// after that.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future begins no further restart; those under way go on.
    pub async fn rolling_restart(
        &self,
        settings: RollingRestart,
    ) -> Result<RollingReport, NotBack> {
        roll(leaves(self.body.keep()), settings).await
    }
}

impl System {
    /// Pauses every actor of the system, last started first. See
    /// [`SupervisorRef::pause`].
    pub fn pause(&self) {
        for slot in self.all_actors().iter().rev() {
            slot.pause();
        }
    }

    /// Pauses every actor of the system with another overflow rule, last started
    /// first. See [`SupervisorRef::maintain`].
    pub fn maintain(&self, overflow: Overflow) {
        for slot in self.all_actors().iter().rev() {
            slot.maintain(overflow);
        }
    }

    /// Ends the pause of every actor of the system, first started first.
    pub fn resume(&self) {
        for slot in &self.all_actors() {
            slot.resume();
        }
    }

    /// Gives every supervised actor of the system a new life, a few at a time.
    /// See [`SupervisorRef::rolling_restart`].
    ///
    /// # Errors
    ///
    /// [`NotBack`]: somebody did not come back in time.
    pub async fn rolling_restart(
        &self,
        settings: RollingRestart,
    ) -> Result<RollingReport, NotBack> {
        let keep = existing(self.kernel()).and_then(|root| root.keep());
        roll(leaves(keep), settings).await
    }

    /// In start order; those without a supervisor last, as they are ended last.
    fn all_actors(&self) -> Vec<Arc<dyn AnySlot>> {
        let mut all = actors(existing(self.kernel()).and_then(|root| root.keep()));
        all.extend(self.kernel().detached());
        all
    }
}

/// Settings of a rolling restart.
///
/// ```
/// use callboard::prelude::*;
///
/// let two_at_once = RollingRestart::at_most(2).within(secs(10));
/// assert_eq!((two_at_once.at_once, two_at_once.within), (2, secs(10)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RollingRestart {
    /// How many may be down at once. Default 1; 0 counts as 1.
    pub at_once: usize,
    /// How long each may take from being told to stop until it is ready again.
    /// Default 30 s: the 5 s that a child has to stop, and a slow start.
    pub within: Duration,
}

impl Default for RollingRestart {
    fn default() -> Self {
        Self {
            at_once: 1,
            within: Duration::from_secs(30),
        }
    }
}

impl RollingRestart {
    /// At most `at_once` are down at the same time. 0 counts as 1.
    #[must_use]
    pub fn at_most(at_once: usize) -> Self {
        Self {
            at_once,
            ..Self::default()
        }
    }

    /// How long each may take from being told to stop until it is ready again.
    /// Default 30 s.
    #[must_use]
    pub const fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

/// How a rolling restart went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RollingReport {
    /// The paths of those that have a new life, in the order in which they were
    /// ready.
    pub restarted: Vec<String>,
    /// The paths of those that were down, or were taken down meanwhile.
    pub skipped: Vec<String>,
}

/// A rolling restart was broken off: somebody did not come back in time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotBack {
    /// The paths of those that did not come back.
    pub missing: Vec<String>,
    /// How it went until then.
    pub report: RollingReport,
}

impl fmt::Display for NotBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not back in time after a planned restart: {}",
            self.missing.join(", ")
        )
    }
}

impl std::error::Error for NotBack {}

/// What became of one child.
enum Fate {
    Back,
    Skipped,
    Missing,
}

async fn roll(leaves: Vec<Leaf>, settings: RollingRestart) -> Result<RollingReport, NotBack> {
    let mut report = RollingReport::default();
    let mut missing = Vec::new();
    let restarts = leaves.into_iter().map(|leaf| async move {
        let path = leaf.slot.path();
        (path, restart(leaf, settings.within).await)
    });
    in_waves(restarts, settings.at_once.max(1), |(path, fate)| {
        match fate {
            Fate::Back => report.restarted.push(path),
            Fate::Skipped => report.skipped.push(path),
            Fate::Missing => missing.push(path),
        }
        missing.is_empty()
    })
    .await;
    if missing.is_empty() {
        Ok(report)
    } else {
        Err(NotBack { missing, report })
    }
}

async fn restart(leaf: Leaf, within: Duration) -> Fate {
    let mut states = Transitions::of(Arc::clone(&leaf.slot));
    let new_life = async {
        let key = leaf.key;
        match leaf.keep.command(|token| Input::Cycle(key, token)).await {
            Answer::Started => Fate::Back,
            // It gets a new life in any case.
            Answer::Restarting | Answer::Running => loop {
                if leaf.slot.is_up() {
                    break Fate::Back;
                }
                if states.next().await.is_none() {
                    break Fate::Skipped;
                }
            },
            Answer::Failed(_) => Fate::Missing,
            Answer::Ignored
            | Answer::Done
            | Answer::NotFound
            | Answer::Refused(_)
            | Answer::Ending => Fate::Skipped,
        }
    };
    until(clock().checked_add(within), new_life)
        .await
        .unwrap_or(Fate::Missing)
}

/// Runs futures, at most so many at once, each begun when there is room for it.
/// `note` sees the outcomes as they come, and says whether to begin another.
async fn in_waves<F: Future>(
    futures: impl Iterator<Item = F>,
    at_once: usize,
    mut note: impl FnMut(F::Output) -> bool,
) {
    let mut left: VecDeque<F> = futures.collect();
    let mut running: Vec<Pin<Box<F>>> = Vec::new();
    poll_fn(|task| {
        loop {
            while running.len() < at_once
                && let Some(next) = left.pop_front()
            {
                running.push(Box::pin(next));
            }
            let before = running.len();
            running.retain_mut(|future| match future.as_mut().poll(task) {
                Poll::Pending => true,
                Poll::Ready(outcome) => {
                    if !note(outcome) {
                        left.clear();
                    }
                    false
                }
            });
            if running.is_empty() && left.is_empty() {
                return Poll::Ready(());
            }
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
}
