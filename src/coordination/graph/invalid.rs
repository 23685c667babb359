//! Graphs that cannot be built.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::wiring::MOST_CONDITIONS;

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
