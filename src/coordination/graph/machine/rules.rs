//! What whoever builds a graph tells the machine, and what it tells of a task.

use serde::{Deserialize, Serialize};

/// What happens to the others when a task has failed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OnFailure {
    /// The run fails with its fault, and calls under way are cancelled. The
    /// default.
    #[default]
    Stop,
    /// What depends on it is skipped; the rest goes on.
    GoOn,
}

/// What the machine knows of one task: on which others it depends, by their
/// positions, its weight and its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskRules {
    pub(super) after: Vec<(usize, Option<u32>)>,
    pub(super) weight: u32,
    pub(super) attempts: u32,
    pub(super) is_decomposed: bool,
}

impl Default for TaskRules {
    fn default() -> Self {
        Self::new()
    }
}

impl TaskRules {
    /// Without dependencies, of weight 1, with one attempt.
    #[must_use]
    pub fn new() -> Self {
        Self {
            after: Vec::new(),
            weight: 1,
            attempts: 1,
            is_decomposed: false,
        }
    }

    /// Its answer may add tasks.
    #[must_use]
    pub fn decomposed(mut self) -> Self {
        self.is_decomposed = true;
        self
    }

    /// Depends on this one.
    #[must_use]
    pub fn after(mut self, task: usize) -> Self {
        self.after.push((task, None));
        self
    }

    /// Depends on this one, where its answer's
    /// [`Fact::Choice`](crate::coordination::Fact::Choice) has any of these bits.
    #[must_use]
    pub fn after_if(mut self, task: usize, bits: u32) -> Self {
        self.after.push((task, Some(bits)));
        self
    }

    /// What it weighs on a path. Default 1.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Attempts on faults that may be gone the next time. Default 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TaskState {
    /// Something that it depends on is not over, or there is no room.
    Waiting,
    /// Its worker was asked.
    UnderWay,
    /// It was answered.
    Done,
    /// It failed for good.
    Failed,
    /// It will not run.
    Skipped,
}
