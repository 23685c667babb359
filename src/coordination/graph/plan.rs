//! A graph without its workers: names and shape, described and drawn.

use std::fmt;
use std::sync::Arc;

use super::machine::TaskState;
use super::shape::Shape;
use crate::coordination::drawing::escaped;

/// Names and shape.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) shape: Shape,
    pub(super) names: Vec<Arc<str>>,
    /// By the positions of the edges, in words.
    pub(super) conditions: Vec<Option<Arc<str>>>,
    /// By the positions of the tasks.
    pub(super) is_decomposed: Vec<bool>,
}

impl Plan {
    pub(super) fn name(&self, task: usize) -> Arc<str> {
        Arc::clone(&self.names[task])
    }

    pub(super) fn named(&self, tasks: impl IntoIterator<Item = usize>) -> Vec<Arc<str>> {
        tasks.into_iter().map(|task| self.name(task)).collect()
    }

    /// With the tasks that a run added.
    pub(super) fn grown(&self, shape: &Shape, added: Vec<Arc<str>>) -> Self {
        let mut conditions = self.conditions.clone();
        conditions.resize(shape.edges(), None);
        let mut is_decomposed = self.is_decomposed.clone();
        is_decomposed.resize(shape.len(), false);
        Self {
            shape: shape.clone(),
            names: self.names.iter().cloned().chain(added).collect(),
            conditions,
            is_decomposed,
        }
    }

    pub(super) fn describe(&self) -> Description {
        let levels = self.shape.levels().into_iter();
        let alone = |&task: &usize| self.shape.dependencies(task) == 0 && !self.is_decomposed[task];
        Description {
            levels: levels.map(|tasks| self.named(tasks)).collect(),
            atomic: self.named((0..self.shape.len()).filter(alone)),
            critical_path: self.named(self.shape.critical_path()),
            weight: self.shape.weight(),
        }
    }

    /// The graph as a flowchart.
    pub(super) fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n");
        for (task, name) in self.names.iter().enumerate() {
            text += &format!("    t{task}[\"{}\"]\n", escaped(name));
        }
        for (at, condition) in self.conditions.iter().enumerate() {
            let edge = self.shape.edge(at);
            let words = condition.as_ref();
            let words = words.map(|words| format!("|\"{}\"|", escaped(words)));
            let words = words.unwrap_or_default();
            text += &format!("    t{} -->{words} t{}\n", edge.from, edge.to);
        }
        text
    }

    /// As [`Plan::mermaid`], with each task's state as a class, and this way bold.
    pub(super) fn mermaid_of(&self, state: impl Fn(&str) -> TaskState, way: &[Arc<str>]) -> String {
        let mut text = self.mermaid();
        for (task, name) in self.names.iter().enumerate() {
            text += &format!("    class t{task} {}\n", class(state(name)));
            if way.contains(name) {
                text += &format!("    class t{task} critical\n");
            }
        }
        for at in 0..self.conditions.len() {
            let edge = self.shape.edge(at);
            let ends = [self.name(edge.from), self.name(edge.to)];
            if way.windows(2).any(|step| step == ends) {
                text += &format!("    linkStyle {at} stroke-width:4px\n");
            }
        }
        text + CLASSES
    }
}

const CLASSES: &str = "    classDef waiting fill:#eee\n    \
                       classDef running fill:#ffc\n    \
                       classDef done fill:#cfc\n    \
                       classDef failed fill:#fcc\n    \
                       classDef skipped stroke-dasharray:4\n    \
                       classDef critical stroke-width:4px\n";

fn class(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::UnderWay => "running",
        TaskState::Done => "done",
        TaskState::Failed => "failed",
        TaskState::Skipped => "skipped",
    }
}

/// What a graph is, before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// What can run side by side: all that the tasks of a level depend on is in
    /// the levels before.
    pub levels: Vec<Vec<Arc<str>>>,
    /// Tasks that need nothing but the run's input, and add no others.
    pub atomic: Vec<Arc<str>>,
    /// The heaviest way through the graph.
    pub critical_path: Vec<Arc<str>>,
    /// The weight of all tasks.
    pub weight: u64,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, tasks) in self.levels.iter().enumerate() {
            writeln!(f, "level {at}: {}", tasks.join(", "))?;
        }
        writeln!(f, "atomic: {}", self.atomic.join(", "))?;
        writeln!(f, "critical path: {}", self.critical_path.join(" -> "))?;
        write!(f, "weight: {}", self.weight)
    }
}
