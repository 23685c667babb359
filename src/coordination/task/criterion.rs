//! What an answer must be so that it counts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::actor::Metadata;

/// What an answer must be so that it counts.
///
/// Those on what an [answer says about itself](Metadata) can be written down as they
/// are. One that looks at the answer has a name, and whoever runs the task knows the
/// question behind it: see [`Hub::criterion`](crate::coordination::Hub::criterion).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Criterion {
    /// The question of this name is answered with yes.
    Named(String),
    /// It is at least so sure of itself, 0 to 1; one that does not say is not.
    ConfidenceAtLeast(f64),
    /// It took at most so many tokens; one that does not say took none.
    TokensAtMost(u64),
    /// It cost at most so much, in millionths of the unit of account; one that
    /// does not say cost nothing.
    CostAtMost(u64),
}

impl Criterion {
    /// The question of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::Named(name.into())
    }

    /// Whether it holds; `ask` answers questions by their names.
    pub fn holds(&self, says: &Metadata, ask: impl FnOnce(&str) -> bool) -> bool {
        match self {
            Self::Named(name) => ask(name),
            Self::ConfidenceAtLeast(least) => says.confidence.is_some_and(|it| it >= *least),
            Self::TokensAtMost(most) => says.tokens.unwrap_or(0) <= *most,
            Self::CostAtMost(most) => says.cost.unwrap_or(0) <= *most,
        }
    }
}

impl From<&str> for Criterion {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::ConfidenceAtLeast(least) => write!(f, "confidence of at least {least}"),
            Self::TokensAtMost(most) => write!(f, "at most {most} tokens"),
            Self::CostAtMost(most) => write!(f, "a cost of at most {most} millionths"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d25_criteria_look_at_what_an_answer_says_about_itself() {
        let says = Metadata::new().confidence(0.7).tokens(50).cost(9);
        let holds =
            |it: &Criterion, says: Metadata| it.holds(&says, |_| unreachable!("none is asked"));
        for (criterion, when_said, when_not) in [
            (Criterion::ConfidenceAtLeast(0.7), true, false),
            (Criterion::ConfidenceAtLeast(0.8), false, false),
            (Criterion::ConfidenceAtLeast(f64::NAN), false, false),
            (Criterion::TokensAtMost(50), true, true),
            (Criterion::TokensAtMost(49), false, true),
            (Criterion::CostAtMost(8), false, true),
        ] {
            assert_eq!(holds(&criterion, says), when_said, "{criterion}");
            assert_eq!(holds(&criterion, Metadata::new()), when_not, "{criterion}");
        }
        let short = Criterion::from("is short");
        assert!(short.holds(&says, |name| name == "is short"));
        assert!(!short.holds(&says, |_| false));
    }
}
