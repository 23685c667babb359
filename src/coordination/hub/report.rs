//! What a run of a hub came to, task by task.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::actor::{Fault, FaultClass, Metadata};
use crate::coordination::task::{Criterion, TaskId, TaskState};

/// Why somebody was chosen for an attempt, or was not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Suitability {
    /// It could do it, this well.
    Score(f64),
    /// It lacks this skill.
    Lacks(String),
    /// It was not [available](crate::actor::WorkerRef::is_available).
    Unavailable,
    /// It has tried before.
    Tried,
}

impl fmt::Display for Suitability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(score) => write!(f, "scores {score:.3}"),
            Self::Lacks(skill) => write!(f, "lacks {skill:?}"),
            Self::Unavailable => f.write_str("is not available"),
            Self::Tried => f.write_str("has tried"),
        }
    }
}

/// Who was to do a task, and why the others were not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// Who it was; `None`: nobody could.
    pub chosen: Option<Arc<str>>,
    /// All spokes, in their order.
    pub candidates: Vec<(Arc<str>, Suitability)>,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.chosen.as_deref().unwrap_or("nobody"))?;
        for (at, (agent, suitability)) in self.candidates.iter().enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            write!(f, "{before}{agent} {suitability}")?;
        }
        Ok(())
    }
}

/// What came of an attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing yet.
    UnderWay,
    /// Its answer was good enough.
    Accepted,
    /// Its answer was not good enough.
    NotGoodEnough {
        /// How good it was, 0 to 1, where that is known.
        quality: Option<f64>,
        /// How good it had to be.
        required: f64,
    },
    /// These criteria do not hold for its answer.
    Unmet(Vec<Criterion>),
    /// With its answer the task has cost more than it may.
    OverBudget,
    /// There was no answer.
    Failed(Fault),
}

impl Verdict {
    /// Why there is no answer that counts.
    pub(super) fn fault(&self) -> Option<Fault> {
        Some(match self {
            Self::UnderWay | Self::Accepted => return None,
            Self::Failed(fault) => fault.clone(),
            Self::OverBudget => Fault::new(FaultClass::Budget, self.to_string()),
            Self::NotGoodEnough { .. } | Self::Unmet(_) => Fault::permanent(self.to_string()),
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnderWay => f.write_str("under way"),
            Self::Accepted => f.write_str("accepted"),
            Self::NotGoodEnough {
                quality: Some(quality),
                required,
            } => write!(
                f,
                "the answer's quality is {quality} where {required} is required"
            ),
            Self::NotGoodEnough {
                quality: None,
                required,
            } => write!(
                f,
                "the answer's quality is not known where {required} is required, add a check"
            ),
            Self::Unmet(criteria) => {
                f.write_str("the answer does not meet: ")?;
                for (at, criterion) in criteria.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{criterion}")?;
                }
                Ok(())
            }
            Self::OverBudget => f.write_str("the task's budget is exceeded"),
            Self::Failed(fault) => fault.fmt(f),
        }
    }
}

/// One attempt at a task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Who made it.
    pub agent: Arc<str>,
    /// What came of it.
    pub verdict: Verdict,
}

/// What a task came to.
#[non_exhaustive]
pub struct TaskReport<A> {
    /// Which: its id on the board.
    pub id: TaskId,
    /// Its name in the plan.
    pub name: Arc<str>,
    /// Where it stands: over, unless the run ended before that.
    pub state: TaskState,
    /// The answer that counts, or why there is none; `None` where the run ended
    /// before that.
    pub outcome: Option<Result<Arc<A>, Fault>>,
    /// Who gave the answer that counts.
    pub agent: Option<Arc<str>>,
    /// How good the answer that counts is, where that is known.
    pub quality: Option<f64>,
    /// Who was at it, in order, and what came of that.
    pub attempts: Vec<Attempt>,
    /// Why it was those, in order; the last may have found nobody.
    pub decisions: Vec<Decision>,
    /// What all its answers cost together.
    pub spent: Metadata,
}

impl<A> TaskReport<A> {
    /// The answer that counts.
    #[must_use]
    pub fn answer(&self) -> Option<&A> {
        Some(self.outcome.as_ref()?.as_ref().ok()?)
    }

    /// Why there is no answer that counts.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.outcome.as_ref()?.as_ref().err()
    }
}

// By hand: answers are neither copied nor printed.
impl<A> Clone for TaskReport<A> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            name: Arc::clone(&self.name),
            state: self.state,
            outcome: self.outcome.clone(),
            agent: self.agent.clone(),
            quality: self.quality,
            attempts: self.attempts.clone(),
            decisions: self.decisions.clone(),
            spent: self.spent,
        }
    }
}

impl<A> fmt::Debug for TaskReport<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskReport")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("state", &self.state)
            .field("fault", &self.fault())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// What a run of a hub came to, task by task, each after those it depends on.
#[non_exhaustive]
pub struct HubReport<A> {
    /// All tasks of the plan.
    pub tasks: Vec<TaskReport<A>>,
}

impl<A> HubReport<A> {
    /// What came of the task of this name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&TaskReport<A>> {
        self.tasks.iter().find(|task| &*task.name == name)
    }

    /// The answer of the task of this name, if there is one that counts.
    #[must_use]
    pub fn answer(&self, name: &str) -> Option<&A> {
        self.task(name)?.answer()
    }

    /// The answers that count, with their tasks.
    pub fn answers(&self) -> impl Iterator<Item = (&str, &A)> {
        let tasks = self.tasks.iter();
        tasks.filter_map(|task| Some((&*task.name, task.answer()?)))
    }

    /// Tasks in this state.
    #[must_use]
    pub fn count(&self, state: TaskState) -> usize {
        self.tasks.iter().filter(|task| task.state == state).count()
    }

    /// Why too few tasks were completed.
    pub(super) fn fault(self) -> Fault
    where
        A: Send + Sync + 'static,
    {
        let mut failed = self
            .tasks
            .iter()
            .filter_map(|task| Some((task, task.fault()?)));
        let fault = match failed.next() {
            None => Fault::permanent(format!(
                "the plan has {} tasks, and more have to be completed",
                self.tasks.len()
            )),
            Some((first, why)) => {
                let words = format!(
                    "{} of {} tasks failed, first {:?}: {}",
                    1 + failed.count(),
                    self.tasks.len(),
                    first.name,
                    why.message()
                );
                let fault = Fault::new(why.class(), words);
                match why.retry_after() {
                    Some(after) => fault.after(after),
                    None => fault,
                }
            }
        };
        fault.because(Unfinished { report: self })
    }
}

impl<A> Clone for HubReport<A> {
    fn clone(&self) -> Self {
        Self {
            tasks: self.tasks.clone(),
        }
    }
}

impl<A> fmt::Debug for HubReport<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.tasks).finish()
    }
}

/// The [cause](Fault::cause) of a run's fault where too few tasks were completed:
/// all there is.
#[non_exhaustive]
pub struct Unfinished<A> {
    /// What the run came to.
    pub report: HubReport<A>,
}

impl<A> fmt::Debug for Unfinished<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}

impl<A> fmt::Display for Unfinished<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let completed = self.report.count(TaskState::Completed);
        write!(
            f,
            "{completed} of {} tasks were completed",
            self.report.tasks.len()
        )
    }
}

impl<A> Error for Unfinished<A> {}
