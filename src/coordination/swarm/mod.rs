//! Swarms: members explore from the best that is known, what they find is scored, and
//! the best is shared with all, generation by generation.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::swarm::{Explore, Stopped, swarm};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! // Steps up or down from the best number so far.
//! let steps = WorkerRef::from_fn("steps", |explore: Explore<i64>| async move {
//!     let from = explore.best().map_or(0, |best| best.value);
//!     Ok(from + explore.dice().below(21) as i64 - 10)
//! });
//! let found = swarm(steps, |n: &i64| -((n - 100) as f64).abs())
//!     .target(0.0)
//!     .start(&system, "hundred")
//!     .await?;
//!
//! let swarmed = found.ask(vec![]).await?.value;
//! assert_eq!((swarmed.best, swarmed.stopped), (100, Stopped::Target));
//! assert!(swarmed.generations < 100);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What is a member given?* The best so far of all, what it found last itself, what
//! the asker gave to start from, the [lessons](Shared::lessons) that the best teach,
//! and a [seed](Explore::seed).
//!
//! *When does it end?* When the best score has reached a [target](Swarm::target), when
//! it has not improved for [long enough](Swarm::patience), and at the latest after
//! [so many](Swarm::generations) generations
//! (`d12_a_swarm_ends_by_its_target_when_it_converges_or_after_its_generations`).
//!
//! *Is higher better?* Yes. [`Swarm::minimize`] negates the objective in one place, so
//! the scores that are reported are negated, too
//! (`d12_a_minimum_is_the_maximum_of_the_negated_objective`).
//!
//! *What happens when a member fails, panics, or its score is not a number?* It has
//! found nothing in this generation; the others go on, and the fault is reported
//! (`d12_a_member_that_fails_is_contained_and_reported`). If nobody has ever found
//! anything, the run fails.
//!
//! *Can I repeat a run?* With the same [seed](Swarm::seed), workers that are functions
//! of what they are given find the same, in whatever order they answer
//! (`d12_the_same_seed_has_the_same_result_in_whatever_order_members_answer`).
//!
//! *Are there ready explorers?* [`particle_swarm`], for numbers within bounds
//! (`d12_a_particle_swarm_finds_the_minimum_of_the_sphere`,
//! `d12_a_particle_swarm_finds_the_minimum_of_rastrigin`). Where there are many
//! valleys it may end in one that is not the deepest
//! (`d12_in_five_dimensions_one_of_three_swarms_may_end_in_the_next_valley_of_rastrigin`):
//! run it with several seeds.
//!
//! *What is bounded?* Members that explore at once, generations, the best that are
//! shared, faults that are kept (100), history (1,000 generations), requests under
//! way, time by the asker's deadline.
//!
//! *Does every order of answers end well?* Yes, for up to four members
//! (`d12_every_swarm_of_up_to_four_ends_once_within_its_generations`).
//!
//! *What does it cost?* One ask a member and generation, one of the objective where it
//! is a worker, a clone or two of what is found. What is known is shared and not
//! copied, unless a member keeps it.

mod knowledge;
mod machine;
mod particles;
mod seats;

pub use knowledge::{Explore, Lesson, LessonKind, MemberFault, Scored, Shared};
pub use machine::{Convergence, Stopped, SwarmProtocol};
pub use particles::{Particle, particle_swarm};

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::knowledge::Extracts;
use self::seats::{Objective, Paper};
use super::driver::{Gathered, Score};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// Which scores are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Higher,
    Lower,
}

impl Sense {
    /// The one place where an objective is negated.
    fn higher_is_better(self, score: f64) -> f64 {
        match self {
            Self::Higher => score,
            Self::Lower => -score,
        }
    }
}

/// What came of a swarm.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Swarmed<P> {
    /// The best that was found.
    pub best: P,
    /// How good it is; higher is better.
    pub score: f64,
    /// Generations that were run.
    pub generations: u32,
    /// Why it ended.
    pub stopped: Stopped,
    /// The best score so far after each generation, the last 1,000 of them; those
    /// before anything was found are left out.
    pub history: Vec<f64>,
    /// What all were told at the end: the best, their lessons, the faults.
    pub shared: Shared<P>,
}

/// A swarm to be. Made by [`swarm`].
#[must_use = "a swarm does nothing until it is started"]
pub struct Swarm<P> {
    /// One for all, or one for each member.
    explorers: Vec<WorkerRef<Explore<P>, P>>,
    objective: Objective<P>,
    sense: Sense,
    members: usize,
    share: usize,
    lessons: Vec<(LessonKind, Arc<str>, Extracts<P>)>,
    until: Convergence,
    concurrency: usize,
    seed: u64,
    limit: usize,
    refused: Option<&'static str>,
}

/// A swarm whose members all ask this worker, and whose finds are as good as the
/// objective says; higher is better. A panic in there is a failure of that member.
pub fn swarm<P: Clone + Send + Sync + 'static>(
    explorer: impl Into<WorkerRef<Explore<P>, P>>,
    objective: impl Fn(&P) -> f64 + Send + Sync + 'static,
) -> Swarm<P> {
    Swarm {
        explorers: vec![explorer.into()],
        objective: Objective::Closure(Arc::new(objective)),
        sense: Sense::Higher,
        members: 10,
        share: 3,
        lessons: Vec::new(),
        until: Convergence::default(),
        concurrency: 10,
        seed: 0,
        limit: 64,
        refused: None,
    }
}

