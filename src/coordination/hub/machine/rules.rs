//! What a hub's machine is told, and where its tasks stand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::Need;
use crate::coordination::protocol::Call;

/// What becomes of a task for which no answer was good enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Shortfall {
    /// It fails. The default.
    #[default]
    Fail,
    /// The best answer counts, if one meets all criteria and is within the budget.
    BestSoFar,
}

/// The bounds of a hub's runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HubRules {
    /// Spokes there are.
    pub spokes: usize,
    /// Attempts at a task in all, each by another spoke. Default 3.
    pub attempts: usize,
    /// Tasks under way at once. Default 10.
    pub concurrency: usize,
    /// How many tasks have to be completed. Default [`Need::All`].
    pub need: Need,
    /// What becomes of a task for which no answer was good enough.
    pub shortfall: Shortfall,
    /// How long one attempt may take. Default as long as the task.
    pub attempt_within: Option<Duration>,
}

impl HubRules {
    /// The defaults, with so many spokes.
    #[must_use]
    pub fn new(spokes: usize) -> Self {
        Self {
            spokes,
            attempts: 3,
            concurrency: 10,
            need: Need::All,
            shortfall: Shortfall::Fail,
            attempt_within: None,
        }
    }

    /// Attempts at a task in all. Default 3.
    #[must_use]
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.attempts = attempts;
        self
    }

    /// Tasks under way at once. Default 10.
    #[must_use]
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks;
        self
    }

    /// How many tasks have to be completed. Default [`Need::All`].
    #[must_use]
    pub fn need(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    /// What becomes of a task for which no answer was good enough. Default
    /// [`Shortfall::Fail`].
    #[must_use]
    pub fn shortfall(mut self, shortfall: Shortfall) -> Self {
        self.shortfall = shortfall;
        self
    }

    /// How long one attempt may take. Default as long as the task.
    #[must_use]
    pub fn attempt_within(mut self, within: Duration) -> Self {
        self.attempt_within = Some(within);
        self
    }
}

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    Completed,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Standing {
    /// For what it depends on, or for room.
    Waiting,
    /// Somebody is looked for.
    Routing(Call),
    Trying(Call),
    /// It is written down what came of it.
    Closing(Call, End),
    /// With what was written down.
    Over(Call, End),
}

/// One task in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    /// What says which it is.
    pub(super) tag: Call,
    pub(super) after: Vec<usize>,
    pub(super) leads_to: Vec<usize>,
    /// Dependencies that are not over.
    pub(super) waits: usize,
    /// How long it may take.
    pub(super) limit: Option<Duration>,
    pub(super) due: Option<Duration>,
    pub(super) attempt_due: Option<Duration>,
    pub(super) standing: Standing,
    /// The calls that chose somebody, and whom.
    pub(super) routes: Vec<Call>,
    pub(super) tried: Vec<usize>,
    /// The best answer that was not good enough, and how far it is from that.
    pub(super) best: Option<(Call, f64)>,
}

impl Task {
    pub(super) fn new(tag: Call) -> Self {
        Self {
            tag,
            after: Vec::new(),
            leads_to: Vec::new(),
            waits: 0,
            limit: None,
            due: None,
            attempt_due: None,
            standing: Standing::Waiting,
            routes: Vec::new(),
            tried: Vec::new(),
            best: None,
        }
    }

    /// When the attempt under way has to be over.
    pub(super) fn alarm(&self) -> Option<Duration> {
        match self.standing {
            Standing::Trying(_) => self.attempt_due,
            _ => None,
        }
    }
}
