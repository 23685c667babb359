//! Agents by name, by capability and by description.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use dashmap::DashMap;

use super::agent::{Agent, AgentStatus, Entry};
use super::embed::{Embedder, Embedding, NGrams};
use super::similar::Similar;
use crate::actor::{InvalidSpec, WorkerRef};
use crate::policy::choice::SelectionWeights;
use crate::sync::Mutex;

/// Settings of a [`Directory`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DirectoryConfig {
    /// How much capability, past performance and room count. Default 0.5, 0.3, 0.2.
    pub weights: SelectionWeights,
    /// How like a text a description has to be, 0 to 1, to match it at all. Default
    /// 0.25: below, what the default embedder finds is chance.
    pub likeness: f64,
    /// Agents at most. Default 100,000.
    pub most_agents: usize,
}

impl Default for DirectoryConfig {
    fn default() -> Self {
        Self {
            weights: SelectionWeights::default(),
            likeness: 0.25,
            most_agents: 100_000,
        }
    }
}

impl DirectoryConfig {
    /// How much each part of the score counts. Default 0.5, 0.3, 0.2.
    #[must_use]
    pub fn weights(mut self, weights: SelectionWeights) -> Self {
        self.weights = weights;
        self
    }

    /// How like a text a description has to be, 0 to 1. Default 0.25.
    #[must_use]
    pub fn likeness(mut self, at_least: f64) -> Self {
        self.likeness = at_least;
        self
    }

    /// Agents at most. Default 100,000.
    #[must_use]
    pub fn most_agents(mut self, agents: usize) -> Self {
        self.most_agents = agents;
        self
    }
}

/// Why an agent was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAdded {
    /// There is one of this name.
    Taken(Arc<str>),
    /// There are as many agents as there may be.
    Full(usize),
}

impl fmt::Display for NotAdded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(name) => write!(f, "there is an agent {name:?}, remove it first"),
            Self::Full(most) => write!(f, "the directory has {most} agents, and may have no more"),
        }
    }
}

impl Error for NotAdded {}

type Found<In, Out> = Arc<Entry<In, Out>>;

/// Somebody who has a capability.
pub(super) struct Able<In, Out> {
    pub(super) entry: Found<In, Out>,
    /// How well.
    pub(super) level: f64,
}

// By hand: `derive` would ask what agents take and give to be `Clone`.
impl<In, Out> Clone for Able<In, Out> {
    fn clone(&self) -> Self {
        Self {
            entry: Arc::clone(&self.entry),
            level: self.level,
        }
    }
}

/// Everybody who has a capability, as it was when it was looked at.
pub(super) type AllAble<In, Out> = Arc<Vec<Able<In, Out>>>;

/// The descriptions, and the index over them.
pub(super) struct Described<In, Out> {
    pub(super) entries: Vec<Found<In, Out>>,
    pub(super) index: Similar,
}

struct Descriptions<In, Out> {
    /// By the agents' ids.
    all: BTreeMap<u64, (Found<In, Out>, Embedding)>,
    /// Absent after a change, until somebody looks.
    index: Option<Arc<Described<In, Out>>>,
}

pub(super) struct Inside<In, Out> {
    pub(super) config: DirectoryConfig,
    pub(super) embedder: Box<dyn Embedder>,
    agents: DashMap<Arc<str>, Found<In, Out>>,
    by_capability: DashMap<String, AllAble<In, Out>>,
    descriptions: Mutex<Descriptions<In, Out>>,
    /// Held by whoever adds or removes: the next id.
    changes: Mutex<u64>,
    /// Where the search begins, so that equals take turns.
    turn: AtomicUsize,
}

/// Who can do what, for routers to choose from. Clones are the same directory;
/// agents come and go while it is in use.
pub struct Directory<In, Out> {
    pub(super) inside: Arc<Inside<In, Out>>,
}

