//! The context that travels with a request.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::budget::{Budget, Spending};
use super::scope;
use super::slot::AnySlot;
use crate::mailbox::Item;
use crate::policy::priority::Priority;

/// How far a chain of requests is followed when a cycle is looked for, and the
/// longest path that an error names.
const DEEPEST_CHAIN: usize = 64;

/// Whether the sender waits for this message's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hop {
    Asked,
    Told,
}

/// What a message may carry besides itself. It exists only when something in
/// it is in force.
#[derive(Clone)]
pub(crate) struct Meta {
    pub(crate) priority: Priority,
    /// After this the message is not handled.
    pub(crate) expires: Option<Instant>,
    /// After this nobody waits for the outcome; inherited by what the handler
    /// asks.
    pub(crate) deadline: Option<Instant>,
    pub(crate) correlation: Option<u64>,
    /// What it may use up, and what it has used.
    pub(crate) spending: Option<Spending>,
    /// The actor in whose hook the message was sent.
    pub(crate) sender: Option<Arc<dyn AnySlot>>,
    pub(crate) hop: Hop,
    /// The request in whose handling this one was made.
    pub(crate) parent: Option<Arc<dyn Carried>>,
}

impl Meta {
    pub(crate) fn new(hop: Hop) -> Self {
        Self {
            priority: Priority::NORMAL,
            expires: None,
            deadline: None,
            correlation: None,
            spending: None,
            sender: None,
            hop,
            parent: None,
        }
    }

    /// Takes over what the request in force around the caller says.
    pub(crate) fn inherit(&mut self, parent: Arc<dyn Carried>) {
        let theirs = parent.meta();
        self.deadline = earlier(self.deadline, theirs.deadline);
        self.correlation = self.correlation.or(theirs.correlation);
        if self.spending.is_none() {
            self.spending.clone_from(&theirs.spending);
        }
        self.parent = Some(parent);
    }
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meta")
            .field("priority", &self.priority)
            .field("hop", &self.hop)
            .finish_non_exhaustive()
    }
}

pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// A request as its messages carry it: metadata, and whether anybody still
/// waits.
pub(crate) trait Carried: Send + Sync {
    fn meta(&self) -> &Meta;
    fn is_cancelled(&self) -> bool;
    /// Wakes the waker when the request is cancelled; at once if it is.
    fn on_cancelled(&self, waker: &Waker);
    /// Ends the question with this reason, if there is one.
    fn fail(&self, why: crate::mailbox::Unanswered);
}

/// The metadata of a message that nobody waits for.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) Meta);

impl Carried for Told {
    fn meta(&self) -> &Meta {
        &self.0
    }

    fn is_cancelled(&self) -> bool {
        self.0.parent.as_ref().is_some_and(|p| p.is_cancelled())
    }

    fn on_cancelled(&self, waker: &Waker) {
        if let Some(parent) = &self.0.parent {
            parent.on_cancelled(waker);
        }
    }

    fn fail(&self, _why: crate::mailbox::Unanswered) {}
}

/// A message on its way, with its metadata if it has any.
pub(crate) struct Letter<M> {
    pub(crate) msg: M,
    pub(crate) carried: Option<Arc<dyn Carried>>,
}

impl<M> Item for Letter<M> {
    fn priority(&self) -> Priority {
        self.carried
            .as_ref()
            .map_or(Priority::NORMAL, |c| c.meta().priority)
    }
}

impl<M> fmt::Debug for Letter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter")
    }
}

/// The request being handled: its deadline, its cancellation, who asked.
///
/// Asks and tells made inside a hook inherit it by themselves. Work that is
/// moved to another task takes it along with
/// [`Context::request`](crate::actor::Context::request) and
/// [`Request::within`].
#[derive(Clone)]
pub struct Request {
    carried: Option<Arc<dyn Carried>>,
}

impl Request {
    pub(crate) fn new(carried: Option<Arc<dyn Carried>>) -> Self {
        Self { carried }
    }

