//! Building a graph: names become positions, and what cannot run is refused.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::machine::OnFailure;
use super::plan::Plan;
use super::shape::{Edge, Shape};
use super::subtask::Table;
use super::task::{Branch, Predicate, Task, Work};
use super::{Graph, Node};

/// Conditions on one answer: each has a bit of a [`Fact`].
///
/// [`Fact`]: crate::coordination::Fact
const MOST_CONDITIONS: usize = 32;

/// A graph that cannot be built, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidGraph {
    /// It has no task.
    NoTasks,
    /// Two tasks have this name.
    DuplicateTask(Arc<str>),
    /// A task depends on one that does not exist.
    UnknownDependency {
        /// Which depends.
        task: Arc<str>,
        /// On what.
        on: Arc<str>,
    },
    /// A branch leads to a task that does not exist.
    UnknownTarget {
        /// Whose answer it asks about.
        on: Arc<str>,
        /// Where it leads.
        target: Arc<str>,
    },
    /// A task depends on another in two ways.
    DependsTwice {
        /// Which depends.
        task: Arc<str>,
        /// On what.
        on: Arc<str>,
    },
    /// Tasks that wait for each other, in their order; the first comes again as
    /// the last.
    Circle(Vec<Arc<str>>),
    /// This task takes one answer, and has several dependencies.
    SeveralInputs(Arc<str>),
    /// There are more than 32 conditions on the answer of this task.
    TooManyConditions(Arc<str>),
    /// This kind has dependencies; its tasks say their own.
    KindDepends(Arc<str>),
    /// There are more tasks than there may be in all.
    TooManyTasks {
        /// So many there are.
        tasks: usize,
        /// So many there may be.
        at_most: usize,
    },
    /// This bound is 0, so nothing could run.
    Zero(&'static str),
}

impl fmt::Display for InvalidGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTasks => f.write_str("the graph has no task, add one"),
            Self::DuplicateTask(task) => {
                write!(
                    f,
                    "two tasks are named {task:?}, give each a name of its own"
                )
            }
            Self::UnknownDependency { task, on } => {
                write!(
                    f,
                    "task {task:?} depends on {on:?}, which is no task of the graph"
                )
            }
            Self::UnknownTarget { on, target } => {
                write!(
                    f,
                    "the branch after {on:?} leads to {target:?}, which is no task of the graph"
                )
            }
            Self::DependsTwice { task, on } => {
                write!(
                    f,
                    "task {task:?} depends on {on:?} in two ways, say it once"
                )
            }
            Self::Circle(tasks) => {
                write!(f, "tasks wait for each other: {}", tasks.join(" -> "))
            }
            Self::SeveralInputs(task) => write!(
                f,
                "task {task:?} takes one answer and has several dependencies, make it a joining one"
            ),
            Self::TooManyConditions(task) => write!(
                f,
                "more than {MOST_CONDITIONS} conditions ask about the answer of {task:?}, have another task ask"
            ),
            Self::KindDepends(kind) => {
                write!(f, "kind {kind:?} has dependencies, leave them to its tasks")
            }
            Self::TooManyTasks { tasks, at_most } => {
                write!(
                    f,
                    "there are {tasks} tasks where {at_most} may be, allow more"
                )
            }
            Self::Zero(bound) => write!(f, "{bound} is 0, so nothing could run, allow at least 1"),
        }
    }
}

