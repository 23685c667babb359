//! What is handed over, as it is on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::coordination::task::TaskBudget;

/// Everything that one agent hands over to another. Plain data; what is no text is
/// written as text, so that its size can be checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Handoff {
    /// Who hands over.
    pub from_agent: String,
    /// Who takes over. Written by the protocol: each candidate is given the record
    /// with its own name.
    #[serde(default)]
    pub to_agent: String,
    /// When, in seconds since 1970. 0: the protocol stamps it.
    #[serde(default)]
    pub handoff_timestamp: f64,
    /// What there is to know.
    pub context: HandoffContext,
    /// What there is so far. Default nothing.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// For whom and how it came about. Default nothing.
    #[serde(default)]
    pub metadata: HandoffMetadata,
}

impl Handoff {
    /// This task, from this agent; all else is empty or its default.
    pub fn new(from_agent: impl Into<String>, task_description: impl Into<String>) -> Self {
        let context = HandoffContext {
            task_description: task_description.into(),
            ..HandoffContext::default()
        };
        Self {
            from_agent: from_agent.into(),
            context,
            ..Self::default()
        }
    }

    /// And this was said.
    #[must_use]
    pub fn said(mut self, role: impl Into<String>, content: impl Into<String>) -> Self {
        self.context.conversation_history.push(Utterance {
            role: role.into(),
            content: content.into(),
        });
        self
    }

    /// And there is this.
    #[must_use]
    pub fn artifact(mut self, artifact: Artifact) -> Self {
        self.artifacts.push(artifact);
        self
    }

    /// Within these bounds.
    #[must_use]
    pub fn constraints(mut self, constraints: HandoffConstraints) -> Self {
        self.context.constraints = constraints;
        self
    }
}

/// What whoever takes over has to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HandoffContext {
    /// What was said so far, oldest first. Default nothing.
    #[serde(default)]
    pub conversation_history: Vec<Utterance>,
    /// How far it is, by name. Default nothing.
    #[serde(default)]
    pub current_state: BTreeMap<String, String>,
    /// What is to be done. Not empty.
    pub task_description: String,
    /// What went wrong before, where that is why it is handed over.
    #[serde(default)]
    pub error_context: Option<String>,
    /// Within which bounds.
    #[serde(default)]
    pub constraints: HandoffConstraints,
}

/// One thing that was said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utterance {
    /// By whom: a user, an agent, a tool.
    pub role: String,
    /// What.
    pub content: String,
}

/// Within which bounds a task is handed over and done. The protocol keeps to the time
/// and the retries; budget and quality are for whoever takes over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HandoffConstraints {
    /// How long somebody may take to answer an offer. Default 60.
    pub timeout_seconds: u64,
    /// How often somebody who gave no answer is offered it again. Default 3.
    pub max_retries: u32,
    /// What doing it may cost. Default anything.
    pub budget: TaskBudget,
    /// How good the result must be, 0 to 1. Default: nothing is said.
    pub quality: Option<f64>,
}

impl Default for HandoffConstraints {
    fn default() -> Self {
        Self {
            timeout_seconds: 60,
            max_retries: 3,
            budget: TaskBudget::default(),
            quality: None,
        }
    }
}

impl HandoffConstraints {
    /// How long somebody may take to answer an offer. Default 60.
    #[must_use]
    pub fn timeout_seconds(mut self, seconds: u64) -> Self {
        self.timeout_seconds = seconds;
        self
    }

    /// How often somebody who gave no answer is offered it again. Default 3.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }
}

/// Something that was made on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// What it is: one of the [types that are known](super::HandoffBounds::artifact_types).
    #[serde(rename = "type")]
    pub kind: String,
    /// How it is written, for example `markdown`.
    pub format: String,
    /// The thing itself.
    pub content: String,
}

impl Artifact {
    /// An artifact of this type, in this format.
    pub fn new(
        kind: impl Into<String>,
        format: impl Into<String>,
        content: impl Into<String>,
    ) -> Self {
        Self {
            kind: kind.into(),
            format: format.into(),
            content: content.into(),
        }
    }
}

/// For whom a task is done, and how it came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HandoffMetadata {
    /// Which session it belongs to.
    pub session_id: String,
    /// Whose it is.
    pub user_id: String,
    /// What that user likes, by name.
    pub preferences: BTreeMap<String, String>,
    /// How sure the giver is of what it hands over, 0 to 1.
    pub confidence_score: Option<f64>,
    /// Tokens that were used so far.
    pub tokens_used: u64,
}

/// What is said to a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Offer {
    /// Will it take this over? It does not begin yet: whoever takes it over is asked
    /// to do it.
    Handoff {
        /// Which: the same number in all offers of one handoff.
        number: u64,
        /// What.
        handoff: Box<Handoff>,
    },
    /// It is not wanted any more, whether or not it accepted: somebody else has taken
    /// it, or it gave no answer in time.
    HandoffWithdrawn {
        /// Which.
        number: u64,
    },
}

/// What a candidate answers. What it answers to a withdrawal is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum HandoffReply {
    /// It takes over, if it is asked to.
    #[serde(rename = "handoff_accepted")]
    Accepted,
    /// It does not.
    #[serde(rename = "handoff_rejected")]
    Rejected {
        /// Why not.
        reason: String,
    },
}

impl HandoffReply {
    /// It does not take over, for this reason.
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected {
            reason: reason.into(),
        }
    }
}
