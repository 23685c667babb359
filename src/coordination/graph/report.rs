//! What a run of a graph came to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::machine::{GraphProtocol, Reason, Standing, TaskState};
use super::plan::Plan;
use super::task::Given;
use crate::actor::Fault;
use crate::coordination::driver::Gathered;

/// Why a task was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Skipped {
    /// It depends on this task, directly or not, which failed.
    Failure(Arc<str>),
    /// No way to it was open: this condition did not hold.
    Condition {
        /// Whose answer was asked about.
        on: Arc<str>,
        /// The condition's name.
        condition: Arc<str>,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(task) => write!(f, "skipped, since {task:?} failed"),
            Self::Condition { on, condition } => {
                write!(f, "skipped, since {on:?} was not {condition:?}")
            }
        }
    }
}

/// A task that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskRun {
    /// Which.
    pub task: Arc<str>,
    /// How often its worker was asked.
    pub attempts: u32,
    /// When its worker was first asked, since the run began.
    pub began: Duration,
    /// When it was over, since the run began.
    pub ended: Duration,
}

/// What a run of a graph came to: each task has an answer, a failure or a reason
/// why it was skipped.
#[derive(Clone)]
#[non_exhaustive]
pub struct GraphReport<T> {
    /// The answers by the tasks' names.
    pub answers: BTreeMap<Arc<str>, T>,
    /// The last faults of tasks that failed for good, by their names.
    pub failures: BTreeMap<Arc<str>, Fault>,
    /// Why tasks did not run, by their names.
    pub skipped: BTreeMap<Arc<str>, Skipped>,
    /// The tasks that ran, in the order in which they began.
    pub order: Vec<TaskRun>,
    /// What the run waited for: of the task that was over last, the dependency
    /// that was over last, and so on, from the first one.
    pub critical_path: Vec<Arc<str>>,
    plan: Arc<Plan>,
}

impl<T: Clone + Send + Sync + 'static> GraphReport<T> {
    pub(super) fn of(gathered: Gathered<'_>, plan: &Arc<Plan>) -> Result<Self, Fault> {
        let machine = gathered.machine.downcast_ref::<GraphProtocol>();
        let machine = machine.ok_or_else(|| Fault::permanent("the graph left no state"))?;
        let mut answers = BTreeMap::new();
        let mut plan = Arc::clone(plan);
        for (_, payload) in gathered.answers {
            let Ok(given) = payload.downcast::<Given<T>>() else {
                continue;
            };
            // Whatever was added, an answer has added it.
            if plan.names.len() < machine.nodes().len() {
                plan = Arc::new(plan.grown(machine.shape(), given.run.added()));
            }
            if let Some(answer) = given.answer {
                answers.insert(given.task, Arc::unwrap_or_clone(answer));
            }
        }
        let plan = &plan;
        // Of a task that was tried again the last one is left.
        let failures = machine.faults().iter().zip(gathered.failures);
        let failures = failures.filter_map(|(&task, (_, fault))| {
            let has_failed = machine.state(task)? == TaskState::Failed;
            has_failed.then(|| (plan.name(task), fault))
        });
        let skipped = machine
            .nodes()
            .iter()
            .enumerate()
            .filter_map(|(task, node)| {
                let reason = match node.standing {
                    Standing::Skipped(reason) => reason,
                    _ => return None,
                };
                Some((plan.name(task), plan.reason(reason)))
            });
        Ok(Self {
            answers,
            failures: failures.collect(),
            skipped: skipped.collect(),
            order: order(machine, plan),
            critical_path: critical_path(machine, plan),
            plan: Arc::clone(plan),
        })
    }
}

impl<T> GraphReport<T> {
    /// The graph as a mermaid flowchart, with each task's state as a class
    /// (`done`, `failed` or `skipped`), and what the run waited for in bold.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let state = |task: &str| {
            if self.answers.contains_key(task) {
                TaskState::Done
            } else if self.failures.contains_key(task) {
                TaskState::Failed
            } else {
                TaskState::Skipped
            }
        };
        self.plan.mermaid_of(state, &self.critical_path)
    }
}

// By hand: answers are not printed.
impl<T> fmt::Debug for GraphReport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphReport")
            .field("done", &self.answers.keys())
            .field("failures", &self.failures)
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

impl Plan {
    fn reason(&self, reason: Reason) -> Skipped {
        match reason {
            Reason::Failure(task) => Skipped::Failure(self.name(task)),
            Reason::Condition(at) => Skipped::Condition {
                on: self.name(self.shape.edge(at).from),
                condition: self.conditions[at].clone().unwrap_or_default(),
            },
        }
    }
}

fn order(machine: &GraphProtocol, plan: &Plan) -> Vec<TaskRun> {
    let mut is_there = vec![false; plan.names.len()];
    let calls = machine.calls().iter();
    let firsts = calls.filter(|&&task| !std::mem::replace(&mut is_there[task], true));
    firsts
        .map(|&task| {
            let node = &machine.nodes()[task];
            TaskRun {
                task: plan.name(task),
                attempts: node.made,
                began: node.began,
                ended: node.ended,
            }
        })
        .collect()
}

fn critical_path(machine: &GraphProtocol, plan: &Plan) -> Vec<Arc<str>> {
    let nodes = machine.nodes();
    let ended = |&task: &usize| nodes[task].ended;
    let ran = (0..nodes.len()).filter(|&task| nodes[task].made > 0);
    let mut next = ran.max_by_key(ended);
    let mut path = Vec::new();
    while let Some(task) = next {
        path.push(task);
        next = machine.fed_by(task).map(|(from, _)| from).max_by_key(ended);
    }
    path.reverse();
    plan.named(path)
}
