//! Peers: all propose, neighbours review each other, and what is accepted is applied,
//! round by round, with nobody in charge.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::peers::{Ended, Peer, Review, peers};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! // Each wants its own word in the text, and likes short words.
//! let writer = |name: &'static str, word: &'static str| {
//!     let proposes = WorkerRef::from_fn(name, move |text: Vec<&'static str>| async move {
//!         Ok((!text.contains(&word)).then_some(word))
//!     });
//!     let reviews = WorkerRef::from_fn(name, |it: Review<Vec<&'static str>, &'static str>| async move {
//!         Ok(if it.proposal.len() < 6 { 0.9 } else { 0.1 })
//!     });
//!     Peer::new(name, proposes, reviews)
//! };
//! let text = peers("text")
//!     .peer(writer("ann", "clear"))
//!     .peer(writer("bob", "short"))
//!     .peer(writer("cy", "multitudinous"))
//!     .edge("ann", "bob")
//!     .edge("bob", "cy")
//!     .apply(|mut text, accepted| {
//!         text.extend(accepted);
//!         Ok(text)
//!     })
//!     .start(&system)
//!     .await?;
//!
//! let report = text.ask(vec![]).await?.value;
//! assert_eq!(report.state, ["clear", "short"]);
//! assert_eq!(report.ended, Ended::NothingAccepted);
//! // In the second round only Cy still proposes something, and Bob is against it.
//! assert_eq!(report.rounds.len(), 2);
//! assert_eq!(report.rounds[1].proposals[0].mean, Some(0.1));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Who reviews what?* Each proposal goes to all neighbours of its peer, and never to
//! that peer (`d13_proposals_are_reviewed_by_neighbours_and_never_by_their_own_peer`).
//! Without [edges](Peers::edge) all are neighbours. An edge to oneself or to somebody
//! unknown is refused, and so is a peer without neighbours, whom nobody could review
//! (`d13_a_graph_of_peers_that_makes_no_sense_is_refused_at_the_start`).
//!
//! *What is accepted?* What has a mean score of the [threshold](Peers::threshold) or
//! more. A proposal that nobody reviewed is not
//! (`d13_a_proposal_that_nobody_reviewed_is_not_accepted`).
//!
//! *When does it end?* When nothing was accepted in a round, when what was accepted
//! [changed](Peers::converged_below) little, or when no [rounds](Peers::rounds) are
//! left (`d13_it_ends_when_what_was_accepted_changes_little`,
//! `d13_it_ends_when_no_rounds_are_left`). [`PeerReport::ended`] says which. These are
//! answers; none of them is a fault.
//!
//! *What happens when a peer fails?* It proposes nothing, or its review is missing, in
//! that round; both are in the [`Round`]
//! (`d13_a_peer_that_fails_or_is_late_is_told_and_the_others_go_on`). In the next round
//! it is asked again. If nobody answers at all, that is [`Ended::NobodyAnswered`], and
//! not taken for agreement (`d13_peers_that_all_fail_do_not_agree`). A fault of whoever
//! applies what is accepted is the run's.
//!
//! *Is that so in every order?* Yes, twice and after a crash
//! (`d13_every_round_of_up_to_four_peers_is_reviewed_by_others_and_ends_once`).
//!
//! *What is bounded?* Peers (100), rounds, calls at once, the time for proposals and
//! for reviews in each round. The report keeps all proposals of all rounds.
//!
//! *What does it cost?* In each round a clone of the state a proposal and a review,
//! and one of the proposal a review: with everybody a neighbour, the square of the
//! peers. Give edges where there are many.

mod file;
mod machine;
mod peer;
mod report;
mod rules;

pub use machine::PeerProtocol;
pub use peer::{Accepted, Peer, Review};
pub use report::{PeerReport, Proposed, Round, Silence};
pub use rules::{Ended, PeerRules};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::file::{Desk, Measure, Paper, apply_seat};
use super::driver::{Act, Answer, Fed, Gathered, Kinds, Score, Seat};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// Peers that there may be.
const MOST_PEERS: usize = 100;

