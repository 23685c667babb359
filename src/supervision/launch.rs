//! What a supervisor can start: an actor, another supervisor, a ractor actor.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use ractor::ActorCell;

use super::keeper::Keep;
use super::tree::Node;
use crate::actor::child::ChildSpec;
use crate::actor::core::host::Overseer;
use crate::actor::core::slot::{AnySlot, Birth, Place};
use crate::actor::launch::Launcher;
use crate::actor::{Actor, Exit, InvalidSpec, Policy};
use crate::mailbox::Counts;

/// Where a child is started from.
pub(crate) struct Nest<'a> {
    pub(crate) overseer: Arc<dyn Overseer>,
    /// The supervisor's ractor cell, to which nested ractor actors are linked.
    pub(crate) cell: Option<&'a ActorCell>,
}

/// One child, whatever it is, over all its lives.
pub(crate) trait Launch: fmt::Debug + Send + Sync {
    fn slot(&self) -> Arc<dyn AnySlot>;
    /// Gives it a place under its supervisor. Once.
    fn settle_in(&self, place: Arc<Place>);
    /// Starts the next incarnation. The overseer hears of its start and end.
    fn launch(&self, nest: Nest<'_>, key: u64, birth: Birth);
    /// Opens what `end` closed.
    fn revive(&self);
    fn stop(&self);
    fn drain(&self, by: Option<Instant>);
    fn kill(&self);
    /// Closes it for good.
    fn end(&self, exit: Exit);
    fn node(&self) -> Node;
    /// The books of all mailboxes under it that are open.
    fn counts(&self) -> Counts;
    /// What it is, for what can be done only to some, or to whole subtrees.
    fn inside(&self) -> Inside {
        Inside::Foreign
    }
}

/// What a child is.
pub(crate) enum Inside {
    /// An actor with a mailbox of ours.
    Actor,
    /// A supervisor, with its present incarnation.
    Supervisor(Option<Arc<Keep>>),
    /// Something with a mailbox of its own.
    Foreign,
}

impl<A: Actor> Launch for Launcher<A> {
    fn slot(&self) -> Arc<dyn AnySlot> {
        Arc::clone(&self.slot) as Arc<dyn AnySlot>
    }

    fn settle_in(&self, place: Arc<Place>) {
        self.slot.settle_in(place);
    }

    fn launch(&self, nest: Nest<'_>, key: u64, birth: Birth) {
        self.spawn(nest.overseer, key, birth);
    }

    fn revive(&self) {
        self.slot.revive();
    }

    fn stop(&self) {
        AnySlot::stop(&*self.slot, Exit::shutdown());
    }

    fn drain(&self, _by: Option<Instant>) {
        AnySlot::drain(&*self.slot);
    }

    fn kill(&self) {
        AnySlot::kill(&*self.slot);
    }

    fn end(&self, exit: Exit) {
        AnySlot::end(&*self.slot, exit);
    }

    fn node(&self) -> Node {
        Node::of(&*self.slot, "actor")
    }

    fn counts(&self) -> Counts {
        if self.slot.exit().is_some() {
            // Its books are closed, and counted with the closed ones.
            return Counts::default();
        }
        self.slot.counts()
    }

    fn inside(&self) -> Inside {
        Inside::Actor
    }
}

/// A child of any kind, as [`Supervisor::child`](super::Supervisor::child)
/// takes it: a [`ChildSpec`], a [`Supervisor`](super::Supervisor), or a ractor
/// actor.
#[must_use = "a child does nothing until its supervisor is started"]
pub struct AnyChild {
    pub(crate) launch: Result<Arc<dyn Launch>, InvalidSpec>,
    pub(crate) policy: Policy,
}

impl AnyChild {
    pub(crate) fn new(launch: Arc<dyn Launch>, policy: Policy) -> Self {
        Self {
            launch: Ok(launch),
            policy,
        }
    }

    pub(crate) fn invalid(why: InvalidSpec) -> Self {
        Self {
            launch: Err(why),
            policy: Policy::default(),
        }
    }
}

impl fmt::Debug for AnyChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyChild").field(&self.launch).finish()
    }
}

impl<A: Actor> From<ChildSpec<A>> for AnyChild {
    fn from(spec: ChildSpec<A>) -> Self {
        match spec.into_parts() {
            Ok(parts) => {
                let policy = parts.policy.clone();
                Self::new(Arc::new(Launcher::new(parts)), policy)
            }
            Err(why) => Self::invalid(why),
        }
    }
}
