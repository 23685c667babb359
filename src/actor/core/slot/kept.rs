//! What an actor keeps for its next life.

use std::any::Any;
use std::sync::Arc;

use super::{Life, Slot, Stage};
use crate::actor::core::behaviour::{Actor, Checkpointed};
use crate::actor::core::context::Context;
use crate::actor::core::event::Event;
use crate::actor::core::exit::BoxError;

type Restore = fn(&mut dyn Any, &dyn Any, &mut dyn Any) -> Result<(), BoxError>;

/// One checkpoint, and how it is given back. The types are those of one actor,
/// forgotten here because a slot knows no more of it than its messages.
#[derive(Clone)]
pub(crate) struct Kept {
    value: Arc<dyn Any + Send + Sync>,
    restore: Restore,
    /// How often it was given back since an end that was no crash.
    restores: u32,
    at_most: u32,
}

impl Kept {
    pub(crate) fn new<A: Checkpointed>(checkpoint: A::Checkpoint) -> Self {
        Self {
            value: Arc::new(checkpoint),
            restore: restore::<A>,
            restores: 0,
            at_most: A::RESTORED_AT_MOST,
        }
    }

    /// Gives it back to a new life.
    pub(crate) fn restore<A: Actor>(
        &self,
        actor: &mut A,
        cx: &mut Context<A>,
    ) -> Result<(), BoxError> {
        (self.restore)(actor, &*self.value, cx)
    }
}

fn restore<A: Checkpointed>(
    actor: &mut dyn Any,
    value: &dyn Any,
    cx: &mut dyn Any,
) -> Result<(), BoxError> {
    if let (Some(actor), Some(value), Some(cx)) = (
        actor.downcast_mut::<A>(),
        value.downcast_ref::<A::Checkpoint>(),
        cx.downcast_mut::<Context<A>>(),
    ) {
        return actor.restore(value, cx);
    }
    Ok(())
}

impl Life {
    /// The life that had it ended well.
    pub(super) fn trust_kept(&mut self) {
        if let Some(rare) = &mut self.rare
            && let Some(kept) = &mut rare.kept
        {
            kept.restores = 0;
        }
    }
}

impl<M: Send + 'static> Slot<M> {
    /// Keeps this in place of what was kept before.
    pub(crate) fn keep(&self, mut new: Kept) {
        let old = {
            let mut life = self.life.lock();
            let is_up = life.stage == Stage::Up;
            let kept = &mut life.rare.get_or_insert_default().kept;
            if let Some(old) = kept
                && !is_up
            {
                // Kept by a start hook: it is no sign yet that this life does
                // better than the one before.
                new.restores = old.restores;
            }
            kept.replace(new)
        };
        // Its destructor is the user's code.
        drop(old);
    }

    /// Forgets what was kept.
    pub(crate) fn forget_kept(&self) {
        let old = match &mut self.life.lock().rare {
            Some(rare) => rare.kept.take(),
            None => None,
        };
        drop(old);
    }

    /// What the new life is given, unless it is suspected of ending lives.
    pub(crate) fn kept(&self) -> Option<Kept> {
        let suspect = {
            let mut life = self.life.lock();
            let kept = &mut life.rare.as_mut()?.kept;
            let present = kept.as_mut()?;
            if present.restores < present.at_most {
                present.restores += 1;
                return Some(present.clone());
            }
            kept.take()
        };
        if let Some(suspect) = &suspect {
            let restores = suspect.restores;
            self.emit(|path| Event::CheckpointDropped { path, restores });
        }
        // Its destructor is the user's code.
        drop(suspect);
        None
    }
}
