//! Loops to convergence: what a worker makes goes into it again, until it is good
//! enough or gets no better.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::iterate;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! // Newton's way to the root of 2.
//! let better = WorkerRef::from_fn("better", |x: f64| async move { Ok((x + 2.0 / x) / 2.0) });
//! let root = iterate(better, |x: &f64| -(x * x - 2.0).abs())
//!     .converged_below(1e-9)
//!     .start(&system, "root")
//!     .await?;
//! assert!((root.ask(1.0).await?.value - 2_f64.sqrt()).abs() < 1e-6);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *When does it end?* When the score is [good enough](Iterate::good_enough), or
//! has changed by less than [said](Iterate::converged_below) since the iteration
//! before, and at the latest after [so many](Iterate::at_most) iterations. There is
//! no loop without a bound.
//!
//! *What comes of it?* The best so far, which need not be the last one
//! (`d11_the_best_so_far_is_the_result`); or what
//! [somebody else](Iterate::escalate_to) makes of it, where the iterations were
//! used up.
//!
//! *Can I watch it?* Each iteration is an event; from the last fifth on it says
//! that few are left (`d11_each_iteration_is_an_event_and_the_last_ones_warn`).
//!
//! *What happens when an iteration fails?* The run does. Put a retry in front of
//! the worker. With several workers, [the next one](Iterate::on_fault) goes on from the
//! last draft that there is
//! (`d17_a_member_that_fails_loses_its_turn_and_the_next_has_the_last_draft`).
//!
//! *What if several are to improve it?* [`refine`] has a draft go round: each member in
//! its turn makes the next draft of the last one, until its quality is reached or
//! after 5 rounds (`d17_a_draft_goes_round_until_its_quality_is_reached`,
//! `d17_after_five_rounds_the_best_draft_is_the_result`).
//!
//! *Who says how good a draft is?* A closure, [a judge](Iterate::judged_by), or what
//! the answer says [about itself](Iterate::scored_by_quality)
//! (`d17_quality_is_a_closures_a_judges_or_the_answers_own`).

mod judged;
mod machine;

pub use machine::{IterateProtocol, OnFault, Otherwise};

use std::fmt;
use std::sync::Arc;

use super::driver::{Gathered, Participant, Score};
use super::pattern::{calls_for, start};
use super::protocol::Fact;
use crate::actor::{Fault, InvalidSpec, Metadata, System, WorkerRef};
use crate::supervision::StartError;

/// A loop to be. Made by [`iterate`].
#[must_use = "a loop does nothing until it is started"]
pub struct Iterate<T> {
    /// Those who take turns.
    workers: Vec<WorkerRef<T, T>>,
    score: Scores<T>,
    on_fault: OnFault,
    escalation: Option<WorkerRef<T, T>>,
    most: u32,
    change: f64,
    good_enough: Option<f64>,
    limit: usize,
}

/// Gives a worker its own answers until their score, of which more is better, is
/// good enough or gets no better. Costs one clone of each answer.
pub fn iterate<T: Clone + Send + 'static>(
    worker: impl Into<WorkerRef<T, T>>,
    score: impl Fn(&T) -> f64 + Send + Sync + 'static,
) -> Iterate<T> {
    Iterate {
        workers: vec![worker.into()],
        score: Arc::new(move |value, _| Fact::Number(score(value))),
        on_fault: OnFault::default(),
        escalation: None,
        most: 10,
        change: 0.01,
        good_enough: None,
        limit: 64,
    }
}

/// Has a draft go round these members, each of whom makes the next one of the last,
/// until it is [good enough](Iterate::good_enough), or for 5 rounds. The best draft is
/// the result. A member that fails loses its turn.
///
/// A draft is as good as it says it is; see [`Iterate::scored`] and
/// [`Iterate::judged_by`]. A change that is small does not end it, unless
/// [said so](Iterate::converged_below).
///
/// ```
/// use callboard::prelude::*;
/// use callboard::coordination::refine;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let adds = |what: &'static str| {
///     WorkerRef::from_fn(what, move |draft: String| async move { Ok(draft + what) })
/// };
/// let refined = refine([adds("a"), adds("b")])
///     .scored(|draft| draft.len() as f64)
///     .good_enough(3.0)
///     .start(&system, "refined")
///     .await?;
/// assert_eq!(refined.ask(String::new()).await?.value, "aba");
/// # Ok(())
/// # }
/// ```
pub fn refine<T, W>(members: impl IntoIterator<Item = W>) -> Iterate<T>
where
    T: Clone + Send + 'static,
    W: Into<WorkerRef<T, T>>,
{
    let workers = members.into_iter().map(Into::into).collect();
    let refine = Iterate {
        workers,
        score: Arc::new(quality),
        on_fault: OnFault::Skips,
        escalation: None,
        most: 0,
        change: 0.0,
        good_enough: None,
        limit: 64,
    };
    refine.rounds(5)
}

