//! What happens to tasks, agents and workflows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::topic::Topic;

/// An event of a task, an agent or a workflow, by the name of its topic.
///
/// # Examples
///
/// ```
/// use callboard::coordination::bus::{TaskEvent, Topic};
///
/// let event = TaskEvent::TaskCreated { task: "t1".into() };
/// assert_eq!(event.topic(), Topic::TASK_CREATED);
/// let text = serde_json::to_string(&event).unwrap();
/// assert_eq!(text, r#"{"event":"task:created","task":"t1"}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum TaskEvent {
    /// A task is there.
    #[serde(rename = "task:created")]
    TaskCreated {
        /// Which.
        task: Arc<str>,
    },
    /// All that a task waited for is done, or somebody is chosen for it.
    #[serde(rename = "task:ready")]
    TaskReady {
        /// Which.
        task: Arc<str>,
    },
    /// A task is done.
    #[serde(rename = "task:completed")]
    TaskCompleted {
        /// Which.
        task: Arc<str>,
        /// Who did it.
        #[serde(default)]
        agents: Vec<Arc<str>>,
    },
    /// A task will not be done.
    #[serde(rename = "task:failed")]
    TaskFailed {
        /// Which.
        task: Arc<str>,
        /// In words.
        why: Arc<str>,
    },
    /// Nobody can do a task, or nobody who can is free.
    #[serde(rename = "task:no_agents_available")]
    NoAgentsAvailable {
        /// Which.
        task: Arc<str>,
        /// Capabilities that nobody has.
        #[serde(default)]
        missing: Vec<String>,
        /// In words.
        why: Arc<str>,
    },
    /// An agent is done with what it had in hand.
    #[serde(rename = "agent:available")]
    AgentAvailable {
        /// Who.
        agent: Arc<str>,
    },
    /// A workflow that an event began has ended well.
    #[serde(rename = "workflow:completed")]
    WorkflowCompleted {
        /// Which.
        workflow: Arc<str>,
        /// The event that began it.
        cause: u64,
    },
    /// A workflow that an event began has failed, or was not begun.
    #[serde(rename = "workflow:failed")]
    WorkflowFailed {
        /// Which.
        workflow: Arc<str>,
        /// The event that began it.
        cause: u64,
        /// In words.
        why: Arc<str>,
    },
}

impl TaskEvent {
    /// Its topic.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match self {
            Self::TaskCreated { .. } => Topic::TASK_CREATED,
            Self::TaskReady { .. } => Topic::TASK_READY,
            Self::TaskCompleted { .. } => Topic::TASK_COMPLETED,
            Self::TaskFailed { .. } => Topic::TASK_FAILED,
            Self::NoAgentsAvailable { .. } => Topic::TASK_NO_AGENTS_AVAILABLE,
            Self::AgentAvailable { .. } => Topic::AGENT_AVAILABLE,
            Self::WorkflowCompleted { .. } => Topic::WORKFLOW_COMPLETED,
            Self::WorkflowFailed { .. } => Topic::WORKFLOW_FAILED,
        }
    }
}
