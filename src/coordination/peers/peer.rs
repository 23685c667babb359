//! One of the peers, what it is asked, and what comes of that.

use std::fmt;
use std::sync::Arc;

use crate::actor::WorkerRef;

/// What a peer is asked about the proposal of another.
#[derive(Clone)]
#[non_exhaustive]
pub struct Review<S, P> {
    /// The state that it would change.
    pub state: S,
    /// What is proposed.
    pub proposal: P,
    /// Who proposes it.
    pub by: Arc<str>,
}

/// What is to be applied in a round.
#[derive(Clone)]
#[non_exhaustive]
pub struct Accepted<S, P> {
    /// The state so far.
    pub state: S,
    /// What was accepted, the best first; of equals in the order of the peers.
    pub accepted: Vec<P>,
}

// By hand: payloads are not printed.
impl<S, P> fmt::Debug for Review<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Review(of {})", self.by)
    }
}

impl<S, P> fmt::Debug for Accepted<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accepted({})", self.accepted.len())
    }
}

/// One who proposes, and reviews what its neighbours propose.
pub struct Peer<S, P> {
    pub(super) name: Arc<str>,
    pub(super) proposes: WorkerRef<S, Option<P>>,
    pub(super) reviews: WorkerRef<Review<S, P>, f64>,
}

impl<S: Send + 'static, P: Send + 'static> Peer<S, P> {
    /// Proposes with the first worker, which may have nothing to propose; reviews with
    /// the second, whose score is 0 to 1.
    pub fn new(
        name: impl Into<Arc<str>>,
        proposes: impl Into<WorkerRef<S, Option<P>>>,
        reviews: impl Into<WorkerRef<Review<S, P>, f64>>,
    ) -> Self {
        Self {
            name: name.into(),
            proposes: proposes.into(),
            reviews: reviews.into(),
        }
    }
}

impl<S, P> fmt::Debug for Peer<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.name)
    }
}
