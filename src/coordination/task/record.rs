//! What is to be done, by when, for how much and how well.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::criterion::Criterion;
use super::state::TaskState;
use crate::actor::Metadata;

/// What is to be done, by when, for how much and how well, and how far it is. Plain
/// data; `Q` is what whoever does it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskRecord<Q = String> {
    /// What it is called in its plan; others depend on it by this name.
    pub name: String,
    /// What kind of work it is: the skill that it needs.
    pub kind: String,
    /// Further skills that it needs. Default none.
    #[serde(default)]
    pub skills: Vec<String>,
    /// What whoever does it is asked.
    pub query: Q,
    /// How it is to be done, in words. Default none.
    #[serde(default)]
    pub instructions: String,
    /// What else there is to know. Default nothing.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
    /// The tasks of its plan that come first; it is given their answers. Default
    /// none.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// What whoever does it has to keep to, in words. Default nothing.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// What an answer must be so that it counts, all of it. Default nothing.
    #[serde(default)]
    pub success_criteria: Vec<Criterion>,
    /// What it may cost. Default anything.
    #[serde(default)]
    pub budget: TaskBudget,
    /// How long it may take from the moment when somebody is looked for, all
    /// attempts together. Default: as long as the request.
    #[serde(default, with = "humantime_serde")]
    pub deadline: Option<Duration>,
    /// How good an answer must be, 0 to 1. Default: as whoever runs it says.
    #[serde(default)]
    pub quality_requirements: Option<f64>,
    /// Who has been at it, in order. Written by whoever runs it.
    #[serde(default)]
    pub assigned_agents: Vec<String>,
    #[serde(default)]
    state: TaskState,
}

/// What a task may cost, all attempts together, as far as answers
/// [say what they cost](Metadata).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TaskBudget {
    /// Tokens. Default any number.
    pub tokens: Option<u64>,
    /// Money, in millionths of the unit of account. Default any amount.
    pub cost: Option<u64>,
}

impl TaskBudget {
    /// Whether this is more than there is.
    #[must_use]
    pub fn is_exceeded(&self, spent: &Metadata) -> bool {
        let more = |spent: Option<u64>, most: Option<u64>| {
            most.is_some_and(|most| spent.unwrap_or(0) > most)
        };
        more(spent.tokens, self.tokens) || more(spent.cost, self.cost)
    }

    /// Whether nothing of it is left.
    #[must_use]
    pub fn is_spent(&self, spent: &Metadata) -> bool {
        let all = |spent: Option<u64>, most: Option<u64>| {
            most.is_some_and(|most| spent.unwrap_or(0) >= most)
        };
        all(spent.tokens, self.tokens) || all(spent.cost, self.cost)
    }
}

impl<Q> TaskRecord<Q> {
    /// A pending task of this kind.
    pub fn new(name: impl Into<String>, kind: impl Into<String>, query: Q) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            skills: Vec::new(),
            query,
            instructions: String::new(),
            context: BTreeMap::new(),
            dependencies: Vec::new(),
            constraints: Vec::new(),
            success_criteria: Vec::new(),
            budget: TaskBudget::default(),
            deadline: None,
            quality_requirements: None,
            assigned_agents: Vec::new(),
            state: TaskState::Pending,
        }
    }

    /// It needs this skill too.
    #[must_use]
    pub fn skill(mut self, skill: impl Into<String>) -> Self {
        self.skills.push(skill.into());
        self
    }

    /// How it is to be done.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = instructions.into();
        self
    }

    /// Something else there is to know.
    #[must_use]
    pub fn context(mut self, what: impl Into<String>, is: impl Into<String>) -> Self {
        self.context.insert(what.into(), is.into());
        self
    }

    /// It comes after this task, and is given its answer.
    #[must_use]
    pub fn after(mut self, task: impl Into<String>) -> Self {
        self.dependencies.push(task.into());
        self
    }

    /// Something to keep to.
    #[must_use]
    pub fn constraint(mut self, constraint: impl Into<String>) -> Self {
        self.constraints.push(constraint.into());
        self
    }

    /// An answer counts only if this holds.
    #[must_use]
    pub fn criterion(mut self, criterion: impl Into<Criterion>) -> Self {
        self.success_criteria.push(criterion.into());
        self
    }

    /// It may take so many tokens.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.budget.tokens = Some(tokens);
        self
    }

    /// It may cost so much, in millionths of the unit of account.
    #[must_use]
    pub fn cost(mut self, millionths: u64) -> Self {
        self.budget.cost = Some(millionths);
        self
    }

    /// It may take so long.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// An answer must be so good, 0 to 1.
    #[must_use]
    pub fn quality(mut self, at_least: f64) -> Self {
        self.quality_requirements = Some(at_least);
        self
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// The skills that it needs: its kind and the further ones.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        let further = self.skills.iter().map(String::as_str);
        std::iter::once(self.kind.as_str()).chain(further)
    }

    pub(super) fn standing(mut self, state: TaskState, assigned_agents: Vec<String>) -> Self {
        self.state = state;
        self.assigned_agents = assigned_agents;
        self
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), InvalidTask> {
        if self.name.is_empty() {
            return Err(InvalidTask::NoName);
        }
        if self.kind.is_empty() {
            return Err(InvalidTask::NoKind(self.name.clone()));
        }
        if self.state != TaskState::Pending {
            return Err(InvalidTask::NotPending(self.name.clone(), self.state));
        }
        if self
            .quality_requirements
            .is_some_and(|it| !(0.0..=1.0).contains(&it))
        {
            return Err(InvalidTask::Quality(self.name.clone()));
        }
        Ok(())
    }
}

