//! Plans: what cannot be done is refused, the rest becomes words for the machine.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::slip::Subtask;
use crate::coordination::graph::DEPENDENCIES_A_TASK;
use crate::coordination::graph::shape::{Edge, Shape};
use crate::coordination::protocol::Fact;
use crate::coordination::task::{BoardError, Criterion, InvalidTask, TaskBoard, TaskRecord};

/// A plan that cannot be carried out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// One of its records makes no task.
    Task(InvalidTask),
    /// Two tasks have this name.
    DuplicateTask(String),
    /// A task depends on one that is not in the plan.
    UnknownDependency {
        /// Which depends.
        task: String,
        /// On what.
        on: String,
    },
    /// A task depends on another twice.
    DependsTwice {
        /// Which depends.
        task: String,
        /// On what.
        on: String,
    },
    /// Tasks that wait for each other, in their order; the first comes again as
    /// the last.
    Circle(Vec<String>),
    /// A criterion by a name that the hub does not know.
    UnknownCriterion {
        /// Whose.
        task: String,
        /// Its name.
        criterion: String,
    },
    /// There are more tasks than there may be.
    TooManyTasks {
        /// So many there are.
        tasks: usize,
        /// So many there may be.
        at_most: usize,
    },
    /// There are more dependencies than there may be: ten for each task.
    TooManyDependencies(usize),
}

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(why) => why.fmt(f),
            Self::DuplicateTask(task) => {
                write!(
                    f,
                    "two tasks are named {task:?}, give each a name of its own"
                )
            }
            Self::UnknownDependency { task, on } => {
                write!(
                    f,
                    "task {task:?} depends on {on:?}, which is not in the plan"
                )
            }
            Self::DependsTwice { task, on } => {
                write!(f, "task {task:?} depends on {on:?} twice, say it once")
            }
            Self::Circle(tasks) => {
                write!(f, "tasks wait for each other: {}", tasks.join(" -> "))
            }
            Self::UnknownCriterion { task, criterion } => write!(
                f,
                "task {task:?} has the criterion {criterion:?}, add it to the hub"
            ),
            Self::TooManyTasks { tasks, at_most } => write!(
                f,
                "the plan has {tasks} tasks where {at_most} may be, plan fewer or allow more"
            ),
            Self::TooManyDependencies(most) => {
                write!(f, "the plan has more than {most} dependencies, plan fewer")
            }
        }
    }
}

impl Error for InvalidPlan {}

/// Why a plan is not carried out.
pub(super) enum Refused {
    Invalid(InvalidPlan),
    Board(BoardError),
}

/// What is told to the machine, and of what task where it begins one.
pub(super) struct Word<Q, A> {
    pub(super) fact: Fact,
    pub(super) task: Option<Arc<Subtask<Q, A>>>,
}

/// What a plan may be.
pub(super) struct Scope<'a> {
    pub(super) at_most: usize,
    pub(super) knows: &'a dyn Fn(&str) -> bool,
}

/// Enters the tasks of a plan on the board, all or none. The words have each task
/// after those that it depends on.
pub(super) fn words<Q, A>(
    records: Vec<TaskRecord<Q>>,
    scope: &Scope<'_>,
    board: &TaskBoard<Q, A>,
) -> Result<Vec<Word<Q, A>>, Refused> {
    let (shape, dependencies) = check(&records, scope).map_err(Refused::Invalid)?;
    let records: Vec<_> = records.into_iter().map(Arc::new).collect();
    let ids = board.enter_all(&records).map_err(Refused::Board)?;
    let mut numbers = vec![0; records.len()];
    let mut words = Vec::new();
    for (number, at) in (0_u32..).zip(shape.in_order()) {
        numbers[at] = number;
        let record = Arc::clone(&records[at]);
        let limit = record.deadline;
        words.push(Word {
            fact: Fact::Nothing,
            task: Some(Arc::new(Subtask::new(ids[at], record, board.clone()))),
        });
        let on = dependencies[at].iter().map(|on| Fact::Choice(numbers[*on]));
        let limit = limit.map(|limit| Fact::Number(limit.as_secs_f64()));
        words.extend(on.chain(limit).map(|fact| Word { fact, task: None }));
    }
    Ok(words)
}

/// The shape of a plan, and of each task the dependencies in its order.
type Checked = (Shape, Vec<Vec<usize>>);

fn check<Q>(records: &[TaskRecord<Q>], scope: &Scope<'_>) -> Result<Checked, InvalidPlan> {
    if records.len() > scope.at_most {
        return Err(InvalidPlan::TooManyTasks {
            tasks: records.len(),
            at_most: scope.at_most,
        });
    }
    let count = records
        .iter()
        .map(|task| task.dependencies.len())
        .sum::<usize>();
    let most = scope.at_most.saturating_mul(DEPENDENCIES_A_TASK);
    if count > most {
        return Err(InvalidPlan::TooManyDependencies(most));
    }
    let mut names = HashMap::new();
    for (at, task) in records.iter().enumerate() {
        task.validate().map_err(InvalidPlan::Task)?;
        if names.insert(task.name.as_str(), at).is_some() {
            return Err(InvalidPlan::DuplicateTask(task.name.clone()));
        }
    }
    let mut dependencies = Vec::new();
    for task in records {
        known_criteria(task, scope)?;
        let mut said = HashSet::new();
        let mut before = Vec::new();
        for on in &task.dependencies {
            let (name, other) = (|| task.name.clone(), || on.clone());
            let unknown = || InvalidPlan::UnknownDependency {
                task: name(),
                on: other(),
            };
            let from = *names.get(on.as_str()).ok_or_else(unknown)?;
            if !said.insert(from) {
                return Err(InvalidPlan::DependsTwice {
                    task: name(),
                    on: other(),
                });
            }
            before.push(from);
        }
        dependencies.push(before);
    }
    let edge = |to| {
        move |&from: &usize| Edge {
            from,
            to,
            when: None,
        }
    };
    let edges = dependencies.iter().enumerate();
    let edges = edges.flat_map(|(to, before)| before.iter().map(edge(to)));
    let shape = Shape::new(vec![1; records.len()], edges.collect());
    if let Some(circle) = shape.circle() {
        let name = |at: usize| records[at].name.clone();
        return Err(InvalidPlan::Circle(circle.into_iter().map(name).collect()));
    }
    Ok((shape, dependencies))
}

fn known_criteria<Q>(task: &TaskRecord<Q>, scope: &Scope<'_>) -> Result<(), InvalidPlan> {
    let unknown = task.success_criteria.iter().find_map(|it| match it {
        Criterion::Named(name) if !(scope.knows)(name) => Some(name),
        _ => None,
    });
    match unknown {
        None => Ok(()),
        Some(criterion) => Err(InvalidPlan::UnknownCriterion {
            task: task.name.clone(),
            criterion: criterion.clone(),
        }),
    }
}
