//! A line in front of something that is given out in time: one at its head
//! tries and sleeps, the others wait for their turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::actor::Request;
use crate::actor::system::clock;
use crate::policy::rate::Decision;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::semaphore::Semaphore;

/// A wait in line ended without what it was for: too many wait, it would have
/// come too late, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missed;

/// Who waits, in order of arrival.
#[derive(Debug)]
pub(crate) struct Line {
    /// Who holds it is at the head.
    turn: Semaphore,
    /// How much those in line wish for together.
    wished: AtomicU64,
    /// Whatever the head computed its sleep from has changed.
    changed: Arc<Notify>,
}

impl Line {
    pub(crate) fn new(changed: Arc<Notify>) -> Self {
        Self {
            turn: Semaphore::new(1),
            wished: AtomicU64::new(0),
            changed,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.wished() == 0
    }

    /// How much those in line wish for; newcomers are behind them.
    #[inline]
    pub(crate) fn wished(&self) -> u64 {
        self.wished.load(Relaxed)
    }

    /// How many are in line.
    pub(crate) fn len(&self) -> usize {
        let places = self.turn.places();
        places.held + places.waiting
    }

    /// Lets the head look again.
    pub(crate) fn changed(&self) {
        self.changed.notify_waiters();
    }

    /// Waits in order until `take` allows what is wished for, and no longer
    /// than the deadline in force: as soon as it is clear that it would be
    /// longer, it ends. `expected` is how long it seems at first, `most` how
    /// many may wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken before it resolves. Dropped, it leaves the line.
    pub(crate) async fn wait(
        &self,
        wish: u32,
        most: usize,
        expected: Duration,
        take: impl FnMut(Instant) -> Decision,
    ) -> Result<(), Missed> {
        let most_behind = most.checked_sub(1).ok_or(Missed)?;
        let deadline = Request::in_force().deadline();
        if is_before(deadline, clock(), expected) {
            return Err(Missed);
        }
        let waits = self.wait_until(wish, most_behind, deadline, take);
        match deadline {
            None => waits.await,
            Some(at) => match tokio::time::timeout_at(at.into(), waits).await {
                Ok(end) => end,
                Err(_) => Err(Missed),
            },
        }
    }

    async fn wait_until(
        &self,
        wish: u32,
        most_behind: usize,
        deadline: Option<Instant>,
        mut take: impl FnMut(Instant) -> Decision,
    ) -> Result<(), Missed> {
        let _wish = Wish::new(&self.wished, wish.into());
        if !self.turn.acquire(most_behind).await {
            return Err(Missed);
        }
        let _turn = Turn(&self.turn);
        loop {
            // Before the look, so that no change is missed after it.
            let changed = self.changed.notified();
            let now = clock();
            let wait = match take(now) {
                Decision::Allowed(()) => return Ok(()),
                Decision::Impossible => return Err(Missed),
                Decision::Denied { wait } => wait,
            };
            if is_before(deadline, now, wait) {
                return Err(Missed);
            }
            tokio::select! {
                // Either is reason to look again.
                biased;
                () = changed => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Whether the deadline comes before the wait is over.
fn is_before(deadline: Option<Instant>, now: Instant, wait: Duration) -> bool {
    deadline.is_some_and(|at| at.saturating_duration_since(now) < wait)
}

struct Wish<'a> {
    wished: &'a AtomicU64,
    wish: u64,
}

impl<'a> Wish<'a> {
    fn new(wished: &'a AtomicU64, wish: u64) -> Self {
        wished.fetch_add(wish, Relaxed);
        Self { wished, wish }
    }
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        self.wished.fetch_sub(self.wish, Relaxed);
    }
}

struct Turn<'a>(&'a Semaphore);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}