impl<In: Send + 'static, Out: Send + 'static> Directory<In, Out> {
    /// An empty one, with the default settings and [`NGrams`].
    #[must_use]
    pub fn new() -> Self {
        Self::make(DirectoryConfig::default(), NGrams)
    }

    /// An empty one with these settings and this embedder.
    ///
    /// # Errors
    ///
    /// Weights that say nothing, or a likeness that is no share.
    pub fn with(config: DirectoryConfig, embedder: impl Embedder) -> Result<Self, InvalidSpec> {
        config.weights.validate().map_err(InvalidSpec::Weights)?;
        if !(0.0..=1.0).contains(&config.likeness) {
            return Err(InvalidSpec::Combination(
                "the likeness that a description must have is from 0 to 1",
            ));
        }
        Ok(Self::make(config, embedder))
    }

    fn make(config: DirectoryConfig, embedder: impl Embedder) -> Self {
        Self {
            inside: Arc::new(Inside {
                config,
                embedder: Box::new(embedder),
                agents: DashMap::new(),
                by_capability: DashMap::new(),
                descriptions: Mutex::new(Descriptions {
                    all: BTreeMap::new(),
                    index: None,
                }),
                changes: Mutex::new(0),
                turn: AtomicUsize::new(0),
            }),
        }
    }

    /// Adds an agent; routers choose it from now on.
    ///
    /// # Errors
    ///
    /// [`NotAdded`]: its name is taken, or there is no room.
    pub fn add(&self, agent: Agent<In, Out>) -> Result<(), NotAdded> {
        let inside = &*self.inside;
        // The embedder is foreign code: asked without the lock.
        let embedding = agent
            .description
            .as_ref()
            .map(|it| inside.embedder.embed(it));
        let mut next = inside.changes.lock();
        if inside.agents.contains_key(&agent.name) {
            return Err(NotAdded::Taken(agent.name));
        }
        if inside.agents.len() >= inside.config.most_agents {
            return Err(NotAdded::Full(inside.config.most_agents));
        }
        *next += 1;
        let entry = Arc::new(Entry::new(agent, *next));
        let agent = &entry.agent;
        inside
            .agents
            .insert(Arc::clone(&agent.name), Arc::clone(&entry));
        for skill in agent.skills.names() {
            let able = Able {
                entry: Arc::clone(&entry),
                level: agent.skills.capability([skill]).unwrap_or(0.0),
            };
            let mut who = inside.by_capability.entry(skill.to_owned()).or_default();
            Arc::make_mut(&mut who).push(able);
        }
        if let Some(embedding) = embedding {
            let mut descriptions = inside.descriptions.lock();
            descriptions
                .all
                .insert(entry.id, (Arc::clone(&entry), embedding));
            descriptions.index = None;
        }
        Ok(())
    }

    /// Removes the agent of this name: it is not chosen any more, and finishes what
    /// it has in hand. `false` if there is none.
    #[allow(clippy::must_use_candidate, reason = "it may be gone already")]
    pub fn remove(&self, name: &str) -> bool {
        let inside = &*self.inside;
        // Dropped without the lock, as is the index.
        let (entry, _index) = {
            let _changes = inside.changes.lock();
            let Some((_, entry)) = inside.agents.remove(name) else {
                return false;
            };
            for skill in entry.agent.skills.names() {
                inside.by_capability.remove_if_mut(skill, |_, who| {
                    Arc::make_mut(who).retain(|able| able.entry.id != entry.id);
                    who.is_empty()
                });
            }
            let mut descriptions = inside.descriptions.lock();
            let described = descriptions.all.remove(&entry.id);
            let index = described.and_then(|_| descriptions.index.take());
            (entry, index)
        };
        drop(entry);
        true
    }