/// Peers to be. Made by [`peers`].
#[must_use = "peers do nothing until they are started"]
pub struct Peers<S, P> {
    name: Arc<str>,
    peers: Vec<Peer<S, P>>,
    edges: Vec<(String, String)>,
    apply: Option<WorkerRef<Accepted<S, P>, S>>,
    threshold: f64,
    measure: Option<Measure<S>>,
    rules: PeerRules,
    limit: usize,
}

/// Peers under this name, who work on a state with proposals.
pub fn peers<S, P>(name: impl Into<Arc<str>>) -> Peers<S, P>
where
    S: Clone + Send + 'static,
    P: Clone + Send + 'static,
{
    Peers {
        name: name.into(),
        peers: Vec::new(),
        edges: Vec::new(),
        apply: None,
        threshold: 0.5,
        measure: None,
        rules: PeerRules::new(0),
        limit: 64,
    }
}

impl<S, P> Peers<S, P>
where
    S: Clone + Send + 'static,
    P: Clone + Send + 'static,
{
    /// Adds a peer.
    pub fn peer(mut self, peer: Peer<S, P>) -> Self {
        self.peers.push(peer);
        self
    }

    /// These two are neighbours: each reviews what the other proposes. Default: all
    /// are, until the first edge is given.
    pub fn edge(mut self, one: impl Into<String>, other: impl Into<String>) -> Self {
        self.edges.push((one.into(), other.into()));
        self
    }

    /// How what was accepted, the best first, changes the state. It runs on the
    /// driver's task.
    pub fn apply(
        self,
        apply: impl Fn(S, Vec<P>) -> Result<S, Fault> + Send + Sync + 'static,
    ) -> Self {
        self.apply_by(WorkerRef::from_fn("apply", move |it: Accepted<S, P>| {
            std::future::ready(apply(it.state, it.accepted))
        }))
    }

    /// Who makes the next state of the last one and what was accepted.
    pub fn apply_by(mut self, worker: impl Into<WorkerRef<Accepted<S, P>, S>>) -> Self {
        self.apply = Some(worker.into());
        self
    }

    /// The mean score from which on a proposal is accepted, 0 to 1. Default 0.5.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// How far a state is from the one before; a change below this ends it. Default:
    /// it is not measured.
    pub fn converged_below(
        mut self,
        change: f64,
        measure: impl Fn(&S, &S) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.rules.change = change;
        self.measure = Some(Arc::new(measure));
        self
    }

    /// Rounds, at least one. Default 50.
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.rules.rounds = rounds.max(1);
        self
    }

    /// Peers asked at once. Default 10.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.rules.concurrency = calls.max(1);
        self
    }

    /// How long proposals are taken in a round, and then reviews. Default 30 s, as
    /// standard work takes.
    pub fn within(mut self, within: Duration) -> Self {
        self.rules.within = within;
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts them; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] where there are not 2 to 100 peers or two of the same
    /// name, where an edge is to oneself or to somebody unknown or a peer has none,
    /// where nothing is applied, and where a threshold or a change is no such number.
    pub async fn start(
        self,
        system: &System,
    ) -> Result<WorkerRef<S, PeerReport<S, P>>, StartError> {
        let name = Arc::clone(&self.name);
        start(system, name, self.score()?).await
    }

    fn position(&self, name: &str) -> Result<usize, InvalidSpec> {
        let at = self.peers.iter().position(|peer| *peer.name == *name);
        at.ok_or_else(|| {
            InvalidSpec::Wiring(format!("an edge names {name:?}, who is no peer, add it"))
        })
    }

    /// The neighbours of each peer.
    fn neighbours(&self) -> Result<Vec<Vec<usize>>, InvalidSpec> {
        if self.edges.is_empty() {
            return Ok(PeerRules::new(self.peers.len()).neighbours);
        }
        let mut neighbours = vec![Vec::new(); self.peers.len()];
        for (one, other) in &self.edges {
            let (a, b) = (self.position(one)?, self.position(other)?);
            if a == b {
                let why = format!("{one:?} is no neighbour of itself, nobody reviews its own");
                return Err(InvalidSpec::Wiring(why));
            }
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
        for (peer, known) in self.peers.iter().zip(&mut neighbours) {
            if known.is_empty() {
                let why = format!(
                    "{:?} has no neighbours to review it, add an edge",
                    peer.name
                );
                return Err(InvalidSpec::Wiring(why));
            }
            known.sort_unstable();
            known.dedup();
        }
        Ok(neighbours)
    }

    fn validate(&self) -> Result<(), InvalidSpec> {
        let refuse = |why| Err(InvalidSpec::Combination(why));
        if !(2..=MOST_PEERS).contains(&self.peers.len()) {
            return refuse("there are 2 to 100 peers, or nobody reviews anybody");
        }
        let mut names: Vec<_> = self.peers.iter().map(|peer| &peer.name).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < self.peers.len() {
            return refuse("two peers have the same name, give each one of its own");
        }
        if !(0.0..=1.0).contains(&self.threshold) {
            return refuse("a threshold of scores is a number from 0 to 1");
        }
        if self.rules.change.is_nan() {
            return refuse("a change is measured with numbers");
        }
        Ok(())
    }

    fn score(mut self) -> Result<Score<PeerProtocol, PeerReport<S, P>>, InvalidSpec> {
        self.validate()?;
        self.rules.neighbours = self.neighbours()?;
        let nothing = InvalidSpec::Combination("peers work on a state, say how to apply to it");
        let apply = self.apply.take().ok_or(nothing)?;
        let names: Arc<[Arc<str>]> = self.peers.iter().map(|it| Arc::clone(&it.name)).collect();
        let desk = Arc::new(Desk {
            names: names.to_vec(),
            neighbours: self.rules.neighbours.clone(),
            threshold: self.threshold,
            measure: self.measure,
        });
        let clerks = [
            clerk::<S, P>("opening", &desk, Desk::open::<P>),
            clerk::<S, P>("judgement", &desk, Desk::judge::<P>),
            apply_seat(apply),
            clerk::<S, P>("record", &desk, Desk::record::<P>),
        ];
        let peers = self.peers.iter().enumerate();
        let propose = peers.clone().map(|(at, peer)| peer.proposes_seat(at));
        let review = peers.map(|(at, peer)| peer.reviews_seat(at, &names));
        Ok(Score {
            seats: clerks.into_iter().chain(propose).chain(review).collect(),
            calls: calls_for(self.rules.calls()),
            machine: PeerProtocol::new(self.rules),
            conclude: Arc::new(conclude::<S, P>),
            on_error: None,
            limit: self.limit,
        })
    }
}

/// Who keeps the file.
fn clerk<S: Send + 'static, P: 'static>(
    name: &str,
    desk: &Arc<Desk<S>>,
    does: fn(&Desk<S>, Fed) -> Result<Answer, Fault>,
) -> Seat {
    let desk = Arc::clone(desk);
    Seat {
        name: name.into(),
        act: Act::Computes(Box::new(move |fed| does(&desk, fed))),
        copy: None,
        kinds: Kinds::of::<Paper<S, P>, Paper<S, P>>(),
    }
}

fn conclude<S, P>(mut gathered: Gathered<'_>) -> Result<PeerReport<S, P>, Fault>
where
    S: Send + 'static,
    P: Send + 'static,
{
    let machine = gathered.machine.downcast_ref::<PeerProtocol>();
    match (
        gathered.last::<Paper<S, P>>(),
        machine.and_then(PeerProtocol::ended),
    ) {
        (Some(Paper::File(file)), Some(ended)) => Ok(file.conclude(ended)),
        _ => Err(file::wrong()),
    }
}

impl<S, P> fmt::Debug for Peers<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("name", &self.name)
            .field("peers", &self.peers)
            .field("edges", &self.edges)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
