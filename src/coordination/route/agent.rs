//! Who can be chosen, and how it is doing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use serde::{Deserialize, Serialize};

use crate::actor::WorkerRef;
use crate::policy::choice::{Recent, Skills};
use crate::sync::Mutex;

/// Jobs that an agent may have in hand, where it is not said.
const ROOM: usize = 10;

/// An agent for a [`Directory`](super::Directory): a worker, and what is known of it.
///
/// # Examples
///
/// ```
/// use callboard::prelude::*;
/// use callboard::coordination::route::Agent;
///
/// let worker = WorkerRef::from_fn("small", |text: String| async move { Ok(text.len()) });
/// let small = Agent::new("small-model", worker)
///     .can(["summarise", "classify"])
///     .described("summarises short texts and sorts them into topics")
///     .speed(0.9)
///     .power(0.3)
///     .room(4);
/// # let _ = small;
/// ```
#[must_use = "an agent does nothing until it is in a directory"]
pub struct Agent<In, Out> {
    pub(super) name: Arc<str>,
    pub(super) worker: WorkerRef<In, Out>,
    pub(super) skills: Skills,
    pub(super) description: Option<String>,
    pub(super) traits: Traits,
    pub(super) room: usize,
}

/// What decides between agents that can do the same.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    pub(super) speed: f64,
    pub(super) power: f64,
}

impl<In: Send + 'static, Out: Send + 'static> Agent<In, Out> {
    /// An agent of this name, which is its own in a directory.
    pub fn new(name: impl Into<Arc<str>>, worker: impl Into<WorkerRef<In, Out>>) -> Self {
        Self {
            name: name.into(),
            worker: worker.into(),
            skills: Skills::default(),
            description: None,
            traits: Traits {
                speed: 1.0,
                power: 1.0,
            },
            room: ROOM,
        }
    }

    /// Its capabilities: names, or [`Skills`] with how well it has them.
    pub fn can(mut self, skills: impl Into<Skills>) -> Self {
        self.skills = skills.into();
        self
    }

    /// What it does, in words, to be found by a text. Default: not found by any.
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// How well suited it is to simple work, 0 to 1. Default 1.
    pub fn speed(mut self, speed: f64) -> Self {
        self.traits.speed = speed;
        self
    }

    /// How well suited it is to complex work, 0 to 1. Default 1.
    pub fn power(mut self, power: f64) -> Self {
        self.traits.power = power;
        self
    }

    /// Jobs that it may have in hand, at least one. Default 10.
    pub fn room(mut self, jobs: usize) -> Self {
        self.room = jobs.max(1);
        self
    }
}

impl<In, Out> fmt::Debug for Agent<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.name)
            .field("skills", &self.skills)
            .finish_non_exhaustive()
    }
}

/// How an agent is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentStatus {
    /// Its name.
    pub name: Arc<str>,
    /// What it can do.
    pub skills: Skills,
    /// Jobs in hand.
    pub in_hand: usize,
    /// Jobs that it may have in hand.
    pub room: usize,
    /// The share of its last 32 jobs that went well; `None` before the first.
    pub success: Option<f64>,
}

/// An agent in a directory.
pub(super) struct Entry<In, Out> {
    pub(super) agent: Agent<In, Out>,
    /// Never given twice in a directory.
    pub(super) id: u64,
    in_hand: AtomicUsize,
    recent: Mutex<Recent>,
}

impl<In, Out> Entry<In, Out> {
    pub(super) fn new(agent: Agent<In, Out>, id: u64) -> Self {
        Self {
            agent,
            id,
            in_hand: AtomicUsize::new(0),
            recent: Mutex::new(Recent::new()),
        }
    }

    pub(super) fn in_hand(&self) -> usize {
        self.in_hand.load(Relaxed)
    }

    pub(super) fn success(&self) -> Option<f64> {
        self.recent.lock().share()
    }

    pub(super) fn note(&self, note: fn(&mut Recent)) {
        note(&mut self.recent.lock());
    }

    pub(super) fn status(&self) -> AgentStatus {
        AgentStatus {
            name: Arc::clone(&self.agent.name),
            skills: self.agent.skills.clone(),
            in_hand: self.in_hand(),
            room: self.agent.room,
            success: self.success(),
        }
    }

    /// Takes one more job in hand, where there is room.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place<In, Out>> {
        let room = self.agent.room;
        // It guards no other memory.
        let taken = self.in_hand.fetch_update(Relaxed, Relaxed, |in_hand| {
            (in_hand < room).then_some(in_hand + 1)
        });
        taken.ok().map(|_| Place(Arc::clone(self)))
    }
}

/// A job in hand; no longer when dropped.
pub(super) struct Place<In, Out>(pub(super) Arc<Entry<In, Out>>);

impl<In, Out> Drop for Place<In, Out> {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Relaxed);
    }
}
