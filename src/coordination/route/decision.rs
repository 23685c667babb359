//! Why it was this agent, as data.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::wanted::Effort;
use crate::policy::choice::{CoverMethod, Fitness};

/// How those chosen were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Matched {
    /// By all the capabilities.
    Exactly,
    /// By the capabilities of several together.
    AsTeam(CoverMethod),
    /// By what the descriptions are like.
    ByLikeness,
}

/// An agent that was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Chosen {
    /// Its name.
    pub agent: Arc<str>,
    /// How well it fits.
    pub score: f64,
    /// What the score is made of.
    pub fitness: Fitness,
    /// What it was chosen for; empty where agents are matched by a text.
    pub needs: Vec<String>,
}

/// Why an agent was not chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PassedOver {
    /// It has some of what is needed, not this.
    Lacks(String),
    /// It was not [available](crate::actor::WorkerRef::is_available).
    Unavailable,
    /// It has as much in hand as it may.
    Full,
    /// It has tried before.
    Tried,
    /// Its description is less like the text than the threshold.
    Unlike(f64),
    /// Another one fits as well or better; how well this one does.
    Scores(f64),
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(what) => write!(f, "lacks {what:?}"),
            Self::Unavailable => f.write_str("is not available"),
            Self::Full => f.write_str("is full"),
            Self::Tried => f.write_str("has tried"),
            Self::Unlike(likeness) => write!(f, "is like it by {likeness:.3} only"),
            Self::Scores(score) => write!(f, "scores {score:.3}"),
        }
    }
}

/// Who was chosen, and why the others were not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Decision {
    /// How agents were matched.
    pub matched: Matched,
    /// How much there was to think about, where that was said.
    pub effort: Option<Effort>,
    /// Those chosen: one, or a team; none where nobody could be.
    pub chosen: Vec<Chosen>,
    /// Others that were looked at, 16 at most.
    pub others: Vec<(Arc<str>, PassedOver)>,
    /// How many more were looked at.
    pub unmentioned: usize,
    /// Capabilities that nobody in the directory has.
    pub missing: Vec<String>,
}

/// Agents whose reasons a decision keeps.
const MOST_OTHERS: usize = 16;

impl Decision {
    pub(super) fn new(matched: Matched, effort: Option<Effort>) -> Self {
        Self {
            matched,
            effort,
            chosen: Vec::new(),
            others: Vec::new(),
            unmentioned: 0,
            missing: Vec::new(),
        }
    }

    pub(super) fn passes(&mut self, agent: &Arc<str>, why: PassedOver) {
        if self.others.len() < MOST_OTHERS {
            self.others.push((Arc::clone(agent), why));
        } else {
            self.unmentioned += 1;
        }
    }

    /// Who was chosen, where it was one.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        self.chosen.first().map(|chosen| &*chosen.agent)
    }

    /// Whether somebody could do it who is only busy or away.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let is_temporary =
            |why: &PassedOver| matches!(why, PassedOver::Unavailable | PassedOver::Full);
        self.missing.is_empty() && self.others.iter().any(|(_, why)| is_temporary(why))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.chosen.is_empty() {
            f.write_str("nobody")?;
        }
        for (at, chosen) in self.chosen.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} ({:.3})", chosen.agent, chosen.score)?;
        }
        for (at, (agent, why)) in self.others.iter().enumerate() {
            let before = if at == 0 { "; " } else { ", " };
            write!(f, "{before}{agent} {why}")?;
        }
        if self.unmentioned > 0 {
            write!(f, ", and {} more", self.unmentioned)?;
        }
        Ok(())
    }
}

/// The [cause](crate::actor::Fault::cause) of a fault: there is nobody who could do
/// it, or nobody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NoAgents {
    /// Everybody who was looked at.
    pub decision: Decision,
}

impl fmt::Display for NoAgents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision.missing.as_slice() {
            [] => write!(f, "no agent was chosen: {}", self.decision),
            missing => write!(f, "nobody has the capability {}", quoted(missing)),
        }
    }
}

impl Error for NoAgents {}

/// Names in a row.
pub(super) fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(" and ")
}