impl<P: Clone + Send + Sync + 'static> Swarm<P> {
    /// Members, at least one. Default 10.
    pub fn members(mut self, members: usize) -> Self {
        self.members = members.max(1);
        self
    }

    /// A worker for each member instead of one for all; there are as many members.
    pub fn explorers<W>(mut self, workers: impl IntoIterator<Item = W>) -> Self
    where
        W: Into<WorkerRef<Explore<P>, P>>,
    {
        self.explorers = workers.into_iter().map(Into::into).collect();
        self.members = self.explorers.len();
        self
    }

    /// A worker says how good a find is, instead of a closure. If it fails, so does the
    /// member.
    pub fn judged_by(mut self, objective: impl Into<WorkerRef<P, f64>>) -> Self {
        self.objective = Objective::Worker(objective.into());
        self
    }

    /// Lower is better: the objective is negated. Scores, the target and the history
    /// are those of the negated one.
    pub fn minimize(mut self) -> Self {
        self.sense = Sense::Lower;
        self
    }

    /// The best so many are shared with all, at least one. Default 3.
    pub fn share_best(mut self, best: usize) -> Self {
        self.share = best.max(1);
        self
    }

    /// What the best have in common, shared with all. A panic in here is a fault of the
    /// run.
    pub fn pattern(
        self,
        name: impl Into<Arc<str>>,
        extract: impl Fn(&[Scored<P>]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.lesson(LessonKind::Pattern, name.into(), Arc::new(extract))
    }

    /// How to go on, as the best teach it, shared with all. A panic in here is a fault
    /// of the run.
    pub fn strategy(
        self,
        name: impl Into<Arc<str>>,
        extract: impl Fn(&[Scored<P>]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.lesson(LessonKind::Strategy, name.into(), Arc::new(extract))
    }

    fn lesson(mut self, kind: LessonKind, name: Arc<str>, extract: Extracts<P>) -> Self {
        self.lessons.push((kind, name, extract));
        self
    }

    /// Generations at most, at least one. Default 100.
    pub fn generations(mut self, generations: u32) -> Self {
        self.until.generations = generations.max(1);
        self
    }

    /// A best score of this or more ends it. Default: none does.
    pub fn target(mut self, score: f64) -> Self {
        self.until.target = Some(score);
        self
    }

    /// Ends when the best score has not grown by more than `improvement` for so many
    /// generations, at least one. Default: it goes on.
    pub fn patience(mut self, generations: u32, improvement: f64) -> Self {
        self.until.patience = Some(generations.max(1));
        self.until.improvement = improvement;
        self
    }

    /// Members that explore at once. Default 10.
    pub fn concurrency(mut self, members: usize) -> Self {
        self.concurrency = members.max(1);
        self
    }

    /// Of the members' choices. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// It will not start, for this reason.
    fn refused(mut self, why: &'static str) -> Self {
        self.refused = Some(why);
        self
    }

    fn check(&self) -> Result<(), InvalidSpec> {
        let until = &self.until;
        let is_number = until.improvement >= 0.0 && !until.target.is_some_and(f64::is_nan);
        match self.refused {
            Some(why) => Err(InvalidSpec::Combination(why)),
            None if self.members == 0 => {
                Err(InvalidSpec::Combination("a swarm has a member at least"))
            }
            None if !is_number => Err(InvalidSpec::Combination(
                "a swarm's target is a number, and its improvement one from 0 on",
            )),
            None => Ok(()),
        }
    }

    /// Starts it under this name; the result is a worker again. It is asked with what
    /// to start from, which may be nothing.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] where there are no members, or the target or the
    /// improvement is not a number.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<Vec<P>, Swarmed<P>>, StartError> {
        self.check()?;
        let machine = SwarmProtocol::new(self.members, self.concurrency, self.until);
        let explorers = self.explorers.iter().cycle().take(self.members);
        let members = explorers.enumerate().map(|(at, explorer)| {
            seats::member(at, explorer.clone(), self.objective.clone(), self.sense)
        });
        let clerks = [
            seats::opens::<P>(self.members, self.seed),
            seats::shares(self.share, self.lessons),
        ];
        let each = self.members.saturating_add(1);
        let calls = each.saturating_mul(self.until.generations as usize);
        let score = Score {
            machine,
            seats: members.chain(clerks).collect(),
            conclude: Arc::new(conclude::<P>),
            on_error: None,
            limit: self.limit,
            calls: calls_for(calls.saturating_add(1)),
        };
        start(system, name.into(), score).await
    }
}

fn conclude<P: Clone + Send + Sync + 'static>(
    mut gathered: Gathered<'_>,
) -> Result<Swarmed<P>, Fault> {
    let lost = || Fault::permanent("the swarm left nothing that is known");
    let machine = gathered.machine.downcast_ref::<SwarmProtocol>();
    let machine = machine.ok_or_else(lost)?;
    let paper = gathered.last::<Paper<P>>();
    let shared = Arc::unwrap_or_clone(paper.ok_or_else(lost)?.shared()?);
    let Some(best) = shared.best.first().cloned() else {
        let words = match shared.faults.back() {
            Some(fault) => format!("nobody has found anything, at last: {}", fault.message),
            None => "nobody has found anything".to_owned(),
        };
        return Err(Fault::permanent(words));
    };
    Ok(Swarmed {
        best: best.value,
        score: best.score,
        generations: machine.generations(),
        stopped: machine.stopped().ok_or_else(lost)?,
        history: machine.history().collect(),
        shared,
    })
}

impl<P> fmt::Debug for Swarmed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swarmed")
            .field("score", &self.score)
            .field("generations", &self.generations)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Swarm<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swarm")
            .field("members", &self.members)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
