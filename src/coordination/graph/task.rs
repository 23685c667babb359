//! Tasks, what they are given, and branches.

use std::fmt;
use std::sync::Arc;

use super::subtask::{Book, Subtask};
use crate::actor::WorkerRef;

/// A question about an answer.
pub(super) type Predicate<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// What an answer adds.
pub(super) type Split<T> = Arc<dyn Fn(&T) -> Vec<Subtask> + Send + Sync>;

/// What is fed to tasks: an answer, or only who a task is that was added.
pub(super) struct Given<T> {
    pub(super) task: Arc<str>,
    pub(super) answer: Option<Arc<T>>,
    pub(super) split: Option<Split<T>>,
    pub(super) run: Arc<Book<T>>,
}

// By hand: `derive` would ask the answer to be `Clone`.
impl<T> Clone for Given<T> {
    fn clone(&self) -> Self {
        Self {
            task: Arc::clone(&self.task),
            answer: self.answer.clone(),
            split: self.split.clone(),
            run: Arc::clone(&self.run),
        }
    }
}

/// What a [joining](Task::joining) task is given.
pub struct Inputs<T> {
    pub(super) run: Arc<Book<T>>,
    /// In the order of the dependencies.
    pub(super) answers: Vec<(Arc<str>, Arc<T>)>,
}

impl<T> Inputs<T> {
    /// The input of the run.
    #[must_use]
    pub fn input(&self) -> &T {
        &self.run.input
    }

    /// The answer of a dependency; `None` where it is none, or was not taken
    /// because of a condition.
    #[must_use]
    pub fn get(&self, task: &str) -> Option<&T> {
        let mut answers = self.iter();
        answers.find_map(|(name, answer)| (name == task).then_some(answer))
    }

    /// The answers with their tasks, in the order of the dependencies.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> + '_ {
        let answers = self.answers.iter();
        answers.map(|(name, answer)| (&**name, &**answer))
    }

    /// How many answers there are; none for a task without dependencies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

// By hand: answers are not printed.
impl<T> fmt::Debug for Inputs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.answers.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

/// Who does a task.
pub(super) enum Work<T> {
    /// Takes the one answer, or the run's input.
    One(WorkerRef<T, T>),
    Joins(WorkerRef<Inputs<T>, T>),
}

pub(super) struct After<T> {
    pub(super) on: Arc<str>,
    /// In words, and as a question.
    pub(super) when: Option<(Arc<str>, Predicate<T>)>,
}

/// One task of a graph: a worker, and what it depends on.
#[must_use = "a task does nothing until it is part of a graph"]
pub struct Task<T> {
    pub(super) name: Arc<str>,
    pub(super) work: Arc<Work<T>>,
    pub(super) after: Vec<After<T>>,
    pub(super) split: Option<Split<T>>,
    pub(super) weight: u32,
    pub(super) attempts: u32,
}

