//! What became of the tasks, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use callboard::coordination::graph::TaskState;
use serde::Serialize;

use crate::board::{Entry, State};
use crate::plan::{Plan, Step};

/// A run. All of it is in the JSON but the drawing.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// By their names.
    pub(crate) tasks: Vec<TaskReport>,
    pub(crate) counts: Counts,
    /// From the first task's begin to the end of the run.
    pub(crate) seconds: f64,
    /// The way through the graph that took longest, by measured times.
    pub(crate) critical_path: Vec<String>,
    /// What its tasks took: with any number of jobs, no run is faster.
    pub(crate) critical_seconds: f64,
    /// What all tasks took, added up: one job needs at least as long.
    pub(crate) sequential_seconds: f64,
    pub(crate) interrupted: bool,
    /// Runners that were started again.
    pub(crate) restarts: u64,
    /// Whether every task, and every message between actors, is accounted for.
    pub(crate) conserved: bool,
    /// The graph with what became of its tasks.
    #[serde(skip)]
    pub(crate) mermaid: String,
}

/// One task.
#[derive(Debug, Serialize)]
pub(crate) struct TaskReport {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// How often its command was started.
    pub(crate) attempts: u32,
    /// From its first begin to its last end.
    pub(crate) seconds: f64,
    /// Why it is not done.
    pub(crate) reason: Option<String>,
    /// The end of what it said, where it failed.
    pub(crate) output: Option<String>,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done,
    Failed,
    /// It was under way when the run ended, and was killed.
    Stopped,
    /// It was never begun.
    Skipped,
}

/// How many tasks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) tasks: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    pub(crate) stopped: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    fn of(plan: &Plan, tasks: &[TaskReport]) -> Self {
        let count = |outcome| tasks.iter().filter(|task| task.outcome == outcome).count();
        Self {
            tasks: plan.steps.len(),
            done: count(Outcome::Done),
            failed: count(Outcome::Failed),
            stopped: count(Outcome::Stopped),
            skipped: count(Outcome::Skipped),
        }
    }

    fn add_up(&self) -> bool {
        self.tasks == self.done + self.failed + self.stopped + self.skipped
    }
}

impl Report {
    pub(crate) fn new(
        plan: &Plan,
        entries: &BTreeMap<Arc<str>, Entry>,
        seconds: f64,
        interrupted: bool,
    ) -> Self {
        let mut failed = entries.iter().filter(|(_, it)| it.state == State::Failed);
        let cut = match failed.next() {
            Some((first, _)) if !interrupted => format!("the run ended when {first} failed"),
            _ => "the run was interrupted".to_owned(),
        };
        let tasks: Vec<_> = plan
            .steps
            .iter()
            .map(|step| task(plan, step, entries, &cut))
            .collect();
        let seconds_of: BTreeMap<&str, f64> = tasks
            .iter()
            .map(|task| (&*task.name, task.seconds))
            .collect();
        let mut critical_path = plan.longest(|task| (seconds_of[task] * 1e3).ceil() as u64);
        // What took no time since it did not run is on no path.
        critical_path.retain(|task| seconds_of[&**task] > 0.0);
        let outcomes: BTreeMap<&str, Outcome> = tasks
            .iter()
            .map(|task| (&*task.name, task.outcome))
            .collect();
        let state = |task: &str| match outcomes[task] {
            Outcome::Done => TaskState::Done,
            Outcome::Failed | Outcome::Stopped => TaskState::Failed,
            Outcome::Skipped => TaskState::Skipped,
        };
        let counts = Counts::of(plan, &tasks);
        Self {
            counts,
            seconds,
            critical_seconds: critical_path.iter().map(|task| seconds_of[&**task]).sum(),
            sequential_seconds: seconds_of.values().sum(),
            interrupted,
            restarts: 0,
            conserved: counts.add_up(),
            mermaid: plan.shape.mermaid_of(state, &critical_path),
            critical_path: owned(&critical_path),
            tasks,
        }
    }

    /// Adds what is known of the actors.
    pub(crate) fn of_system(mut self, restarts: u64, is_conserved: bool) -> Self {
        self.restarts = restarts;
        self.conserved &= is_conserved;
        self
    }

    /// Whether all is done that was to be.
    pub(crate) fn is_complete(&self) -> bool {
        self.conserved && self.counts.done == self.counts.tasks
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        // Numbers, names and texts: there is nothing in it that JSON has not.
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn task(plan: &Plan, step: &Step, entries: &BTreeMap<Arc<str>, Entry>, cut: &str) -> TaskReport {
    let name = Arc::clone(&step.name);
    let Some(entry) = entries.get(&name) else {
        let reason = match failed_need(plan, step, entries) {
            Some(need) => format!("needs {need}, which failed"),
            None => cut.to_owned(),
        };
        return TaskReport {
            name: name.to_string(),
            outcome: Outcome::Skipped,
            attempts: 0,
            seconds: 0.0,
            reason: Some(reason),
            output: None,
        };
    };
    let (outcome, reason) = match entry.state {
        State::Done => (Outcome::Done, None),
        State::Failed => (Outcome::Failed, Some(entry.reason.clone())),
        State::Running => (Outcome::Stopped, Some(format!("killed, since {cut}"))),
    };
    let took = entry.ended.map(|ended| ended - entry.began);
    TaskReport {
        name: name.to_string(),
        outcome,
        attempts: entry.attempts,
        seconds: took.unwrap_or_default().as_secs_f64(),
        reason,
        output: (outcome == Outcome::Failed).then(|| entry.said.clone()),
    }
}

/// Names as they are written down.
pub(crate) fn owned(names: &[Arc<str>]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// What a task needs, directly or not, and failed.
fn failed_need(plan: &Plan, step: &Step, entries: &BTreeMap<Arc<str>, Entry>) -> Option<Arc<str>> {
    let has_failed = |need: &Arc<str>| {
        let entry = entries.get(need);
        entry.is_some_and(|entry| entry.state == State::Failed)
    };
    let mut seen: Vec<&Arc<str>> = Vec::new();
    let mut left: Vec<&Arc<str>> = step.needs.iter().collect();
    while let Some(need) = left.pop() {
        if has_failed(need) {
            return Some(Arc::clone(need));
        }
        if !seen.contains(&need) {
            seen.push(need);
            let of_need = plan.steps.iter().find(|step| step.name == *need);
            left.extend(of_need.iter().flat_map(|step| &step.needs));
        }
    }
    None
}
