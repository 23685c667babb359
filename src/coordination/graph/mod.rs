//! The task graph: what does not depend on each other runs side by side.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::graph::{Inputs, Skipped, Task, branch, graph};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let double = WorkerRef::from_fn("double", |n: u32| async move { Ok(n * 2) });
//! let sum = WorkerRef::from_fn("sum", |inputs: Inputs<u32>| async move {
//!     Ok(inputs.iter().map(|(_, n)| n).sum::<u32>() + inputs.input())
//! });
//!
//! let plan = graph("plan")
//!     .task(Task::new("fetch", double.clone()))
//!     .task(Task::new("parse", double.clone()).after("fetch").weight(3))
//!     .task(Task::new("index", double.clone()).after("fetch"))
//!     .task(Task::joining("merge", sum).after("parse").after("index"))
//!     .task(Task::new("publish", double.clone()))
//!     .task(Task::new("review", double))
//!     .branch(branch("merge").when("small", |n| *n < 100, "publish").otherwise("review"))
//!     .build()?;
//! assert_eq!(plan.critical_path().join(" -> "), "fetch -> parse -> merge -> publish");
//!
//! let plan = plan.start(&system).await?;
//! let report = plan.ask(1).await?.value;
//! assert_eq!(report.answers["merge"], 4 + 4 + 1);
//! assert_eq!(report.answers["publish"], 18);
//! let why = Skipped::Condition { on: "merge".into(), condition: "otherwise".into() };
//! assert_eq!(report.skipped["review"], why);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What is a task given?* The run's input where it depends on nothing, the answer
//! of the one that it depends on, or with [`Task::joining`] all answers by name and
//! the run's input (`d6_a_diamond_joins_what_its_sides_gave`).
//!
//! *In which order do they run?* Each after all that it depends on
//! (`whatever_fails_every_task_ends_once_and_after_its_dependencies`). Of what is
//! ready, the task with the heaviest way before it is first, at most
//! [`concurrency`](GraphBuilder::concurrency) at once
//! (`d6_the_heaviest_way_is_gone_first`).
//!
//! *What is refused?* Circles, with their path, and names that do not exist or are
//! there twice: see [`InvalidGraph`] (`d6_what_cannot_run_is_refused_when_built`).
//!
//! *What happens when a task fails?* It is tried again on faults that may be gone
//! the next time, as often as it says. Then the run stops, and calls under way are
//! cancelled, or it goes on without what depends on it: see [`OnFailure`]
//! (`d6_a_failure_stops_the_run_and_cancels_the_others`,
//! `d6_what_does_not_depend_on_a_failure_goes_on`).
//!
//! *When is a task skipped?* When one that it depends on has failed, or when none
//! of its ways is open: each has a condition that does not hold, or comes from a
//! task that was skipped. One open way is enough, so tasks behind a branch can be
//! joined again (`d9_a_join_behind_a_branch_takes_the_way_that_was_taken`).
//!
//! *Can tasks be added while it runs?* The answer of a task may be
//! [decomposed](Task::decompose) into further ones, of kinds that the graph knows,
//! up to [a bound](GraphBuilder::at_most); the run is over when those are
//! (`d6_an_answer_adds_tasks_while_the_graph_runs`). What cannot be added fails the
//! task that wanted it (`d6_what_cannot_be_added_fails_its_task`). Each answer that
//! adds anything costs a look at the whole graph.
//!
//! *What does a condition cost?* It is asked once for each answer, on the driver's
//! task; its panic fails the task that it asks about
//! (`d9_a_condition_that_panics_fails_its_task`).
//!
//! *Can it be drawn?* [`Graph::mermaid`] draws the plan, [`GraphReport::mermaid`]
//! what became of it, with what the run waited for in bold
//! (`d6_the_way_that_the_run_waited_for_is_drawn_in_bold`), and
//! [`Graph::mermaid_of`] a run that is not over or was stopped.
//!
//! *What is bounded?* Tasks under way, attempts, runs at once, and time by the
//! asker's deadline. All answers are kept until the run is over.
//!
//! *What is copied?* The input or answer for each [`Task::new`]; joining tasks
//! share.

mod build;
mod desk;
mod invalid;
mod machine;
mod plan;
mod report;
pub(in crate::coordination) mod shape;
mod subtask;
mod task;
#[cfg(test)]
mod tests;
mod wiring;

pub use build::{GraphBuilder, graph};
pub use invalid::InvalidGraph;
pub use machine::{GraphProtocol, OnFailure, TaskRules, TaskState};
pub use plan::Description;
pub use report::{GraphReport, Skipped, TaskRun};
pub(in crate::coordination) use subtask::DEPENDENCIES_A_TASK;
pub use subtask::{InvalidSubtasks, Subtask};
pub use task::{Branch, Cases, Inputs, Task, branch};

use std::fmt;
use std::sync::Arc;

use self::desk::{Desk, Entry, reader, splitter};
use self::plan::Plan;
use self::subtask::{Book, Table};
use self::task::{Given, Split, Work};
use self::wiring::Question;
use super::driver::{Act, Kinds, Outcome, Score, Seat, copy_of};
use super::pattern::{calls_for, start};
use crate::actor::{System, WorkerRef};
use crate::supervision::StartError;

/// One task of a built graph.
struct Node<T> {
    name: Arc<str>,
    work: Arc<Work<T>>,
    split: Option<Split<T>>,
    questions: Vec<Arc<Question<T>>>,
    weight: u32,
    attempts: u32,
}

