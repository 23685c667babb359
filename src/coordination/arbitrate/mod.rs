//! Arbitration: who settles what a vote leaves undecided, in which order.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::{Arbiter, Dispute, Settled, Way, vote};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let says = |name: &'static str, what: &'static str| {
//!     WorkerRef::from_fn(name, move |_: String| async move { Ok(what) })
//! };
//! // The expert is given the question, all ballots and the distribution.
//! let chief = WorkerRef::from_fn("chief", |dispute: Dispute<String, &'static str>| async move {
//!     assert_eq!(dispute.verdict.tied, ["bird", "plane"]);
//!     Ok(dispute.ballots[1].choices[0])
//! });
//! let what = vote([says("a", "bird"), says("b", "plane")])
//!     .tie(Arbiter::expert(chief).within(secs(10)).or_plurality())
//!     .start(&system, "what")
//!     .await?;
//! let verdict = what.ask("what is it?".to_owned()).await?.value;
//! assert_eq!(verdict.decision, Some("plane"));
//! assert_eq!(verdict.settled, Settled::Arbitration(Way::Expert));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *When is an arbiter asked?* When the ballots decide nothing: on a tie, and where
//! a majority or a quorum is not reached. What they decide is not overturned.
//!
//! *In which order?* In that of the steps: each is asked once at most, and the
//! first that rules ends it. [`Arbiter::hybrid`] has the usual one: a confidence
//! above 0.7, then an expert, then a person where there is a tie, then plurality
//! (`d16_a_hybrid_goes_from_confidence_to_expert_to_person_to_plurality`).
//!
//! *What happens when an arbiter fails, or takes too long?* The next one is asked,
//! and what came of the first is in [`Verdict::arbitration`](super::Verdict)
//! (`d16_an_arbiter_that_fails_or_is_late_is_followed_by_the_next`). With none
//! left the verdict is undecided; that is data and not a fault.
//!
//! *May an arbiter rule for what nobody has voted for?* Yes: validate its answers
//! if it may not.
//!
//! *What is a meta-agent?* A worker that is given the dispute and says which way it
//! is to be settled, by a [`Way`]: the step of that kind is next
//! (`d16_a_meta_agent_chooses_the_way`). Where there is none, or it was asked
//! before, the step after the meta-agent is next; [`Way::Nobody`] ends it.
//!
//! *How is a person asked?* By a worker that answers when the person has decided,
//! with the whole context as data. [`Arbiter::within`] says how long that may take.

mod machine;

pub use machine::{ArbiterRules, Settles, Way};
pub(crate) use machine::{Arbitrated, Arbitration, Tried};

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::driver::{Participant, Seat};
use super::vote::Dispute;
use crate::actor::{Fault, FaultClass, WorkerRef};

/// What came of asking somebody to settle a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Who.
    pub by: Way,
    /// What came of it.
    pub outcome: Attempted,
}

/// How an attempt to settle a dispute went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Attempted {
    /// It ruled.
    Ruled,
    /// It said which way.
    Chose(Way),
    /// It failed.
    Failed {
        /// What kind of failure it was.
        class: FaultClass,
        /// In words.
        message: String,
    },
    /// It took too long.
    Late,
}

impl Attempt {
    /// Those that were made; the fault of each step by its position.
    pub(crate) fn all<'a>(
        steps: &[(ArbiterRules, Tried)],
        fault_of: impl Fn(usize) -> Option<&'a Fault>,
    ) -> Vec<Self> {
        let made = steps
            .iter()
            .enumerate()
            .filter_map(|(step, (rules, tried))| {
                let outcome = match tried {
                    Tried::Not | Tried::UnderWay(_) => return None,
                    Tried::Ruled => Attempted::Ruled,
                    Tried::Chose(way) => Attempted::Chose(*way),
                    Tried::Late => Attempted::Late,
                    Tried::Failed => {
                        let fault = fault_of(step)?;
                        Attempted::Failed {
                            class: fault.class(),
                            message: fault.message().to_owned(),
                        }
                    }
                };
                Some(Self {
                    by: rules.way,
                    outcome,
                })
            });
        made.collect()
    }
}

/// What a step rules, and how sure it is.
pub(crate) struct Ruling<C> {
    pub(crate) choice: C,
    pub(crate) confidence: f64,
}

/// A confidence above this wins, where it is not said otherwise.
const THRESHOLD: f64 = 0.7;

/// Who settles what a vote leaves undecided, in which order.
#[must_use = "an arbiter does nothing until a vote has it"]
pub struct Arbiter<In, C> {
    steps: Vec<(ArbiterRules, Seat)>,
    types: std::marker::PhantomData<fn(In) -> C>,
}

