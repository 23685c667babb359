//! What peers come to.

use std::fmt;
use std::sync::Arc;

use super::rules::Ended;
use crate::actor::Fault;

/// What was proposed, and what the neighbours think of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Proposed<P> {
    /// Whose it is.
    pub peer: Arc<str>,
    /// What it is.
    pub proposal: P,
    /// What the neighbours gave it, 0 to 1, in their order.
    pub scores: Vec<(Arc<str>, f64)>,
    /// The mean of the scores; `None` where there are none.
    pub mean: Option<f64>,
    /// Whether it was accepted, and applied.
    pub is_accepted: bool,
}

// By hand: payloads are not printed.
impl<P> fmt::Debug for Proposed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposed")
            .field("peer", &self.peer)
            .field("scores", &self.scores)
            .field("is_accepted", &self.is_accepted)
            .finish_non_exhaustive()
    }
}

/// Why a peer has said nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Silence {
    /// It had nothing to propose.
    Nothing,
    /// It failed.
    Failed(Fault),
    /// It had not answered in time.
    Late,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("it had nothing to propose"),
            Self::Failed(fault) => fault.fmt(f),
            Self::Late => f.write_str("it had not answered in time"),
        }
    }
}

/// A round of peers.
#[derive(Clone)]
#[non_exhaustive]
pub struct Round<P> {
    /// What was proposed, in the order of the peers.
    pub proposals: Vec<Proposed<P>>,
    /// Who proposed nothing, and why.
    pub silent: Vec<(Arc<str>, Silence)>,
    /// Reviews that there are not: who was to review, whose proposal, and why.
    pub unreviewed: Vec<(Arc<str>, Arc<str>, Silence)>,
    /// How far what was accepted has moved the state, where that is measured.
    pub change: Option<f64>,
}

// By hand: payloads are not printed.
impl<P> fmt::Debug for Round<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Round")
            .field("proposals", &self.proposals)
            .field("silent", &self.silent)
            .field("unreviewed", &self.unreviewed)
            .field("change", &self.change)
            .finish()
    }
}

impl<P> Round<P> {
    /// What was accepted, the best first.
    #[must_use]
    pub fn accepted(&self) -> Vec<&Proposed<P>> {
        let accepted = self.proposals.iter().filter(|it| it.is_accepted);
        let mut accepted: Vec<_> = accepted.collect();
        accepted.sort_by(|a, b| {
            let mean = |it: &Proposed<P>| it.mean.unwrap_or(0.0);
            mean(b).total_cmp(&mean(a))
        });
        accepted
    }
}

/// What peers come to: a state, and how they got there.
#[derive(Clone)]
#[non_exhaustive]
pub struct PeerReport<S, P> {
    /// The state after the last round.
    pub state: S,
    /// Why there were no more rounds.
    pub ended: Ended,
    /// All rounds, in order.
    pub rounds: Vec<Round<P>>,
}

// By hand: payloads are not printed.
impl<S, P> fmt::Debug for PeerReport<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerReport")
            .field("ended", &self.ended)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
