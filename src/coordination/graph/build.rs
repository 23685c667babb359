//! Building a graph: names become positions, and what cannot run is refused.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::invalid::InvalidGraph;
use super::machine::OnFailure;
use super::plan::Plan;
use super::shape::Shape;
use super::subtask::Table;
use super::task::{Branch, Task, Work};
use super::wiring::{Wires, Wiring};
use super::{Graph, Node};

/// A graph to be. Made by [`graph`].
#[must_use = "a graph does nothing until it is built and started"]
pub struct GraphBuilder<T> {
    name: Arc<str>,
    tasks: Vec<Task<T>>,
    branches: Vec<Branch<T>>,
    kinds: Vec<Task<T>>,
    at_most: usize,
    concurrency: usize,
    requests: usize,
    on_failure: OnFailure,
}

/// A graph of tasks that all give a `T`.
///
/// ```
/// use callboard::prelude::*;
/// use callboard::coordination::graph::{Task, graph};
///
/// let same = || WorkerRef::from_fn("same", |n: u32| async move { Ok(n) });
/// let refused = graph("work")
///     .task(Task::new("a", same()).after("c"))
///     .task(Task::new("b", same()).after("a"))
///     .task(Task::new("c", same()).after("b"))
///     .build()
///     .unwrap_err();
/// assert_eq!(refused.to_string(), "tasks wait for each other: a -> b -> c -> a");
/// ```
pub fn graph<T: Clone + Send + Sync + 'static>(name: impl Into<Arc<str>>) -> GraphBuilder<T> {
    GraphBuilder {
        name: name.into(),
        tasks: Vec::new(),
        branches: Vec::new(),
        kinds: Vec::new(),
        at_most: 1_000,
        concurrency: 10,
        requests: 64,
        on_failure: OnFailure::default(),
    }
}

impl<T: Clone + Send + Sync + 'static> GraphBuilder<T> {
    /// Adds a task. Those it depends on may follow.
    pub fn task(mut self, task: Task<T>) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds a branch: each of its targets depends on the task it asks about.
    pub fn branch(mut self, branch: Branch<T>) -> Self {
        self.branches.push(branch);
        self
    }

    /// Adds a kind of task that [answers may add](Task::decompose). The name is the
    /// kind's.
    pub fn kind(mut self, kind: Task<T>) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Tasks in all, with those that answers add. Default 1,000.
    pub fn at_most(mut self, tasks: usize) -> Self {
        self.at_most = tasks;
        self
    }

    /// Tasks of one run under way at once. Default 10.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks;
        self
    }

    /// Runs under way at once; further requests wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// What happens to the others when a task has failed for good. Default
    /// [`OnFailure::Stop`].
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// Checks it.
    ///
    /// # Errors
    ///
    /// [`InvalidGraph`]: names that do not exist or are there twice, tasks that
    /// wait for each other, nothing that could run.
    pub fn build(self) -> Result<Graph<T>, InvalidGraph> {
        self.check_bounds()?;
        let mut names = HashMap::new();
        for (at, task) in self.tasks.iter().enumerate() {
            if names.insert(Arc::clone(&task.name), at).is_some() {
                return Err(InvalidGraph::DuplicateTask(Arc::clone(&task.name)));
            }
        }
        let mut wires = Wires::new(names);
        let mut nodes = Vec::new();
        for (to, task) in self.tasks.into_iter().enumerate() {
            for after in task.after {
                wires.dependency(to, &task.name, after)?;
            }
            nodes.push(Node {
                name: task.name,
                work: task.work,
                split: task.split,
                questions: Vec::new(),
                weight: task.weight,
                attempts: task.attempts,
            });
        }
        for branch in self.branches {
            wires.branch(branch)?;
        }
        let Wiring {
            names,
            edges,
            conditions,
            questions,
        } = wires.finish(|task| Arc::clone(&nodes[task].name))?;
        for (node, questions) in nodes.iter_mut().zip(questions) {
            node.questions = questions;
        }
        let weights = nodes.iter().map(|node| node.weight);
        let plan = Plan {
            shape: Shape::new(weights.collect(), edges),
            names: nodes.iter().map(|node| Arc::clone(&node.name)).collect(),
            conditions,
            is_decomposed: nodes.iter().map(|node| node.split.is_some()).collect(),
        };
        if let Some(circle) = plan.shape.circle() {
            return Err(InvalidGraph::Circle(plan.named(circle)));
        }
        for (at, node) in nodes.iter().enumerate() {
            if matches!(*node.work, Work::One(_)) && plan.shape.dependencies(at) > 1 {
                return Err(InvalidGraph::SeveralInputs(Arc::clone(&node.name)));
            }
        }
        let (kinds, known) = kinds(self.kinds)?;
        let table = Table {
            names,
            kinds: known,
            at_most: self.at_most,
        };
        Ok(Graph {
            name: self.name,
            nodes,
            kinds,
            table: Arc::new(table),
            plan: Arc::new(plan),
            concurrency: self.concurrency,
            requests: self.requests,
            on_failure: self.on_failure,
        })
    }

    fn check_bounds(&self) -> Result<(), InvalidGraph> {
        if self.tasks.is_empty() {
            return Err(InvalidGraph::NoTasks);
        }
        if self.concurrency == 0 {
            return Err(InvalidGraph::Zero("the concurrency"));
        }
        if self.requests == 0 {
            return Err(InvalidGraph::Zero("the number of requests"));
        }
        if self.tasks.len() > self.at_most {
            return Err(InvalidGraph::TooManyTasks {
                tasks: self.tasks.len(),
                at_most: self.at_most,
            });
        }
        let mut all = self.tasks.iter().chain(&self.kinds);
        if all.any(|task| task.attempts == 0) {
            return Err(InvalidGraph::Zero("a task's number of attempts"));
        }
        Ok(())
    }
}

impl<T> fmt::Debug for GraphBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphBuilder")
            .field("name", &self.name)
            .field("tasks", &self.tasks)
            .field("branches", &self.branches)
            .finish_non_exhaustive()
    }
}

/// Kinds by their names: their positions, and how many dependencies each takes.
type Known = HashMap<Arc<str>, (u32, usize)>;

fn kinds<T>(kinds: Vec<Task<T>>) -> Result<(Vec<Node<T>>, Known), InvalidGraph> {
    let mut known = Known::new();
    let mut nodes = Vec::new();
    for (kind, at) in kinds.into_iter().zip(0..) {
        if !kind.after.is_empty() {
            return Err(InvalidGraph::KindDepends(kind.name));
        }
        let takes = match *kind.work {
            Work::One(_) => 1,
            Work::Joins(_) => usize::MAX,
        };
        if known.insert(Arc::clone(&kind.name), (at, takes)).is_some() {
            return Err(InvalidGraph::DuplicateTask(kind.name));
        }
        nodes.push(Node {
            name: kind.name,
            work: kind.work,
            split: kind.split,
            questions: Vec::new(),
            weight: kind.weight,
            attempts: kind.attempts,
        });
    }
    Ok((nodes, known))
}