/// A graph that was checked. Made by [`GraphBuilder::build`].
#[must_use = "a graph does nothing until it is started"]
pub struct Graph<T> {
    name: Arc<str>,
    nodes: Vec<Node<T>>,
    kinds: Vec<Node<T>>,
    table: Arc<Table>,
    plan: Arc<Plan>,
    concurrency: usize,
    requests: usize,
    on_failure: OnFailure,
}

impl<T> Graph<T> {
    /// The heaviest way through the graph, from its first task.
    #[must_use]
    pub fn critical_path(&self) -> Vec<Arc<str>> {
        self.plan.named(self.plan.shape.critical_path())
    }

    /// The weight of all tasks.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.plan.shape.weight()
    }

    /// What can run side by side, what needs nothing else, and what it weighs.
    #[must_use]
    pub fn describe(&self) -> Description {
        self.plan.describe()
    }

    /// The graph as a mermaid flowchart, with conditions at the edges.
    #[must_use]
    pub fn mermaid(&self) -> String {
        self.plan.mermaid()
    }

    /// As [`Graph::mermaid`], with the state of each task as its class
    /// (`waiting`, `running`, `done`, `failed` or `skipped`), and this way through
    /// the graph in bold: for runs of which there is no [`GraphReport`], since they
    /// are not over, or were stopped.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::coordination::graph::{Task, TaskState, graph};
    ///
    /// let same = || WorkerRef::from_fn("same", |n: u32| async move { Ok(n) });
    /// let plan = graph("plan")
    ///     .task(Task::new("a", same()))
    ///     .task(Task::new("b", same()).after("a"))
    ///     .build()?;
    /// let state = |task: &str| if task == "a" { TaskState::Done } else { TaskState::UnderWay };
    /// let drawn = plan.mermaid_of(state, &plan.critical_path());
    /// assert!(drawn.contains("class t0 done\n") && drawn.contains("class t1 running\n"));
    /// assert!(drawn.contains("linkStyle 0 stroke-width:4px\n"));
    /// # Ok::<(), callboard::coordination::graph::InvalidGraph>(())
    /// ```
    #[must_use]
    pub fn mermaid_of(&self, state: impl Fn(&str) -> TaskState, way: &[Arc<str>]) -> String {
        self.plan.mermaid_of(state, way)
    }
}

impl<T: Clone + Send + Sync + 'static> Graph<T> {
    /// Starts it; the result is a worker.
    ///
    /// # Errors
    ///
    /// What [`System::spawn`] says.
    pub async fn start(&self, system: &System) -> Result<WorkerRef<T, GraphReport<T>>, StartError> {
        let plan = Arc::clone(&self.plan);
        let rules = |nodes: &[Node<T>]| nodes.iter().map(Node::rules).collect::<Vec<_>>();
        let (shape, tasks) = (plan.shape.clone(), rules(&self.nodes));
        let machine = GraphProtocol::of(shape, &tasks, self.concurrency, self.on_failure);
        let tasks = self.nodes.iter().enumerate().map(|(task, node)| {
            let is_root = self.plan.shape.dependencies(task) == 0;
            let copy = if is_root {
                copy_of::<Arc<Book<T>>>
            } else {
                copy_of::<Given<T>>
            };
            Seat {
                copy: Some(copy),
                ..node.seat()
            }
        });
        let kinds = self.kinds.iter().map(Node::seat);
        let seats = tasks.chain(kinds).chain([splitter::<T>(), reader::<T>()]);
        let score = Score {
            machine: machine.kinds(rules(&self.kinds), self.table.at_most),
            seats: seats.collect(),
            conclude: Arc::new(move |gathered| GraphReport::of(gathered, &plan)),
            on_error: None,
            limit: self.requests,
            calls: calls_for(self.most_calls()),
        };
        let runs = start(system, Arc::clone(&self.name), score).await?;
        let table = Arc::clone(&self.table);
        Ok(WorkerRef::new(Entry { runs, table }))
    }

    fn most_calls(&self) -> usize {
        let declared = self.nodes.iter().map(|node| node.attempts as usize);
        let declared = declared.fold(0, usize::saturating_add);
        let Some(attempts) = self.kinds.iter().map(|kind| kind.attempts as usize).max() else {
            return declared;
        };
        // Its attempts, its word, those of its dependencies, and a split.
        let each = attempts.saturating_add(2 + subtask::DEPENDENCIES_A_TASK);
        declared.saturating_add(self.table.at_most.saturating_mul(each))
    }
}

impl<T: Clone + Send + Sync + 'static> Node<T> {
    fn rules(&self) -> TaskRules {
        let rules = TaskRules::new().weight(self.weight).attempts(self.attempts);
        match self.split {
            Some(_) => rules.decomposed(),
            None => rules,
        }
    }

    fn seat(&self) -> Seat {
        let desk = Arc::new(Desk::of(self));
        Seat {
            name: Arc::clone(&self.name),
            act: Act::Asks(Box::new(move |fed| {
                let desk = Arc::clone(&desk);
                Box::pin(async move { Outcome::Answered(desk.ask(fed).await) })
            })),
            copy: Some(copy_of::<Given<T>>),
            kinds: Kinds::of::<Given<T>, Given<T>>(),
        }
    }
}

impl<T> fmt::Debug for Graph<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("name", &self.name)
            .field("tasks", &self.plan.names)
            .finish_non_exhaustive()
    }
}