impl Error for InvalidGraph {}

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
        let mut wiring = Wiring::new(names, self.tasks.len());
        let mut nodes = Vec::new();
        for (to, task) in self.tasks.into_iter().enumerate() {
            for after in task.after {
                let from = wiring.dependency(&task.name, &after.on)?;
                let condition = after.when.map(|(words, holds)| {
                    let bit = wiring.bit(from);
                    wiring.questions[from].push(Question {
                        cases: vec![(holds, bit)],
                        otherwise: 0,
                    });
                    (words, bit)
                });
                wiring.edge(from, to, condition);
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
            wiring.branch(branch)?;
        }
        wiring.check(&nodes)?;
        let Wiring {
            names,
            mut edges,
            questions,
            ..
        } = wiring;
        for (node, questions) in nodes.iter_mut().zip(questions) {
            node.questions = questions.into_iter().map(Arc::new).collect();
        }
        edges.sort_by_key(|(edge, _)| edge.to);
        let (edges, conditions): (Vec<_>, Vec<_>) = edges.into_iter().unzip();
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

/// What is asked about an answer: the first case that holds sets its bit.
pub(super) struct Question<T> {
    cases: Vec<(Predicate<T>, u32)>,
    /// The bits where no case holds.
    otherwise: u32,
}

impl<T> Question<T> {
    pub(super) fn ask(&self, answer: &T) -> u32 {
        let mut cases = self.cases.iter();
        let first = cases.find_map(|(holds, bit)| holds(answer).then_some(*bit));
        first.unwrap_or(self.otherwise)
    }
}

/// An edge, and its condition in words.
type Wire = (Edge, Option<Arc<str>>);

/// Edges and conditions on their way from names to positions.
struct Wiring<T> {
    names: HashMap<Arc<str>, usize>,
    edges: Vec<Wire>,
    /// By the tasks whose answers they ask about.
    questions: Vec<Vec<Question<T>>>,
    /// Conditions so far, likewise.
    asked: Vec<usize>,
}

impl<T> Wiring<T> {
    fn new(names: HashMap<Arc<str>, usize>, tasks: usize) -> Self {
        Self {
            names,
            edges: Vec::new(),
            questions: (0..tasks).map(|_| Vec::new()).collect(),
            asked: vec![0; tasks],
        }
    }

    fn dependency(&self, task: &Arc<str>, on: &Arc<str>) -> Result<usize, InvalidGraph> {
        let unknown = || InvalidGraph::UnknownDependency {
            task: Arc::clone(task),
            on: Arc::clone(on),
        };
        self.names.get(on).copied().ok_or_else(unknown)
    }

    /// A bit for the next condition on an answer. There are too many where none
    /// is left, which [`Wiring::check`] refuses.
    fn bit(&mut self, task: usize) -> u32 {
        let at = self.asked[task];
        self.asked[task] += 1;
        u32::try_from(at)
            .ok()
            .and_then(|at| 1_u32.checked_shl(at))
            .unwrap_or_default()
    }

    fn edge(&mut self, from: usize, to: usize, condition: Option<(Arc<str>, u32)>) {
        let (words, when) = condition.unzip();
        self.edges.push((Edge { from, to, when }, words));
    }

    fn branch(&mut self, branch: Branch<T>) -> Result<(), InvalidGraph> {
        let mut question = Question {
            cases: Vec::new(),
            otherwise: 0,
        };
        let mut edges: Vec<Wire> = Vec::new();
        for arm in branch.arms {
            let unknown = || InvalidGraph::UnknownTarget {
                on: Arc::clone(&branch.on),
                target: Arc::clone(&arm.to),
            };
            let to = self.names.get(&arm.to).copied().ok_or_else(unknown)?;
            let from = self.dependency(&arm.to, &branch.on)?;
            let bit = self.bit(from);
            match arm.holds {
                Some(holds) => question.cases.push((holds, bit)),
                None => question.otherwise = bit,
            }
            // Two cases may lead to the same task.
            match edges.iter_mut().find(|(edge, _)| edge.to == to) {
                Some((edge, words)) => {
                    edge.when = edge.when.map(|bits| bits | bit);
                    *words = words
                        .take()
                        .map(|it| format!("{it} or {}", arm.condition).into());
                }
                None => {
                    let when = Some(bit);
                    edges.push((Edge { from, to, when }, Some(arm.condition)));
                }
            }
        }
        if let Some((edge, _)) = edges.first() {
            self.questions[edge.from].push(question);
        }
        self.edges.append(&mut edges);
        Ok(())
    }

    fn check(&self, nodes: &[Node<T>]) -> Result<(), InvalidGraph> {
        let name = |task: usize| Arc::clone(&nodes[task].name);
        if let Some(task) = self.asked.iter().position(|asked| *asked > MOST_CONDITIONS) {
            return Err(InvalidGraph::TooManyConditions(name(task)));
        }
        let mut pairs: Vec<_> = self
            .edges
            .iter()
            .map(|(edge, _)| (edge.to, edge.from))
            .collect();
        pairs.sort_unstable();
        match pairs.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(InvalidGraph::DependsTwice {
                task: name(pair[0].0),
                on: name(pair[0].1),
            }),
        }
    }
}
