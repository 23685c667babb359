//! How a conflict is resolved.

use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Conflict};
use super::strongest::{Order, by_confidence, by_priority, by_time, strongest, unanimous};
use crate::actor::{Fault, WorkerRef};
use crate::coordination::driver::{Participant, Seat};
use crate::coordination::protocol::Fact;
use crate::coordination::vote::Verdict;

/// What a strategy goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StrategyKind {
    /// All claims agree.
    Unanimous,
    /// The latest claim.
    Timestamp,
    /// The claim with the highest priority.
    Priority,
    /// The most confident claim.
    Confidence,
    /// A vote of those who are asked.
    Consensus,
    /// One value made of all.
    Merge,
    /// A person decides.
    Person,
    /// A meta-agent says by which strategy.
    Meta,
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unanimous => "unanimous",
            Self::Timestamp => "timestamp",
            Self::Priority => "priority",
            Self::Confidence => "confidence",
            Self::Consensus => "consensus",
            Self::Merge => "merge",
            Self::Person => "person",
            Self::Meta => "meta-agent",
        })
    }
}

/// What a strategy decides, and how sure that is.
pub(super) struct Decision<V> {
    pub(super) value: V,
    pub(super) confidence: f64,
}

/// How a conflict is resolved.
#[must_use = "a strategy does nothing until a resolver has it"]
pub struct Strategy<K, V> {
    pub(super) kind: StrategyKind,
    pub(super) within: Option<Duration>,
    pub(super) seat: Option<Seat>,
    types: std::marker::PhantomData<fn(K) -> V>,
}

impl<K, V> Strategy<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
{
    fn new(kind: StrategyKind, seat: Option<Seat>) -> Self {
        Self {
            kind,
            within: None,
            seat,
            types: std::marker::PhantomData,
        }
    }

    /// The latest claim wins; of several the most confident.
    pub fn timestamp() -> Self {
        Self::new(StrategyKind::Timestamp, None)
    }

    /// The claim with the highest priority wins; of several the most confident.
    pub fn priority() -> Self {
        Self::new(StrategyKind::Priority, None)
    }

    /// The most confident claim wins.
    pub fn confidence() -> Self {
        Self::new(StrategyKind::Confidence, None)
    }

    /// What all claims together come to. A panic in here is a setback.
    pub fn merge(merge: impl Fn(&[Claim<V>]) -> Result<V, Fault> + Send + Sync + 'static) -> Self {
        let merge = move |conflict: Conflict<K, V>| {
            let value = merge(&conflict.claims)?;
            let sure = conflict.claims.iter().map(|claim| claim.confidence);
            // As sure as the least sure of those it is made of.
            let confidence = sure.fold(1.0, f64::min);
            Ok(Decision { value, confidence })
        };
        Self::new(StrategyKind::Merge, Some(computes("merge", merge)))
    }

    /// The agents that are active vote on the conflict: a started
    /// [`vote`](crate::coordination::vote()) among them. For all of those that
    /// answer to agree, `vote(agents).quorum(1.0).of(Base::Voting)`.
    pub fn consensus(vote: impl Into<WorkerRef<Conflict<K, V>, Verdict<V>>>) -> Self {
        let vote = vote.into().try_map(|verdict| {
            let undecided = || Fault::permanent("the vote did not decide");
            verdict.decision.ok_or_else(undecided)
        });
        Self::new(StrategyKind::Consensus, Some(asks(&vote)))
    }

    /// A person decides, by a worker that answers when the person has.
    pub fn person(worker: impl Into<WorkerRef<Conflict<K, V>, V>>) -> Self {
        Self::new(StrategyKind::Person, Some(asks(&worker.into())))
    }

    /// A meta-agent says by which strategy: timestamp, priority or confidence, or
    /// any that the resolver has for some kind.
    pub fn meta(worker: impl Into<WorkerRef<Conflict<K, V>, StrategyKind>>) -> Self {
        let worker = worker.into();
        let meta = Participant::asks(worker.name(), worker).copying();
        let seat = meta
            .reads(|kind: &StrategyKind| Fact::Choice(*kind as u32))
            .seat();
        Self::new(StrategyKind::Meta, Some(seat))
    }

    /// How long it may take. Default: as long as the asker has.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }
}

impl<K, V> fmt::Debug for Strategy<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strategy({})", self.kind)
    }
}

fn asks<K, V>(worker: &WorkerRef<Conflict<K, V>, V>) -> Seat
where
    K: Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    let decides = worker.map_served(|served| {
        let confidence = served.metadata.confidence.unwrap_or(1.0);
        served.map(|value| Decision { value, confidence })
    });
    Participant::asks(worker.name(), decides).copying().seat()
}

fn computes<K, V>(
    name: &'static str,
    decides: impl Fn(Conflict<K, V>) -> Result<Decision<V>, Fault> + Send + Sync + 'static,
) -> Seat
where
    K: Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    Participant::computes(name, decides).copying().seat()
}

/// The strategies that every resolver has, and what decides a unanimous conflict.
pub(super) fn always<K, V>() -> [(StrategyKind, Seat); 4]
where
    K: Clone + Send + 'static,
    V: Clone + PartialEq + Send + 'static,
{
    let ordered = |name, orders: &'static [Order<V>]| {
        computes(name, move |conflict: Conflict<K, V>| {
            decided(strongest(&conflict.claims, orders))
        })
    };
    [
        (
            StrategyKind::Unanimous,
            computes("unanimous", |conflict: Conflict<K, V>| {
                decided(unanimous(&conflict.claims))
            }),
        ),
        (
            StrategyKind::Timestamp,
            ordered("timestamp", &[by_time, by_confidence]),
        ),
        (
            StrategyKind::Priority,
            ordered("priority", &[by_priority, by_confidence]),
        ),
        (
            StrategyKind::Confidence,
            ordered("confidence", &[by_confidence]),
        ),
    ]
}

fn decided<V: Clone>(claim: Option<&Claim<V>>) -> Result<Decision<V>, Fault> {
    let tied = || Fault::permanent("claims of the same strength contradict each other");
    let claim = claim.ok_or_else(tied)?;
    Ok(Decision {
        value: claim.value.clone(),
        confidence: claim.confidence,
    })
}

/// Whether all claims agree.
pub(super) fn is_unanimous<K, V: PartialEq>(conflict: &Conflict<K, V>) -> bool {
    unanimous(&conflict.claims).is_some()
}
