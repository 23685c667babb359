//! What planning and carrying out came to.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::noplan::NoPlan;
use super::situation::Situation;
use super::steps::Plan;
use crate::actor::{Fault, FaultClass};

/// The goal is reached.
#[derive(Clone)]
#[non_exhaustive]
pub struct Outcome<V> {
    /// The values of the facts that were wanted.
    pub values: BTreeMap<Arc<str>, Arc<V>>,
    /// The plans that were carried out, in their order; why each but the last was
    /// followed by another.
    pub runs: Vec<PlanRun>,
}

// By hand: values are not printed.
impl<V> fmt::Debug for Outcome<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("values", &self.values.keys())
            .field("runs", &self.runs)
            .finish()
    }
}

/// A plan that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanRun {
    /// The plan.
    pub plan: Plan,
    /// Its steps that failed; their skills are not planned with again. Steps that wait
    /// for those were not taken, all others were.
    pub failed: Vec<FailedStep>,
    /// What became of it, as a mermaid flowchart; see
    /// [`GraphReport::mermaid`](crate::coordination::graph::GraphReport::mermaid).
    pub drawing: String,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedStep {
    /// Which skill it was.
    pub skill: Arc<str>,
    /// What kind of failure it was.
    pub class: FaultClass,
    /// In words, which begin with its name.
    pub message: String,
}

/// The goal was not reached: the cause of the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotReached {
    /// Why there is no further plan; `None`: no more were allowed.
    pub no_plan: Option<NoPlan>,
    /// The plans that were carried out, in their order.
    pub runs: Vec<PlanRun>,
}

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.no_plan {
            Some(why) => why.fmt(f)?,
            None => write!(f, "{} plans have not led to the goal", self.runs.len())?,
        }
        for it in self.runs.iter().flat_map(|run| &run.failed) {
            write!(f, "; {}", it.message)?;
        }
        Ok(())
    }
}

impl Error for NotReached {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.no_plan.as_ref().map(|why| why as _)
    }
}

/// What a run came to.
pub(super) fn conclude<V>(situation: Situation<V>) -> Result<Outcome<V>, Fault> {
    let is_reached = situation.is_reached();
    let Situation {
        wanted,
        mut known,
        refusal,
        runs,
        ..
    } = situation;
    if is_reached {
        let values = wanted.into_iter().filter_map(|fact| {
            let value = known.remove(&fact)?;
            Some((fact, value))
        });
        return Ok(Outcome {
            values: values.collect(),
            runs,
        });
    }
    let mut failed = runs.iter().flat_map(|run| &run.failed);
    let class = match failed.any(|it| it.class.is_retryable()) {
        true => FaultClass::Transient,
        false => FaultClass::Permanent,
    };
    let not = NotReached {
        no_plan: refusal,
        runs,
    };
    Err(Fault::new(class, not.to_string()).because(not))
}