impl<T: Send + Sync + 'static> Task<T> {
    /// A task whose worker takes the answer of its one dependency, or the run's
    /// input where it has none. Costs one clone of that.
    pub fn new(name: impl Into<Arc<str>>, worker: impl Into<WorkerRef<T, T>>) -> Self
    where
        T: Clone,
    {
        Self::with(name.into(), Work::One(worker.into()))
    }

    /// A task whose worker takes the answers of all its dependencies, by their
    /// names, and the run's input.
    pub fn joining(name: impl Into<Arc<str>>, worker: impl Into<WorkerRef<Inputs<T>, T>>) -> Self {
        Self::with(name.into(), Work::Joins(worker.into()))
    }

    fn with(name: Arc<str>, work: Work<T>) -> Self {
        Self {
            name,
            work: Arc::new(work),
            after: Vec::new(),
            split: None,
            weight: 1,
            attempts: 1,
        }
    }

    /// Runs when this task is done.
    pub fn after(mut self, task: impl Into<Arc<str>>) -> Self {
        self.after.push(After {
            on: task.into(),
            when: None,
        });
        self
    }

    /// As [`Task::after`], where its answer is such. The words are the
    /// condition's name. A condition that panics fails the task that it asks
    /// about.
    pub fn after_if(
        mut self,
        task: impl Into<Arc<str>>,
        condition: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.after.push(After {
            on: task.into(),
            when: Some((condition.into(), Arc::new(holds))),
        });
        self
    }

    /// Its answer adds these tasks to the run. Names that are there, unknown
    /// dependencies, circles and too many tasks fail this task, with
    /// [`InvalidSubtasks`](super::InvalidSubtasks) as the cause; so does a panic.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::coordination::graph::{Subtask, Task, graph};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let system = System::new("demo");
    /// let same = WorkerRef::from_fn("same", |n: u32| async move { Ok(n) });
    /// let halve = WorkerRef::from_fn("halve", |n: u32| async move { Ok(n / 2) });
    /// let plan = Task::new("plan", same).decompose(|parts| {
    ///     let part = |at| Subtask::new(format!("part {at}"), "half").after("plan");
    ///     (0..*parts).map(part).collect()
    /// });
    /// let work = graph("work").task(plan).kind(Task::new("half", halve)).build()?;
    /// let report = work.start(&system).await?.ask(2).await?.value;
    /// assert_eq!(report.answers["part 1"], 1);
    /// assert_eq!(report.answers.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn decompose(mut self, split: impl Fn(&T) -> Vec<Subtask> + Send + Sync + 'static) -> Self {
        self.split = Some(Arc::new(split));
        self
    }

    /// What it weighs: of what is ready, the task with the heaviest way before it
    /// is first. Any unit. Default 1.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Attempts in all on faults that may be gone the next time. Default 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after: Vec<_> = self.after.iter().map(|after| &after.on).collect();
        write!(f, "Task({:?} after {after:?})", self.name)
    }
}

pub(super) struct Arm<T> {
    pub(super) condition: Arc<str>,
    /// `None`: otherwise.
    pub(super) holds: Option<Predicate<T>>,
    pub(super) to: Arc<str>,
}

/// A branch without a default yet. Made by [`branch`].
#[must_use = "a branch says where to go otherwise"]
pub struct Cases<T> {
    on: Arc<str>,
    arms: Vec<Arm<T>>,
}

/// A choice by the answer of a task: exactly one of its targets is taken. Made by
/// [`Cases::otherwise`].
#[must_use = "a branch does nothing until it is part of a graph"]
pub struct Branch<T> {
    pub(super) on: Arc<str>,
    pub(super) arms: Vec<Arm<T>>,
}

/// Chooses what follows this task by its answer.
///
/// ```
/// use callboard::coordination::graph::branch;
///
/// let by_size = branch("read")
///     .when("large", |n: &u32| *n > 50, "store")
///     .when("small", |n| *n > 5, "send")
///     .otherwise("drop");
/// # let _ = by_size;
/// ```
pub fn branch<T>(task: impl Into<Arc<str>>) -> Cases<T> {
    Cases {
        on: task.into(),
        arms: Vec::new(),
    }
}

impl<T> Cases<T> {
    /// Goes on with `target` where the answer is such and no case before took it.
    /// A predicate that panics fails the task that it asks about.
    pub fn when(
        mut self,
        name: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
        target: impl Into<Arc<str>>,
    ) -> Self {
        self.arms.push(Arm {
            condition: name.into(),
            holds: Some(Arc::new(holds)),
            to: target.into(),
        });
        self
    }

    /// Goes on with `target` where no case took the answer.
    pub fn otherwise(mut self, target: impl Into<Arc<str>>) -> Branch<T> {
        self.arms.push(Arm {
            condition: "otherwise".into(),
            holds: None,
            to: target.into(),
        });
        Branch {
            on: self.on,
            arms: self.arms,
        }
    }
}

fn arms<T>(f: &mut fmt::Formatter<'_>, on: &str, arms: &[Arm<T>]) -> fmt::Result {
    let arms: Vec<_> = arms.iter().map(|arm| (&arm.condition, &arm.to)).collect();
    write!(f, "Branch({on:?}: {arms:?})")
}

impl<T> fmt::Debug for Cases<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        arms(f, &self.on, &self.arms)
    }
}

impl<T> fmt::Debug for Branch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        arms(f, &self.on, &self.arms)
    }
}