/// How good an answer is, for the machine.
type Scores<T> = Arc<dyn Fn(&T, &Metadata) -> Fact + Send + Sync>;

/// What an answer says of its own quality.
fn quality<T>(_: &T, says: &Metadata) -> Fact {
    says.quality.map_or(Fact::Nothing, Fact::Number)
}

impl<T: Clone + Send + 'static> Iterate<T> {
    /// Iterations, at least one. Default 10.
    pub fn at_most(mut self, iterations: u32) -> Self {
        self.most = iterations.max(1);
        self
    }

    /// Rounds, at least one: in each, each worker has one iteration. Default of
    /// [`refine`] 5.
    pub fn rounds(self, rounds: u32) -> Self {
        let members = u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
        self.at_most(rounds.max(1).saturating_mul(members))
    }

    /// How good an answer is, of which more is better. Not a number is unknown: it is
    /// the best only where nothing better is known.
    pub fn scored(mut self, score: impl Fn(&T) -> f64 + Send + Sync + 'static) -> Self {
        self.score = Arc::new(move |value, _| Fact::Number(score(value)));
        self
    }

    /// An answer is as good as it says it is, from 0 to 1: [`Metadata::quality`]. One
    /// that says nothing is unknown. Default of [`refine`].
    pub fn scored_by_quality(mut self) -> Self {
        self.score = Arc::new(quality);
        self
    }

    /// An answer is as good as this judge says, from 0 to 1. Asked after each
    /// iteration, which fails if the judge does. Costs one more clone.
    pub fn judged_by(mut self, judge: impl Into<WorkerRef<T, f64>>) -> Self {
        let judge = judge.into();
        let workers = self.workers.into_iter();
        self.workers = workers
            .map(|it| judged::judged(it, judge.clone()))
            .collect();
        self.score = Arc::new(quality);
        self
    }

    /// What becomes of it when an iteration fails. Default: it fails; of [`refine`],
    /// the next worker goes on.
    pub fn on_fault(mut self, policy: OnFault) -> Self {
        self.on_fault = policy;
        self
    }

    /// A change of the score below this ends it; 0 never does. Default 0.01.
    pub fn converged_below(mut self, change: f64) -> Self {
        self.change = change;
        self
    }

    /// A score of this or more ends it. Default: none does.
    pub fn good_enough(mut self, score: f64) -> Self {
        self.good_enough = Some(score);
        self
    }

    /// Who is given the best so far when the iterations are used up; the answer is
    /// the run's. Default: the best so far is.
    pub fn escalate_to(mut self, worker: impl Into<WorkerRef<T, T>>) -> Self {
        self.escalation = Some(worker.into());
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] where a change or a score is not a number, or there is
    /// no worker.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<T, T>, StartError> {
        if self.change.is_nan() || self.good_enough.is_some_and(f64::is_nan) {
            return Err(InvalidSpec::Combination("a loop is measured with numbers").into());
        }
        if self.workers.is_empty() {
            return Err(InvalidSpec::Combination("a loop has a worker at least").into());
        }
        let otherwise = match self.escalation {
            Some(_) => Otherwise::Escalate,
            None => Otherwise::BestSoFar,
        };
        let machine = IterateProtocol::new(self.most, self.change, self.good_enough, otherwise)
            .taking_turns(self.workers.len())
            .on_fault(self.on_fault);
        let workers = self.workers.into_iter().map(|worker| {
            let score = Arc::clone(&self.score);
            let worker = Participant::asks(worker.name(), worker).copying();
            worker
                .reads_served(move |value, says| score(value, says))
                .seat()
        });
        let escalation = self.escalation.map(|worker| {
            let name = worker.name();
            Participant::asks(name, worker).copying().seat()
        });
        let score = Score {
            machine,
            seats: workers.chain(escalation).collect(),
            conclude: Arc::new(|mut gathered: Gathered| {
                let best = gathered.last();
                best.ok_or_else(|| Fault::permanent("the loop left no answer"))
            }),
            on_error: None,
            limit: self.limit,
            calls: calls_for((self.most as usize).saturating_add(1)),
        };
        start(system, name.into(), score).await
    }
}

impl<T> fmt::Debug for Iterate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iterate")
            .field("workers", &self.workers)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
