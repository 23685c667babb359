//! An actor's changes of state, for a task that watches.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::life::Transition;
use super::slot::{AnySlot, Observer, STATES_KEPT, WatchId, Watched};

/// The changes of one actor's declared state, in order. Made by
/// [`ActorRef::watch_state`](crate::actor::ActorRef::watch_state).
///
/// Bounded: whoever falls [`Transitions::CAPACITY`] behind loses the oldest.
/// [`Transition::missed`] says where, [`Transitions::lost`] how many in all.
pub struct Transitions {
    id: WatchId,
    slot: Arc<dyn AnySlot>,
    watched: Arc<Watched>,
}

impl Transitions {
    /// How many changes are held for a watcher that does not look: 64.
    pub const CAPACITY: usize = STATES_KEPT;

    pub(crate) fn of(slot: Arc<dyn AnySlot>) -> Self {
        let watched = Arc::new(Watched::default());
        let id = WatchId::new();
        slot.observe(id, Arc::clone(&watched) as Arc<dyn Observer>);
        Self { id, slot, watched }
    }

    /// The next change. `None` once the actor has ended for good and all have
    /// been seen.
    ///
    /// # Cancel safety
    ///
    /// No change is lost by dropping the future.
    pub async fn next(&mut self) -> Option<Transition> {
        poll_fn(|task| self.watched.poll_next(Some(task.waker()))).await
    }

    /// The next change, if there is one now.
    pub fn try_next(&mut self) -> Option<Transition> {
        match self.watched.poll_next(None) {
            Poll::Ready(next) => next,
            Poll::Pending => None,
        }
    }

    /// How many changes this watcher was too slow for.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.watched.lost()
    }
}

impl Drop for Transitions {
    fn drop(&mut self) {
        self.slot.unwatch(self.id);
    }
}

impl fmt::Debug for Transitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transitions({})", self.slot.path())
    }
}
