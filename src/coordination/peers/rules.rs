//! What bounds the rounds of peers, and why they end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::time_class::TimeClass;

/// What bounds the rounds of peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PeerRules {
    /// The neighbours of each peer, by position. Default: everybody else.
    pub neighbours: Vec<Vec<usize>>,
    /// Rounds at most. Default 50.
    pub rounds: u32,
    /// A change of the state below this ends it; 0 never does. Default 0.
    pub change: f64,
    /// Calls at once. Default 10.
    pub concurrency: usize,
    /// How long proposals are taken in a round, and then reviews. Default 30 s.
    pub within: Duration,
}

impl PeerRules {
    /// The defaults, for so many peers who all know each other.
    #[must_use]
    pub fn new(peers: usize) -> Self {
        let others = |of| (0..peers).filter(move |peer| *peer != of).collect();
        Self {
            neighbours: (0..peers).map(others).collect(),
            rounds: 50,
            change: 0.0,
            concurrency: 10,
            within: TimeClass::Standard.deadline(),
        }
    }

    /// Calls that one run may make at most.
    pub(super) fn calls(&self) -> usize {
        let reviews: usize = self.neighbours.iter().map(Vec::len).sum();
        let round = reviews + self.neighbours.len() + 3;
        round.saturating_mul(self.rounds as usize).saturating_add(1)
    }
}

/// Why the rounds are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ended {
    /// No proposal of a round was accepted.
    NothingAccepted,
    /// What was accepted changed little.
    SmallChange,
    /// No rounds were left.
    Rounds,
    /// Nobody answered in a round: all failed or were late.
    NobodyAnswered,
}