impl<In, C> Arbiter<In, C>
where
    In: Clone + Send + 'static,
    C: Clone + Send + 'static,
{
    fn none() -> Self {
        Self {
            steps: Vec::new(),
            types: std::marker::PhantomData,
        }
    }

    /// An expert rules.
    pub fn expert(worker: impl Into<WorkerRef<Dispute<In, C>, C>>) -> Self {
        Self::none().or_expert(worker)
    }

    /// A person rules, by a worker that answers when the person has decided.
    pub fn person(worker: impl Into<WorkerRef<Dispute<In, C>, C>>) -> Self {
        Self::none().or_person(worker)
    }

    /// Whoever leads wins, with a confidence above this, from 0 to 1.
    pub fn confident(threshold: f64) -> Self {
        Self::none().deciding(Way::Confidence, move |dispute| {
            let confidence = dispute.verdict.confidence;
            if confidence > threshold {
                leader(dispute)
            } else {
                let words = format!("a confidence of {confidence} is not above {threshold}");
                Err(Fault::permanent(words))
            }
        })
    }

    /// Whoever leads wins, however little.
    pub fn plurality() -> Self {
        Self::none().or_plurality()
    }

    /// A meta-agent says which of the steps that follow is next.
    pub fn meta(worker: impl Into<WorkerRef<Dispute<In, C>, Way>>) -> Self {
        let worker = worker.into();
        let meta = Participant::asks(worker.name(), worker).copying();
        Self::none().step(Way::Meta, meta.reads(|way: &Way| way.fact()).seat())
    }

    /// The usual order: whoever leads with a confidence above 0.7; else the
    /// expert; else, on a tie, the person; else plurality.
    pub fn hybrid(
        expert: impl Into<WorkerRef<Dispute<In, C>, C>>,
        person: impl Into<WorkerRef<Dispute<In, C>, C>>,
    ) -> Self {
        Self::confident(THRESHOLD)
            .or_expert(expert)
            .or_person_on_ties(person)
            .or_plurality()
    }

    /// Then an expert rules.
    pub fn or_expert(self, worker: impl Into<WorkerRef<Dispute<In, C>, C>>) -> Self {
        self.asking(Way::Expert, worker.into())
    }

    /// Then a person rules.
    pub fn or_person(self, worker: impl Into<WorkerRef<Dispute<In, C>, C>>) -> Self {
        self.asking(Way::Person, worker.into())
    }

    /// Then a person rules, if there is a tie.
    pub fn or_person_on_ties(self, worker: impl Into<WorkerRef<Dispute<In, C>, C>>) -> Self {
        self.or_person(worker).last(ArbiterRules::on_ties)
    }

    /// Then whoever leads wins, however little; the verdict says so.
    pub fn or_plurality(self) -> Self {
        self.deciding(Way::Plurality, leader)
    }

    /// How long the step before this may take. Default: as long as the asker has.
    pub fn within(self, within: Duration) -> Self {
        self.last(|rules| rules.within(within))
    }

    fn last(mut self, change: impl FnOnce(ArbiterRules) -> ArbiterRules) -> Self {
        if let Some((rules, _)) = self.steps.last_mut() {
            *rules = change(*rules);
        }
        self
    }

    fn step(mut self, way: Way, seat: Seat) -> Self {
        self.steps.push((ArbiterRules::new(way), seat));
        self
    }

    fn asking(self, way: Way, worker: WorkerRef<Dispute<In, C>, C>) -> Self {
        let rules = worker.map_served(|served| {
            let confidence = served.metadata.confidence.unwrap_or(1.0);
            served.map(|choice| Ruling { choice, confidence })
        });
        self.step(
            way,
            Participant::asks(worker.name(), rules).copying().seat(),
        )
    }

    fn deciding(
        self,
        way: Way,
        rules: impl Fn(Dispute<In, C>) -> Result<Ruling<C>, Fault> + Send + Sync + 'static,
    ) -> Self {
        self.step(
            way,
            Participant::computes(way.to_string(), rules)
                .copying()
                .seat(),
        )
    }

    /// The steps, for the machine, and those who take part in them.
    pub(crate) fn split(self) -> (Vec<ArbiterRules>, Vec<Seat>) {
        self.steps.into_iter().unzip()
    }
}

fn leader<In, C>(dispute: Dispute<In, C>) -> Result<Ruling<C>, Fault> {
    let confidence = dispute.verdict.confidence;
    let leader = dispute.verdict.leader;
    let leader = leader.ok_or_else(|| Fault::permanent("nobody leads alone"))?;
    Ok(Ruling {
        choice: leader,
        confidence,
    })
}

impl<In, C> fmt::Debug for Arbiter<In, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways: Vec<_> = self.steps.iter().map(|(rules, _)| rules.way).collect();
        write!(f, "Arbiter({ways:?})")
    }
}
