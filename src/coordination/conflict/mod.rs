//! Conflict resolution: claims that contradict each other become one decision, by
//! the strategy for their kind, and every decision is on record.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::conflict::{Claim, Conflict, Strategy, StrategyKind, resolve};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let resolver = resolve()
//!     .on("state", Strategy::timestamp())
//!     .on("plan", Strategy::priority())
//!     .on("estimate", Strategy::merge(|claims| {
//!         Ok(claims.iter().map(|claim| claim.value).sum::<u32>() / claims.len() as u32)
//!     }))
//!     .start(&system, "resolver")
//!     .await?;
//!
//! let claims = [Claim::new("a", 4).at(secs(1)), Claim::new("b", 8).at(secs(2))];
//! let worker = resolver.worker();
//! let state = worker.ask(Conflict::new("state", claims.clone())).await?.value;
//! assert_eq!((state.decision, state.by), (Some(8), Some(StrategyKind::Timestamp)));
//! let estimate = worker.ask(Conflict::new("estimate", claims)).await?.value;
//! assert_eq!(estimate.decision, Some(6));
//!
//! let audit = resolver.audit();
//! assert_eq!(audit.entries.len(), 2);
//! assert_eq!(audit.entries[0].conflict.claims[1].agent, "b");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *In which order?* Claims that agree are not in conflict: unanimous wins. Else
//! the strategy for the kind decides, or the one for
//! [all others](Resolve::otherwise); without one the most confident claim wins
//! (`d19_unanimous_wins_then_the_strategy_of_the_kind_then_confidence`).
//!
//! *What happens when a strategy does not decide?* Claims are tied, a vote is not
//! reached, a person takes too long: then the most confident claim wins, and the
//! [setback](Setback) is told
//! (`d19_a_strategy_that_does_not_decide_is_followed_by_confidence`). If the most
//! confident contradict each other too, nothing is decided; that is data and not a
//! fault (`d19_what_cannot_be_told_apart_is_not_decided`).
//!
//! *Does the order of claims matter?* No, nor do the agents' names
//! (`d19_the_order_of_claims_does_not_matter`).
//!
//! *What is consensus?* A [vote](mod@super::vote) of the agents that are active,
//! which is a worker like any other
//! (`d19_consensus_is_a_vote_of_the_agents_that_answer`).
//!
//! *What is on record?* Of each decision the claims, what was decided, by which
//! strategy, what was tried before, and when. The latest 1,000, unless
//! [said otherwise](Resolve::audits); those that were dropped are counted
//! (`d19_the_audit_log_is_bounded_and_counts_what_it_dropped`). What was cancelled
//! was not decided, and is not there.
//!
//! *Where does a claim's confidence come from?* From whoever makes it;
//! [`Claim::of`] takes it from what an answer says about itself.

mod audit;
mod claim;
mod machine;
mod strategy;
mod strongest;

pub use audit::{Audit, AuditEntry};
pub use claim::{Claim, Conflict, Resolution, Setback};
pub use machine::{ConflictProtocol, StrategyRules};
pub use strategy::{Strategy, StrategyKind};

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use self::audit::AuditLog;
use self::strategy::{Decision, always, is_unanimous};
use super::driver::{Gathered, Participant, Score, Seat};
use super::pattern::{calls_for, start};
use super::protocol::Fact;
use crate::actor::{Fault, FaultClass, System, WorkerRef};
use crate::supervision::StartError;

/// A resolver to be. Made by [`resolve`].
#[must_use = "a resolver does nothing until it is started"]
pub struct Resolve<K, V> {
    kinds: Vec<(K, Strategy<K, V>)>,
    otherwise: Option<Strategy<K, V>>,
    audits: usize,
    limit: usize,
}

/// Resolves conflicts; each kind has a strategy.
pub fn resolve<K, V>() -> Resolve<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
{
    Resolve {
        kinds: Vec::new(),
        otherwise: None,
        audits: 1_000,
        limit: 64,
    }
}

impl<K, V> Resolve<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
{
    /// Conflicts of this kind are resolved so. What was said of a kind last holds.
    pub fn on(mut self, kind: K, strategy: Strategy<K, V>) -> Self {
        self.kinds.push((kind, strategy));
        self
    }

    /// Conflicts of all other kinds are resolved so. Default: by confidence.
    pub fn otherwise(mut self, strategy: Strategy<K, V>) -> Self {
        self.otherwise = Some(strategy);
        self
    }

    /// Decisions that are kept on record. Default 1,000.
    pub fn audits(mut self, decisions: usize) -> Self {
        self.audits = decisions;
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it under this name.
    ///
    /// # Errors
    ///
    /// What [`System::spawn`] says.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<Resolver<K, V>, StartError> {
        let log = Arc::new(AuditLog::new(self.audits));
        let worker = start(system, name.into(), self.score(Arc::clone(&log))).await?;
        Ok(Resolver { worker, log })
    }