/// A record that makes no task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTask {
    /// It has no name.
    NoName,
    /// This one does not say what kind of work it is.
    NoKind(String),
    /// This one has been worked on.
    NotPending(String, TaskState),
    /// The quality that this one requires is not between 0 and 1.
    Quality(String),
}

impl fmt::Display for InvalidTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("a task has no name, give it one"),
            Self::NoKind(task) => {
                write!(f, "task {task:?} has no kind, say which skill it needs")
            }
            Self::NotPending(task, state) => {
                write!(f, "task {task:?} is {state}, begin with a pending one")
            }
            Self::Quality(task) => write!(
                f,
                "task {task:?} requires a quality that is not between 0 and 1"
            ),
        }
    }
}

impl Error for InvalidTask {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d25_a_record_survives_a_file() {
        let task = TaskRecord::new("draft", "write", 7_u32)
            .skill("french")
            .instructions("short")
            .context("reader", "a child")
            .after("facts")
            .constraint("no names")
            .criterion("is short")
            .criterion(Criterion::TokensAtMost(90))
            .tokens(100)
            .cost(5)
            .deadline(Duration::from_secs(20))
            .quality(0.5);
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(
            serde_json::from_str::<TaskRecord<u32>>(&text).unwrap(),
            task
        );
        for field in [
            "kind",
            "query",
            "context",
            "dependencies",
            "constraints",
            "success_criteria",
            "budget",
            "deadline",
            "quality_requirements",
            "assigned_agents",
            "state",
        ] {
            assert!(text.contains(&format!("\"{field}\":")), "{field}: {text}");
        }
        let least: TaskRecord =
            serde_json::from_str(r#"{"name":"a","kind":"b","query":"c"}"#).unwrap();
        assert_eq!(least, TaskRecord::new("a", "b", "c".to_owned()));
    }

    #[test]
    fn d25_a_record_that_makes_no_task_is_refused() {
        let task = || TaskRecord::new("a", "b", ());
        assert_eq!(task().quality(1.0).validate(), Ok(()));
        let name = || "a".to_owned();
        for (task, why) in [
            (TaskRecord::new("", "b", ()), InvalidTask::NoName),
            (TaskRecord::new("a", "", ()), InvalidTask::NoKind(name())),
            (task().quality(1.1), InvalidTask::Quality(name())),
            (task().quality(f64::NAN), InvalidTask::Quality(name())),
            (
                task().standing(TaskState::Failed, Vec::new()),
                InvalidTask::NotPending(name(), TaskState::Failed),
            ),
        ] {
            assert_eq!(task.validate(), Err(why));
        }
    }

    #[test]
    fn d25_a_budget_is_spent_before_it_is_exceeded() {
        let budget = TaskBudget {
            tokens: Some(10),
            cost: None,
        };
        let spent = |tokens| Metadata::new().tokens(tokens).cost(u64::MAX);
        let stands = |tokens| {
            let spent = spent(tokens);
            (budget.is_spent(&spent), budget.is_exceeded(&spent))
        };
        assert_eq!(stands(9), (false, false));
        assert_eq!(stands(10), (true, false));
        assert_eq!(stands(11), (true, true));
        assert!(!TaskBudget::default().is_spent(&spent(u64::MAX)));
    }
}
