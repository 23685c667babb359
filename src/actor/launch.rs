//! Where an incarnation becomes a task.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::child::ChildParts;
use super::core::behaviour::Actor;
use super::core::host::Overseer;
use super::core::shell::{Duty, Make, live, succeed};
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

    /// One that makes what lives in this slot in another way.
    pub(crate) fn replacing(slot: Arc<Slot<A::Msg>>, make: Make<A>) -> Self {
        Self { slot, make }
    }

    /// Begins the next incarnation; the overseer hears of its start and end. It
    /// goes on in the task of the last one where that is just ending.
    pub(crate) fn spawn(&self, overseer: Arc<dyn Overseer>, key: u64, birth: Birth) {
        let duty = duty(Arc::clone(&self.slot), Some(overseer), key, birth);
        if let Err((duty, make)) = succeed::<A>(duty, Arc::clone(&self.make)) {
            // The task is owned by its supervisor through the slot: a kill
            // reaches it there, and its end is reported by its duty.
            drop(spawn_owned(live::<A>(duty, make)));
        }
    }
}

/// Spawns the only incarnation of an actor that oversees itself, on this
/// runtime. `at` is where its system lists it.
pub(crate) fn spawn_once<A: Actor>(parts: ChildParts<A>, runtime: &Handle, at: u32) {
    let duty = duty(parts.slot, None, at.into(), Birth::First);
    drop(runtime.spawn(live::<A>(duty, parts.make)));
}

fn duty<M: Send + 'static>(
    slot: Arc<Slot<M>>,
    overseer: Option<Arc<dyn Overseer>>,
    key: u64,
    birth: Birth,
) -> Duty<M> {
    let incarnation = slot.next_incarnation(birth);
    slot.queue.forget_kill();
    Duty::new(slot, overseer, key, incarnation)
}

impl<A: Actor> fmt::Debug for Launcher<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Launcher({:?})", self.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::{BoxError, ChildSpec, Context};

    struct Idle;

    impl Actor for Idle {
        type Msg = ();
        async fn handle(&mut self, _msg: (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
            Ok(())
        }
    }

    /// A million idle actors are a million of these: with tokio's own part it
    /// fits in 384 bytes, and one byte more would cost 128.
    #[test]
    fn a_life_that_waits_for_messages_is_small() {
        let parts = ChildSpec::new("idle", || Idle)
            .into_parts()
            .expect("a fine spec");
        let life = live::<Idle>(duty(parts.slot, None, 0, Birth::First), parts.make);
        assert!(size_of_val(&life) <= 280, "{} bytes", size_of_val(&life));
    }
}
