//! What needs a runtime: timers, owned tasks, blocking work, timeouts.
//!
//! These are the methods that do not run under loom.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::core::behaviour::Actor;
use super::core::context::Context;
use super::core::errors::{TellError, TryTellError};
use super::core::refs::ActorRef;
use super::core::slot::{AnySlot, Signal, WatchId};
use super::system::{Kernel, System};

/// A running timer or task of an actor. It is aborted when it is dropped, so it
/// cannot outlive its incarnation.
pub(crate) struct Owned(JoinHandle<()>);

impl Owned {
    pub(crate) fn new(handle: JoinHandle<()>) -> Self {
        Self(handle)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn is_finished(thing: &dyn Any) -> bool {
    thing
        .downcast_ref::<Owned>()
        .is_some_and(|owned| owned.0.is_finished())
}

/// Identifies a timer or task of an actor, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId(WatchId);

/// Spawns on the current runtime.
///
/// # Panics
///
/// Under loom, where there is neither time nor a runtime.
#[track_caller]
pub(crate) fn spawn_owned<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[cfg(callboard_loom)]
    drop(future);
    #[cfg(callboard_loom)]
    panic!("timers and tasks do not run under loom: script the event in the model instead");
    #[cfg(not(callboard_loom))]
    #[expect(clippy::disallowed_methods, reason = "callers own the handle")]
    tokio::spawn(future)
}

impl<A: Actor> Context<A> {
    fn own_task(&mut self, handle: JoinHandle<()>) -> TimerId {
        self.sweep_owned(is_finished);
        let id = WatchId::new();
        self.own(id, Box::new(Owned(handle)));
        TimerId(id)
    }

    /// Tells this actor a message after `delay`, waiting for room if need be.
    /// Ends with the incarnation.
    pub fn send_after(&mut self, delay: Duration, msg: A::Msg) -> TimerId {
        let myself = self.myself();
        let handle = spawn_owned(async move {
            tokio::time::sleep(delay).await;
            // The actor has ended: so has the timer.
            let _ = myself.tell(msg).await;
        });
        self.own_task(handle)
    }

    /// What tells this actor things on the system lane, from anywhere: no full
    /// mailbox holds them up, and they do not count in its books.
    pub(crate) fn notifier(&self) -> impl Fn(A::Msg) + Send + Sync + use<A> {
        let me = Arc::downgrade(self.slot());
        move |msg| {
            if let Some(me) = me.upgrade() {
                me.queue.signal(Signal::Notice(msg));
            }
        }
    }

    /// As [`Context::send_after`], on the system lane.
    pub(crate) fn notify_after(&mut self, delay: Duration, msg: A::Msg) -> TimerId {
        let notify = self.notifier();
        let handle = spawn_owned(async move {
            tokio::time::sleep(delay).await;
            notify(msg);
        });
        self.own_task(handle)
    }

    /// Tells this actor a message every `period`, first after one period. A
    /// tick that finds the mailbox full is skipped, so ticks never pile up.
    /// Ends with the incarnation.
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    pub fn send_every(
        &mut self,
        period: Duration,
        make: impl Fn() -> A::Msg + Send + 'static,
    ) -> TimerId {
        assert!(!period.is_zero(), "a period is longer than zero");
        let myself = self.myself();
        let handle = spawn_owned(async move {
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                if let Err(TryTellError::Closed(_)) = myself.try_tell(make()) {
                    return;
                }
            }
        });
        self.own_task(handle)
    }

    /// Cancels a timer or task. Nothing happens if it is over; a message that
    /// it has sent stays sent.
    pub fn cancel(&mut self, timer: TimerId) {
        self.disown(timer.0);
    }

    /// Runs a future beside the actor. It inherits the request being handled,
    /// and ends with the incarnation.
    pub fn run(&mut self, future: impl Future<Output = ()> + Send + 'static) -> TimerId {
        let request = self.request();
        let handle = spawn_owned(async move { request.within(future).await });
        self.own_task(handle)
    }

    /// Runs blocking or CPU-bound code on tokio's blocking threads and waits
    /// for it. A kill ends the wait, not the code.
    ///
    /// # Panics
    ///
    /// If `work` does: the panic goes on in the hook.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match tokio::task::spawn_blocking(work).await {
            Ok(value) => value,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The system this actor lives in. The handle does not keep the tree alive.
    ///
    /// # Panics
    ///
    /// Under loom, where there is no system.
    #[must_use]
    pub fn system(&self) -> System {
        let host = self
            .slot()
            .host()
            .cloned()
            .expect("a live actor has a place");
        let kernel = host
            .as_any()
            .downcast::<Kernel>()
            .expect("there is no system under loom");
        System::inside(kernel)
    }
}

impl<M: Send + 'static> ActorRef<M> {
    /// As [`ActorRef::tell`], waiting for room at most this long.
    ///
    /// # Errors
    ///
    /// [`TellError::Timeout`] hands the message back; it will not be handled.
    pub async fn tell_timeout(&self, msg: M, within: Duration) -> Result<(), TellError<M>> {
        let mut tell = self.tell(msg);
        match tokio::time::timeout(within, &mut tell).await {
            Ok(sent) => sent,
            Err(_) => match tell.withdraw() {
                Some(msg) => Err(TellError::Timeout(msg)),
                // Accepted at the last moment.
                None => Ok(()),
            },
        }
    }
}

/// The kernel behind an actor's host.
pub(crate) fn kernel_of(slot: &dyn AnySlot) -> Option<Arc<Kernel>> {
    slot.host()?.clone().as_any().downcast::<Kernel>().ok()
}
