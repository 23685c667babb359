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
//! *What does a condition cost?* It is asked once for each answer, on the driver's
//! task; its panic fails the task that it asks about
//! (`d9_a_condition_that_panics_fails_its_task`).
//!
//! *What is bounded?* Tasks under way, attempts, runs at once, and time by the
//! asker's deadline. All answers are kept until the run is over.
//!
//! *What is copied?* The run's input for each task without dependencies, and the
//! answer for each [`Task::new`]; joining tasks share.

mod build;
mod machine;
mod plan;
mod report;
mod shape;
mod task;
#[cfg(test)]
mod tests;

pub use build::{GraphBuilder, InvalidGraph, graph};
pub use machine::{GraphProtocol, OnFailure, TaskRules, TaskState};
pub use plan::Description;
pub use report::{GraphReport, Skipped, TaskRun};
pub use task::{Branch, Cases, Inputs, Task, branch};

use std::fmt;
use std::sync::Arc;

use self::build::Question;
use self::plan::Plan;
use self::task::{Given, Work};
use super::driver::{Act, Answer, Fed, Kept, Outcome, Payload, Score, Seat, copy_of};
use super::pattern::{calls_for, start};
use super::protocol::Fact;
use crate::actor::{Fault, System, WorkerRef};
use crate::supervision::StartError;

/// One task of a built graph.
struct Node<T> {
    name: Arc<str>,
    work: Arc<Work<T>>,
    questions: Vec<Arc<Question<T>>>,
    weight: u32,
    attempts: u32,
}

/// A graph that was checked. Made by [`GraphBuilder::build`].
#[must_use = "a graph does nothing until it is started"]
pub struct Graph<T> {
    name: Arc<str>,
    nodes: Vec<Node<T>>,
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
}

impl<T: Clone + Send + Sync + 'static> Graph<T> {
    /// Starts it; the result is a worker.
    ///
    /// # Errors
    ///
    /// What [`System::spawn`] says.
    pub async fn start(&self, system: &System) -> Result<WorkerRef<T, GraphReport<T>>, StartError> {
        let plan = Arc::clone(&self.plan);
        let attempts = self.nodes.iter().map(|node| node.attempts);
        let most = attempts.clone().map(|attempts| attempts as usize);
        let calls = calls_for(most.fold(0, usize::saturating_add));
        let shape = plan.shape.clone();
        let score = Score {
            machine: GraphProtocol::of(shape, attempts, self.concurrency, self.on_failure),
            seats: (0..self.nodes.len()).map(|task| self.seat(task)).collect(),
            conclude: Arc::new(move |gathered| GraphReport::of(gathered, &plan)),
            on_error: None,
            limit: self.requests,
            calls,
        };
        start(system, Arc::clone(&self.name), score).await
    }

    fn seat(&self, task: usize) -> Seat {
        let node = &self.nodes[task];
        let desk = Arc::new(Desk {
            name: Arc::clone(&node.name),
            work: Arc::clone(&node.work),
            questions: node.questions.clone(),
        });
        let has_dependencies = self.plan.shape.dependencies(task) > 0;
        Seat {
            name: Arc::clone(&node.name),
            act: Act::Asks(Box::new(move |fed| {
                let desk = Arc::clone(&desk);
                Box::pin(async move { Outcome::Answered(desk.ask(fed).await) })
            })),
            copy: Some(if has_dependencies {
                copy_of::<Given<T>>
            } else {
                copy_of::<T>
            }),
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

/// Where a task's worker is asked.
struct Desk<T> {
    name: Arc<str>,
    work: Arc<Work<T>>,
    questions: Vec<Arc<Question<T>>>,
}

impl<T: Clone + Send + Sync + 'static> Desk<T> {
    async fn ask(&self, fed: Fed) -> Result<Answer, Fault> {
        let inputs = inputs::<T>(fed)?;
        let input = Arc::clone(&inputs.input);
        let served = match &*self.work {
            Work::Joins(worker) => worker.ask(inputs).await,
            Work::One(worker) => {
                let only = inputs.answers.into_iter().next();
                let only = only.map_or(inputs.input, |given| given.answer);
                worker.ask(T::clone(&only)).await
            }
        }?;
        let holds = self.questions.iter().map(|it| it.ask(&served.value));
        let fact = match self.questions.is_empty() {
            true => Fact::Nothing,
            false => Fact::Choice(holds.fold(0, |all, more| all | more)),
        };
        let given = Given {
            task: Arc::clone(&self.name),
            answer: Arc::new(served.value),
            input,
        };
        Ok(Answer {
            kept: Kept::One(Box::new(given)),
            fact,
            metadata: served.metadata,
        })
    }
}

fn inputs<T: Send + Sync + 'static>(fed: Fed) -> Result<Inputs<T>, Fault> {
    let wrong = || Fault::permanent("a task was given what no task gives");
    match fed {
        Fed::One(input) => Ok(Inputs {
            input: Arc::new(*input.downcast::<T>().map_err(|_| wrong())?),
            answers: Vec::new(),
        }),
        Fed::Many(answers) => {
            let given = |answer: Payload| Some(*answer.downcast::<Given<T>>().ok()?);
            let answers: Option<Vec<_>> = answers.into_iter().map(given).collect();
            let answers = answers.filter(|answers| !answers.is_empty());
            let answers = answers.ok_or_else(wrong)?;
            Ok(Inputs {
                input: Arc::clone(&answers[0].input),
                answers,
            })
        }
    }
}
