//! Tasks that an answer adds, and what a run knows of them.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::shape::{Edge, Shape};
use crate::sync::Mutex;

/// Dependencies that may be added in a run, for each task that may be there.
pub(in crate::coordination) const DEPENDENCIES_A_TASK: usize = 10;

/// A task that an answer adds while the graph runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtask {
    name: Arc<str>,
    kind: Arc<str>,
    after: Vec<Arc<str>>,
}

impl Subtask {
    /// A task of a kind that the graph [knows](super::GraphBuilder::kind).
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, kind: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            after: Vec::new(),
        }
    }

    /// Runs when this task is done: any that is there, or is added with it.
    #[must_use]
    pub fn after(mut self, task: impl Into<Arc<str>>) -> Self {
        self.after.push(task.into());
        self
    }
}

/// Subtasks that cannot be added: the cause of their task's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSubtasks {
    /// There is a task of this name.
    NameTaken(Arc<str>),
    /// The graph has no such kind.
    UnknownKind {
        /// Of which subtask.
        task: Arc<str>,
        /// Which kind.
        kind: Arc<str>,
    },
    /// A subtask depends on one that does not exist.
    UnknownDependency {
        /// Which depends.
        task: Arc<str>,
        /// On what.
        on: Arc<str>,
    },
    /// A subtask depends on another in two ways.
    DependsTwice {
        /// Which depends.
        task: Arc<str>,
        /// On what.
        on: Arc<str>,
    },
    /// Subtasks that wait for each other, in their order; the first comes again
    /// as the last.
    Circle(Vec<Arc<str>>),
    /// This subtask's kind takes one answer, and it has several dependencies.
    SeveralInputs(Arc<str>),
    /// There would be more tasks in all than this.
    TooManyTasks(usize),
    /// The run's subtasks would have more dependencies in all than this.
    TooManyDependencies(usize),
}

impl fmt::Display for InvalidSubtasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken(task) => {
                write!(f, "there is a task {task:?}, give the subtask another name")
            }
            Self::UnknownKind { task, kind } => {
                write!(
                    f,
                    "subtask {task:?} is of kind {kind:?}, which the graph does not know"
                )
            }
            Self::UnknownDependency { task, on } => {
                write!(
                    f,
                    "subtask {task:?} depends on {on:?}, which is no task of the run"
                )
            }
            Self::DependsTwice { task, on } => {
                write!(
                    f,
                    "subtask {task:?} depends on {on:?} in two ways, say it once"
                )
            }
            Self::Circle(tasks) => {
                write!(f, "subtasks wait for each other: {}", tasks.join(" -> "))
            }
            Self::SeveralInputs(task) => write!(
                f,
                "subtask {task:?} takes one answer and has several dependencies, make its kind a joining one"
            ),
            Self::TooManyTasks(most) => {
                write!(
                    f,
                    "there would be more than {most} tasks, allow more or add fewer"
                )
            }
            Self::TooManyDependencies(most) => {
                write!(
                    f,
                    "subtasks would have more than {most} dependencies, add fewer"
                )
            }
        }
    }
}

impl Error for InvalidSubtasks {}

/// What all runs of a graph know before any subtask is added.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) names: HashMap<Arc<str>, usize>,
    /// With how many dependencies there may be.
    pub(super) kinds: HashMap<Arc<str>, (u32, usize)>,
    pub(super) at_most: usize,
}

#[derive(Default)]
struct Added {
    names: HashMap<Arc<str>, usize>,
    order: Vec<Arc<str>>,
    dependencies: usize,
}

/// One run: its input, and the tasks that were added in it.
pub(super) struct Book<T> {
    pub(super) input: T,
    table: Arc<Table>,
    added: Mutex<Added>,
}

/// What is told to the machine of a subtask, see there.
pub(super) enum Word {
    Task(u32, Arc<str>),
    On(usize),
}

