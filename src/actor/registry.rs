//! Who can be found, by name, group or capability.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::core::admission::Admission;
use super::core::exit::BoxError;
use super::core::refs::ActorRef;
use super::core::slot::{ActorId, AnySlot, Slot};

type Members = DashMap<Arc<str>, Vec<Arc<dyn AnySlot>>>;

/// The registry of one system. Entries come with readiness and vanish with the
/// actor; they stay over restarts, as the address does.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    names: DashMap<Arc<str>, Arc<dyn AnySlot>>,
    groups: Members,
    capabilities: Members,
    listings: DashMap<ActorId, Listing>,
}

/// How an actor can be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// Its path.
    pub path: String,
    /// The name it is registered under.
    pub name: Option<Arc<str>>,
    /// The groups it is a member of.
    pub groups: Vec<Arc<str>>,
    /// What it declared it can do.
    pub capabilities: Vec<Arc<str>>,
}

/// Why an actor was not admitted as ready.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// Another actor has the name.
    NameTaken {
        /// The name.
        name: Arc<str>,
        /// The path of the one that has it.
        owner: String,
    },
    /// It does not declare what its spec expects.
    MissingCapabilities(Vec<Arc<str>>),
}

impl fmt::Display for NotAdmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name, owner } => {
                write!(f, "the name {name:?} is taken by {owner}")
            }
            Self::MissingCapabilities(missing) => {
                write!(
                    f,
                    "expected capabilities are missing: {}",
                    missing.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for NotAdmitted {}

impl Registry {
    pub(crate) fn register(
        &self,
        slot: Arc<dyn AnySlot>,
        admission: Option<&Admission>,
        capabilities: Vec<Arc<str>>,
    ) -> Result<(), BoxError> {
        let nothing = Admission::default();
        let admission = admission.unwrap_or(&nothing);
        let missing: Vec<_> = admission
            .expected
            .iter()
            .filter(|wanted| !capabilities.contains(wanted))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(NotAdmitted::MissingCapabilities(missing).into());
        }
        // An actor that starts again may have learnt or forgotten something.
        self.unregister(slot.id());
        if let Some(name) = &admission.name {
            match self.names.entry(Arc::clone(name)) {
                Entry::Occupied(taken) => {
                    return Err(NotAdmitted::NameTaken {
                        name: Arc::clone(name),
                        owner: taken.get().path(),
                    }
                    .into());
                }
                Entry::Vacant(free) => {
                    free.insert(Arc::clone(&slot));
                }
            }
        }
        for group in &admission.groups {
            join(&self.groups, group, &slot);
        }
        for capability in &capabilities {
            join(&self.capabilities, capability, &slot);
        }
        self.listings.insert(
            slot.id(),
            Listing {
                path: slot.path(),
                name: admission.name.clone(),
                groups: admission.groups.clone(),
                capabilities,
            },
        );
        Ok(())
    }

    pub(crate) fn unregister(&self, id: ActorId) {
        let Some((_, listing)) = self.listings.remove(&id) else {
            return;
        };
        if let Some(name) = &listing.name {
            self.names.remove_if(name, |_, slot| slot.id() == id);
        }
        for group in &listing.groups {
            leave(&self.groups, group, id);
        }
        for capability in &listing.capabilities {
            leave(&self.capabilities, capability, id);
        }
    }

    pub(crate) fn find<M: Send + 'static>(&self, name: &str) -> Option<ActorRef<M>> {
        let slot = Arc::clone(&*self.names.get(name)?);
        typed(slot)
    }

    pub(crate) fn group<M: Send + 'static>(&self, group: &str) -> Vec<ActorRef<M>> {
        members(&self.groups, group)
    }

    pub(crate) fn capable<M: Send + 'static>(&self, capability: &str) -> Vec<ActorRef<M>> {
        members(&self.capabilities, capability)
    }

    pub(crate) fn listings(&self) -> Vec<Listing> {
        let mut all: Vec<_> = self.listings.iter().map(|l| l.value().clone()).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    /// Forgets everybody, which also lets go of their slots.
    pub(crate) fn clear(&self) {
        self.names.clear();
        self.groups.clear();
        self.capabilities.clear();
        self.listings.clear();
    }
}

fn join(to: &Members, key: &Arc<str>, slot: &Arc<dyn AnySlot>) {
    let mut members = to.entry(Arc::clone(key)).or_default();
    if !members.iter().any(|m| m.id() == slot.id()) {
        members.push(Arc::clone(slot));
    }
}

fn leave(from: &Members, key: &Arc<str>, id: ActorId) {
    if let Some(mut members) = from.get_mut(key) {
        members.retain(|m| m.id() != id);
    }
    from.remove_if(key, |_, members| members.is_empty());
}

fn members<M: Send + 'static>(of: &Members, key: &str) -> Vec<ActorRef<M>> {
    let slots = of.get(key).map(|m| m.value().clone()).unwrap_or_default();
    slots.into_iter().filter_map(typed).collect()
}

/// The reference, if the actor takes messages of this type.
pub(crate) fn typed<M: Send + 'static>(slot: Arc<dyn AnySlot>) -> Option<ActorRef<M>> {
    let any: Arc<dyn Any + Send + Sync> = slot.as_any();
    any.downcast::<Slot<M>>().ok().map(ActorRef::from_slot)
}
