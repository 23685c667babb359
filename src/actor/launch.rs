//! Where an incarnation becomes a task.

use std::fmt;
use std::sync::Arc;

use super::child::ChildParts;
use super::core::behaviour::Actor;
use super::core::host::Overseer;
use super::core::shell::{Duty, Make, live};
use super::core::slot::{AnySlot, Birth, Slot};
use super::time::spawn_owned;

/// An actor ready to be started again and again.
pub(crate) struct Launcher<A: Actor> {
    pub(crate) slot: Arc<Slot<A::Msg>>,
    make: Make<A>,
}

impl<A: Actor> Launcher<A> {
    pub(crate) fn new(parts: ChildParts<A>) -> Self {
        Self {
            slot: parts.slot,
            make: parts.make,
        }
    }

    /// Spawns the next incarnation; the overseer hears of its start and end.
    pub(crate) fn spawn(&self, overseer: Arc<dyn Overseer>, key: u64, birth: Birth) {
        let incarnation = self.slot.next_incarnation(birth);
        self.slot.queue.forget_kill();
        let duty = Duty::new(Arc::clone(&self.slot), overseer, key, incarnation);
        // The task is owned by its supervisor through the slot: a kill reaches
        // it there, and its end is reported by `duty`.
        drop(spawn_owned(live::<A>(duty, Arc::clone(&self.make))));
    }
}

impl<A: Actor> fmt::Debug for Launcher<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Launcher({:?})", self.slot)
    }
}