impl Word {
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::Task(kind, _) => kind * 2,
            Self::On(task) => u32::try_from(task * 2 + 1).unwrap_or(u32::MAX),
        }
    }
}

impl<T> Book<T> {
    pub(super) fn new(input: T, table: Arc<Table>) -> Self {
        Self {
            input,
            table,
            added: Mutex::new(Added::default()),
        }
    }

    /// The names of the tasks that were added, in their order.
    pub(super) fn added(&self) -> Vec<Arc<str>> {
        self.added.lock().order.clone()
    }

    /// Adds all of them, or none. They are numbered so that each comes after
    /// those it depends on.
    pub(super) fn add(&self, subtasks: &[Subtask]) -> Result<Vec<Word>, InvalidSubtasks> {
        let mut added = self.added.lock();
        let base = self.table.names.len() + added.order.len();
        if base + subtasks.len() > self.table.at_most {
            return Err(InvalidSubtasks::TooManyTasks(self.table.at_most));
        }
        let dependencies = subtasks.iter().map(|task| task.after.len()).sum::<usize>();
        let most = self.table.at_most.saturating_mul(DEPENDENCIES_A_TASK);
        if added.dependencies + dependencies > most {
            return Err(InvalidSubtasks::TooManyDependencies(most));
        }
        let is_there = |name| {
            let known = self.table.names.get(name);
            known.or_else(|| added.names.get(name)).copied()
        };
        let mut batch: HashMap<&str, usize> = HashMap::new();
        for (at, task) in subtasks.iter().enumerate() {
            if is_there(&*task.name).is_some() || batch.insert(&task.name, at).is_some() {
                return Err(InvalidSubtasks::NameTaken(Arc::clone(&task.name)));
            }
        }
        let mut edges = Vec::new();
        let mut kinds = Vec::new();
        for (to, task) in subtasks.iter().enumerate() {
            kinds.push(self.kind_of(task)?);
            let mut said = HashSet::new();
            if let Some(on) = task.after.iter().find(|on| !said.insert(&***on)) {
                return Err(InvalidSubtasks::DependsTwice {
                    task: Arc::clone(&task.name),
                    on: Arc::clone(on),
                });
            }
            for on in &task.after {
                match batch.get(&**on) {
                    Some(&from) => edges.push(Edge {
                        from,
                        to,
                        when: None,
                    }),
                    None if is_there(&**on).is_some() => {}
                    None => {
                        return Err(InvalidSubtasks::UnknownDependency {
                            task: Arc::clone(&task.name),
                            on: Arc::clone(on),
                        });
                    }
                }
            }
        }
        let shape = Shape::new(vec![1; subtasks.len()], edges);
        if let Some(circle) = shape.circle() {
            let name = |at: usize| Arc::clone(&subtasks[at].name);
            return Err(InvalidSubtasks::Circle(
                circle.into_iter().map(name).collect(),
            ));
        }
        let mut words = Vec::new();
        for (at, number) in shape.in_order().into_iter().zip(base..) {
            let task = &subtasks[at];
            words.push(Word::Task(kinds[at], Arc::clone(&task.name)));
            let known = |on: &Arc<str>| {
                let known = self.table.names.get(on);
                known.or_else(|| added.names.get(on)).copied()
            };
            words.extend(task.after.iter().filter_map(known).map(Word::On));
            added.names.insert(Arc::clone(&task.name), number);
            added.order.push(Arc::clone(&task.name));
        }
        added.dependencies += dependencies;
        Ok(words)
    }

    fn kind_of(&self, task: &Subtask) -> Result<u32, InvalidSubtasks> {
        match self.table.kinds.get(&task.kind) {
            None => Err(InvalidSubtasks::UnknownKind {
                task: Arc::clone(&task.name),
                kind: Arc::clone(&task.kind),
            }),
            Some((_, takes)) if task.after.len() > *takes => {
                Err(InvalidSubtasks::SeveralInputs(Arc::clone(&task.name)))
            }
            Some((kind, _)) => Ok(*kind),
        }
    }
}
