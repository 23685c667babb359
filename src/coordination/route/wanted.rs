//! What a task asks of those who are to do it.

use serde::{Deserialize, Serialize};

/// How much of a task there is to think about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Little: a fast agent is the better one.
    Simple,
    /// Much: a powerful agent is the better one.
    Complex,
}

/// How agents are matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Match {
    /// One agent that has all of these capabilities.
    Exact(Vec<String>),
    /// As few agents as can be that have all of these capabilities together.
    Team(Vec<String>),
    /// One agent whose description is like this text.
    Similar(String),
}

/// What a task asks of those who are to do it.
///
/// # Examples
///
/// ```
/// use callboard::coordination::route::{Effort, Wanted};
///
/// let wanted = Wanted::capabilities(["search", "french"]).effort(Effort::Simple);
/// let text = serde_json::to_string(&wanted).unwrap();
/// assert_eq!(text, r#"{"by":{"exact":["search","french"]},"effort":"simple"}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Wanted {
    /// How agents are matched.
    pub by: Match,
    /// How much there is to think about. `None`: fast and powerful agents are
    /// alike.
    #[serde(default)]
    pub effort: Option<Effort>,
}

impl Wanted {
    fn by(by: Match) -> Self {
        Self { by, effort: None }
    }

    /// One agent that has all of these capabilities.
    #[must_use]
    pub fn capabilities<S: Into<String>>(all: impl IntoIterator<Item = S>) -> Self {
        Self::by(Match::Exact(all.into_iter().map(Into::into).collect()))
    }

    /// As few agents as can be that have all of these capabilities together, at most
    /// 64. See [`smallest_cover`](crate::policy::choice::smallest_cover).
    #[must_use]
    pub fn team<S: Into<String>>(all: impl IntoIterator<Item = S>) -> Self {
        let mut needs: Vec<String> = Vec::new();
        for need in all {
            let need = need.into();
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        Self::by(Match::Team(needs))
    }

    /// One agent whose description is like this text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::by(Match::Similar(text.into()))
    }

    /// How much there is to think about: simple work goes to fast agents, complex
    /// work to powerful ones.
    #[must_use]
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = Some(effort);
        self
    }
}