    /// How many agents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inside.agents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inside.agents.is_empty()
    }

    /// How all agents are doing, by name.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentStatus> {
        let all = self.inside.agents.iter().map(|entry| entry.status());
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Everybody who has all of these capabilities, by name: for a
    /// [`scatter`](crate::coordination::scatter) to ask all of them.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::coordination::{Need, scatter};
    /// use callboard::coordination::route::{Agent, Directory};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let says = |name: &'static str| WorkerRef::from_fn(name, move |_: ()| async move { Ok(name) });
    /// let directory = Directory::new();
    /// directory.add(Agent::new("a", says("a")).can(["search"]))?;
    /// directory.add(Agent::new("b", says("b")).can(["search", "write"]))?;
    /// directory.add(Agent::new("c", says("c")).can(["write"]))?;
    ///
    /// let system = System::new("demo");
    /// let all = scatter(directory.capable(["search"])).need(Need::BestEffort);
    /// let all = all.start(&system, "searchers").await?;
    /// assert_eq!(all.ask(()).await?.value.into_values(), ["a", "b"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn capable<'a>(&self, of: impl IntoIterator<Item = &'a str>) -> Vec<WorkerRef<In, Out>> {
        let needs: Vec<String> = of.into_iter().map(str::to_owned).collect();
        let some = self.inside.with_some_of(&needs);
        let has_all = |entry: &&Found<In, Out>| {
            let needs = needs.iter().map(String::as_str);
            entry.agent.skills.capability(needs).is_ok()
        };
        let mut all: Vec<_> = some
            .iter()
            .map(|able| &able.entry)
            .filter(has_all)
            .collect();
        all.sort_by(|a, b| a.agent.name.cmp(&b.agent.name));
        all.iter().map(|entry| entry.agent.worker.clone()).collect()
    }
}

impl<In, Out> Inside<In, Out> {
    /// How many have this capability, and those if they are to be had.
    pub(super) fn count_with(&self, capability: &str) -> usize {
        self.by_capability
            .get(capability)
            .map_or(0, |who| who.len())
    }

    /// Everybody with this capability.
    pub(super) fn with(&self, capability: &str) -> AllAble<In, Out> {
        let who = self.by_capability.get(capability);
        who.map(|who| Arc::clone(&who)).unwrap_or_default()
    }

    /// Everybody with the one of these capabilities that fewest have; without any,
    /// everybody.
    pub(super) fn with_some_of(&self, needs: &[String]) -> AllAble<In, Out> {
        match needs {
            [] => {
                let all = self.agents.iter().map(|entry| Able {
                    entry: Arc::clone(entry.value()),
                    level: 1.0,
                });
                Arc::new(all.collect())
            }
            [one] => self.with(one),
            _ => {
                let rarest = needs.iter().min_by_key(|need| self.count_with(need));
                rarest.map(|need| self.with(need)).unwrap_or_default()
            }
        }
    }

    /// The index over the descriptions; made anew after a change.
    pub(super) fn described(&self) -> Arc<Described<In, Out>> {
        let mut descriptions = self.descriptions.lock();
        if let Some(index) = &descriptions.index {
            return Arc::clone(index);
        }
        let all = descriptions.all.values();
        let made = Arc::new(Described {
            entries: all.clone().map(|(entry, _)| Arc::clone(entry)).collect(),
            index: Similar::new(all.map(|(_, it)| it), self.embedder.weighting()),
        });
        descriptions.index = Some(Arc::clone(&made));
        made
    }

    /// Where the next search begins.
    pub(super) fn turn(&self) -> usize {
        self.turn.fetch_add(1, Relaxed)
    }
}

impl<In: Send + 'static, Out: Send + 'static> Default for Directory<In, Out> {
    fn default() -> Self {
        Self::new()
    }
}

impl<In, Out> Clone for Directory<In, Out> {
    fn clone(&self) -> Self {
        Self {
            inside: Arc::clone(&self.inside),
        }
    }
}

impl<In, Out> fmt::Debug for Directory<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("agents", &self.inside.agents.len())
            .finish_non_exhaustive()
    }
}
