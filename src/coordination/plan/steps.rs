//! A plan.

use std::fmt;
use std::sync::Arc;

use crate::coordination::drawing::Flowchart;

/// Steps that lead from what there is to what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// In an order in which they can be taken; empty where all is there already.
    pub steps: Vec<Step>,
    /// What they cost together.
    pub cost: u64,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Which skill is used.
    pub skill: Arc<str>,
    /// The skills that give what this one needs and what was not there before.
    pub after: Vec<Arc<str>>,
    /// What it costs.
    pub cost: u32,
}

impl Plan {
    /// The plan as a mermaid flowchart.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut chart = Flowchart::new();
        let place = |skill: &Arc<str>| self.steps.iter().position(|it| it.skill == *skill);
        let id = |at: usize| format!("s{at}");
        let mut is_last = vec![true; self.steps.len()];
        for (at, step) in self.steps.iter().enumerate() {
            chart.node(id(at), &step.skill);
            if step.after.is_empty() {
                chart.arrow("input", id(at));
            }
            for before in step.after.iter().filter_map(place) {
                is_last[before] = false;
                chart.arrow(id(before), id(at));
            }
        }
        let last = (0..self.steps.len()).filter(|at| is_last[*at]);
        chart.finish(last.map(id))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}", step.skill)?;
        }
        Ok(())
    }
}