    /// The request in force around the caller: that of the message being
    /// handled, or none.
    #[must_use]
    pub fn in_force() -> Self {
        Self::new(scope::request())
    }

    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        self.carried.is_none()
    }

    /// When nobody waits for the outcome any more. `None`: no limit was set.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.carried.as_ref()?.meta().deadline
    }

    /// The time left at `now`; zero once the deadline has passed.
    #[must_use]
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.deadline().map(|at| at.saturating_duration_since(now))
    }

    /// The id that links the messages of one piece of work.
    #[must_use]
    pub fn correlation(&self) -> Option<u64> {
        self.carried.as_ref()?.meta().correlation
    }

    /// What it has used of its [`Budget`]. `None`: it has none.
    #[must_use]
    pub fn spending(&self) -> Option<&Spending> {
        self.carried.as_ref()?.meta().spending.as_ref()
    }

    /// The same request, which may use up this much more at most, or what is left of
    /// its own budget if that is less.
    ///
    /// ```
    /// use callboard::actor::{Budget, Request};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let request = Request::in_force().with_budget(Budget::new().retries(3));
    /// let left = request
    ///     .within(async { Request::in_force().spending().map(|it| it.left()) })
    ///     .await;
    /// assert_eq!(left, Some(Budget::new().retries(3)));
    /// # }
    /// ```
    #[must_use]
    pub fn with_budget(&self, budget: Budget) -> Self {
        let mut meta = Meta::new(Hop::Told);
        meta.spending = Some(Spending::new(budget, self.spending().cloned()));
        meta.sender = scope::actor();
        if let Some(parent) = &self.carried {
            meta.inherit(Arc::clone(parent));
        }
        Self::new(Some(Arc::new(Told(meta))))
    }

    /// The path of the actor that sent it, where it was sent from a hook.
    #[must_use]
    pub fn sender(&self) -> Option<String> {
        Some(self.carried.as_ref()?.meta().sender.as_ref()?.path())
    }

    /// Whether the asker gave up, or ran out of time.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.carried.as_ref().is_some_and(|c| c.is_cancelled())
    }

    /// Wakes the waker when the asker gives up; at once if it has.
    pub(crate) fn wake_when_cancelled(&self, waker: &Waker) {
        if let Some(carried) = &self.carried {
            carried.on_cancelled(waker);
        }
    }

    /// Resolves when the asker gives up or runs out of time; never, if nobody
    /// waits for this message.
    ///
    /// # Cancel safety
    ///
    /// It holds nothing; drop it at will.
    pub async fn cancelled(&self) {
        poll_fn(|task| match &self.carried {
            Some(carried) if carried.is_cancelled() => Poll::Ready(()),
            Some(carried) => {
                carried.on_cancelled(task.waker());
                Poll::Pending
            }
            None => Poll::Pending,
        })
        .await;
    }

    /// Puts it in force on this thread until the guard is dropped.
    pub(crate) fn enter(&self) -> scope::Restore {
        scope::replace_request(self.carried.clone())
    }

    /// Runs a future so that what it asks and tells inherits this request, as
    /// if it ran inside the hook.
    pub async fn within<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        poll_fn(|task| {
            let _restore = scope::replace_request(self.carried.clone());
            future.as_mut().poll(task)
        })
        .await
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("deadline", &self.deadline())
            .field("correlation", &self.correlation())
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

/// If asking `target` with this metadata would close a circle of actors that
/// wait for one another, the circle as a readable path.
#[inline]
pub(crate) fn cycle_through(target: &dyn AnySlot, asked: &Meta) -> Option<String> {
    asked.sender.as_ref()?;
    find_cycle(target, asked)
}

fn find_cycle(target: &dyn AnySlot, asked: &Meta) -> Option<String> {
    let mut waiting: Vec<&Arc<dyn AnySlot>> = Vec::new();
    let mut meta = asked;
    for _ in 0..DEEPEST_CHAIN {
        let sender = meta.sender.as_ref()?;
        waiting.push(sender);
        if sender.id() == target.id() {
            let mut path: Vec<_> = waiting.iter().rev().map(|slot| slot.path()).collect();
            path.push(target.path());
            path.dedup();
            if path.len() == 1 {
                path.push(target.path());
            }
            return Some(path.join(" -> "));
        }
        let parent = meta.parent.as_ref()?;
        meta = parent.meta();
        if meta.hop == Hop::Told {
            // Nobody waits for a tell, so the circle of waiting ends here.
            return None;
        }
    }
    None
}
