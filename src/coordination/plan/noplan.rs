//! Why there is no plan.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoPlan {
    /// The skills do not lead there.
    Unreachable {
        /// Facts of the goal that cannot be reached, by name.
        goals: Vec<Arc<str>>,
        /// Facts that are missing on the way there and that no skill gives: what to
        /// begin with, or to find a skill for.
        given_by_nobody: Vec<Arc<str>>,
        /// Skills that would have helped and cannot be used.
        unusable: Vec<Unusable>,
    },
    /// So many sets of facts were looked at, and it was not found by then.
    TooManyStates(usize),
}

/// A skill that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unusable {
    /// Which.
    pub skill: Arc<str>,
    /// The facts that it needs and that cannot be reached.
    pub lacks: Vec<Arc<str>>,
}

impl fmt::Display for NoPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable {
                goals,
                given_by_nobody,
                unusable,
            } => {
                write!(f, "no plan leads to {}", goals.join(", "))?;
                if !given_by_nobody.is_empty() {
                    write!(f, "; nobody gives {}", given_by_nobody.join(", "))?;
                }
                for it in unusable {
                    write!(f, "; {} lacks {}", it.skill, it.lacks.join(", "))?;
                }
                Ok(())
            }
            Self::TooManyStates(states) => write!(
                f,
                "no plan was found among {states} states, allow more or give fewer skills"
            ),
        }
    }
}

impl Error for NoPlan {}