    fn score(self, log: Arc<AuditLog<K, V>>) -> Score<ConflictProtocol, Resolution<V>> {
        let mut plan = Plan::default();
        for (kind, seat) in always::<K, V>() {
            plan.add(StrategyRules::new(kind), seat);
        }
        let kinds = self.kinds.into_iter();
        let kinds = kinds.map(|(kind, strategy)| (kind, plan.place(strategy)));
        let kinds: HashMap<K, u32> = kinds.collect();
        let otherwise = self.otherwise.unwrap_or_else(Strategy::confidence);
        let otherwise = plan.place(otherwise);
        // Unanimity has the first place.
        let first = move |conflict: &Conflict<K, V>| match is_unanimous(conflict) {
            true => 0,
            false => kinds.get(&conflict.kind).copied().unwrap_or(otherwise),
        };
        let look = Participant::computes("look", |conflict: Conflict<K, V>| {
            if conflict.claims.is_empty() {
                return Err(Fault::permanent("a conflict has at least one claim"));
            }
            Ok(conflict)
        });
        let look = look
            .copying()
            .reads(move |conflict| Fact::Choice(first(conflict)));
        let Plan { rules, seats } = plan;
        let calls = calls_for(rules.len() + 1);
        Score {
            machine: ConflictProtocol::new(rules.clone()),
            seats: std::iter::once(look.seat()).chain(seats).collect(),
            conclude: Arc::new(move |gathered| conclude(gathered, &rules, &log)),
            on_error: None,
            limit: self.limit,
            calls,
        }
    }
}

/// The strategies by their positions.
#[derive(Default)]
struct Plan {
    rules: Vec<StrategyRules>,
    seats: Vec<Seat>,
}

impl Plan {
    fn add(&mut self, rules: StrategyRules, seat: Seat) -> u32 {
        self.rules.push(rules);
        self.seats.push(seat);
        u32::try_from(self.seats.len() - 1).unwrap_or(u32::MAX)
    }

    /// Where a strategy stands; one that every resolver has is there already.
    fn place<K, V>(&mut self, strategy: Strategy<K, V>) -> u32 {
        let Strategy {
            kind, within, seat, ..
        } = strategy;
        match seat {
            Some(seat) => self.add(StrategyRules { kind, within }, seat),
            None => {
                let known = self.rules.iter().position(|rules| rules.kind == kind);
                known
                    .and_then(|at| u32::try_from(at).ok())
                    .unwrap_or(u32::MAX)
            }
        }
    }
}

fn conclude<K, V>(
    gathered: Gathered<'_>,
    rules: &[StrategyRules],
    log: &AuditLog<K, V>,
) -> Result<Resolution<V>, Fault>
where
    K: Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    let lost = || Fault::permanent("the resolution left no state");
    let machine = gathered.machine.downcast_ref::<ConflictProtocol>();
    let machine = machine.ok_or_else(lost)?;
    let mut answers = gathered.answers.into_iter().map(|(_, payload)| payload);
    let conflict = answers
        .next()
        .and_then(|it| it.downcast::<Conflict<K, V>>().ok());
    let decision = answers
        .next()
        .and_then(|it| it.downcast::<Decision<V>>().ok());
    let path: Vec<_> = machine.tried().iter().map(|at| rules[*at].kind).collect();
    let setbacks = machine.tried().iter().filter_map(|&at| {
        let strategy = rules[at].kind;
        let mut faults = gathered.failures.iter();
        let fault = faults.find(|(participant, _)| *participant == at + 1);
        let (class, message) = match fault {
            Some((_, fault)) => (fault.class(), fault.message().to_owned()),
            None if machine.late().contains(&at) => {
                (FaultClass::Deadline, String::from("it took too long"))
            }
            None => return None,
        };
        Some(Setback {
            strategy,
            class,
            message,
        })
    });
    let resolution = Resolution {
        by: decision.as_ref().and_then(|_| path.last().copied()),
        confidence: decision.as_ref().map_or(0.0, |it| it.confidence),
        decision: decision.map(|it| it.value),
        setbacks: setbacks.collect(),
        path,
    };
    log.enter(*conflict.ok_or_else(lost)?, resolution.clone());
    Ok(resolution)
}

impl<K, V> fmt::Debug for Resolve<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolve")
            .field("kinds", &self.kinds.len())
            .field("otherwise", &self.otherwise)
            .finish_non_exhaustive()
    }
}

/// A resolver that was started: a worker, and its audit log.
pub struct Resolver<K, V> {
    worker: WorkerRef<Conflict<K, V>, Resolution<V>>,
    log: Arc<AuditLog<K, V>>,
}

impl<K, V> Resolver<K, V>
where
    K: Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    /// The worker that resolves conflicts.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<Conflict<K, V>, Resolution<V>> {
        self.worker.map_served(|mut served| {
            let resolution: &Resolution<V> = &served.value;
            served.metadata.confidence = Some(resolution.confidence);
            served
        })
    }

    /// What was decided so far. Costs a copy of what is kept.
    #[must_use]
    pub fn audit(&self) -> Audit<K, V> {
        self.log.read()
    }
}

impl<K, V> Clone for Resolver<K, V> {
    fn clone(&self) -> Self {
        Self {
            worker: self.worker.clone(),
            log: Arc::clone(&self.log),
        }
    }
}

impl<K, V> fmt::Debug for Resolver<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({:?})", self.worker)
    }
}
