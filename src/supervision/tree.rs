//! The live tree, as data and as text.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::plan::Reason;
use crate::actor::Lifecycle;
use crate::actor::core::slot::AnySlot;
use crate::mailbox::Counts;

/// Why a child was restarted, or was to be when its supervisor gave up.
///
/// How long ago is counted by the system's clock and as of the snapshot, since
/// an instant means nothing outside its process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RestartReason {
    /// How the incarnation ended, in words.
    pub exit: String,
    /// How long before the snapshot that was.
    pub ago: Duration,
}

impl RestartReason {
    pub(crate) fn of(reasons: Vec<Reason>, now: Instant) -> Vec<Self> {
        let said = |reason: Reason| Self {
            exit: reason.exit.to_string(),
            ago: now.saturating_duration_since(reason.at),
        };
        reasons.into_iter().map(said).collect()
    }
}

/// One actor or supervisor in the tree, at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// Its name among its siblings.
    pub name: String,
    /// The names from the system down to it, joined by `/`.
    pub path: String,
    /// `actor`, `supervisor` or `ractor`.
    pub kind: String,
    /// Its lifecycle state.
    pub state: String,
    /// Which life this is, from 0.
    pub incarnation: u32,
    /// How often it was restarted.
    pub restarts: u32,
    /// Messages queued and in hand.
    pub depth: u64,
    /// The most that were queued and in hand at once.
    pub high_water: u64,
    /// The most its mailbox holds.
    pub capacity: usize,
    /// Messages handled so far.
    pub handled: u64,
    /// The last crash, in words.
    pub last_error: Option<String>,
    /// Why it was restarted lately, oldest first: as many as its supervisor
    /// [keeps](crate::supervision::Supervisor::reasons).
    #[serde(default)]
    pub reasons: Vec<RestartReason>,
    /// What its health checks found, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<NodeHealth>,
    /// Its children, in start order.
    pub children: Vec<Node>,
}

/// What an actor's health checks found, at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeHealth {
    /// How often it was checked, in all of its lives.
    pub checks: u64,
    /// How many have failed in a row, in the present life.
    pub failures: u32,
    /// How the last check went, in words.
    pub outcome: Option<String>,
    /// How long ago the last check was over.
    pub age: Option<Duration>,
}

impl NodeHealth {
    fn of(slot: &dyn AnySlot) -> Option<Self> {
        let health = slot.health_book()?.health(slot.state());
        let now = slot.now();
        Some(Self {
            checks: health.checks,
            failures: health.failures,
            outcome: health.outcome.map(|outcome| outcome.to_string()),
            age: health
                .last_check
                .map(|at| now.saturating_duration_since(at)),
        })
    }
}

impl Node {
    pub(crate) fn of(slot: &dyn AnySlot, kind: &str) -> Self {
        let counts: Counts = slot.counts();
        Self {
            name: slot.name(),
            path: slot.path(),
            kind: kind.to_owned(),
            state: slot.state().to_string(),
            incarnation: slot.incarnation(),
            restarts: slot.restarts(),
            depth: counts.queued + counts.in_hand,
            high_water: counts.high_water,
            capacity: slot.mailbox_capacity(),
            handled: counts.handled,
            last_error: slot.last_error().map(|exit| exit.to_string()),
            reasons: Vec::new(),
            health: NodeHealth::of(slot),
            children: Vec::new(),
        }
    }

    /// A system without a tree: not begun, or over.
    pub(crate) fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: name.to_owned(),
            kind: "supervisor".to_owned(),
            state: Lifecycle::Shutdown.to_string(),
            incarnation: 0,
            restarts: 0,
            depth: 0,
            high_water: 0,
            capacity: 0,
            handled: 0,
            last_error: None,
            reasons: Vec::new(),
            health: None,
            children: Vec::new(),
        }
    }

    /// This node and everything below it, parents before children.
    pub fn walk(&self) -> impl Iterator<Item = &Node> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let node = left.pop()?;
            left.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// Whether it waits for or handles messages.
    #[must_use]
    pub fn is_up(&self) -> bool {
        [Lifecycle::Ready, Lifecycle::Busy]
            .iter()
            .any(|state| state.to_string() == self.state)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, lead: &str, branch: &str) -> fmt::Result {
        write!(f, "{lead}{branch}{} [{}]", self.name, self.state)?;
        if self.restarts > 0 {
            write!(f, " restarts {}", self.restarts)?;
        }
        if self.kind == "actor" {
            write!(
                f,
                " queue {}/{} (high {}) handled {}",
                self.depth, self.capacity, self.high_water, self.handled
            )?;
        }
        if let Some(health) = &self.health
            && health.failures > 0
        {
            write!(f, " checks failed {}", health.failures)?;
        }
        if let Some(error) = &self.last_error {
            write!(f, " last error: {error}")?;
        }
        if let Some(last) = self.reasons.last() {
            if self.last_error.as_ref() != Some(&last.exit) {
                write!(f, " last restart: {}", last.exit)?;
            }
            let millis = last.ago.as_millis().try_into().unwrap_or(u64::MAX);
            write!(f, " ({:?} ago)", Duration::from_millis(millis))?;
        }
        writeln!(f)?;
        let lead = match branch {
            "" => String::new(),
            "└─ " => format!("{lead}   "),
            _ => format!("{lead}│  "),
        };
        for (at, child) in self.children.iter().enumerate() {
            let branch = if at + 1 == self.children.len() {
                "└─ "
            } else {
                "├─ "
            };
            child.write(f, &lead, branch)?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    /// The tree as text, one line a node.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "", "")
    }
}
