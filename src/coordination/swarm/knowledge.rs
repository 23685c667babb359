//! What a swarm knows, and what its members are given of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::actor::{Fault, FaultClass};
use crate::coordination::protocol::Dice;

/// Faults of members that are kept.
const FAULTS: usize = 100;

/// Something that was found.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scored<P> {
    /// What.
    pub value: P,
    /// How good it is; higher is better.
    pub score: f64,
    /// By whom.
    pub member: usize,
    /// When, from 1.
    pub generation: u32,
}

/// What kind of lesson it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LessonKind {
    /// What the best have in common.
    Pattern,
    /// How to go on.
    Strategy,
}

/// Something that the best have taught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lesson {
    /// What kind it is.
    pub kind: LessonKind,
    /// Its name, given with the closure that extracts it.
    pub name: Arc<str>,
    /// What it says.
    pub says: String,
}

/// A member that failed in a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemberFault {
    /// Which.
    pub member: usize,
    /// When, from 1.
    pub generation: u32,
    /// What kind of failure it was.
    pub class: FaultClass,
    /// In words.
    pub message: String,
}

/// What a member has found and how good it is.
pub(super) type Find<P> = Result<(P, f64), Fault>;

/// Extracts a lesson of the best, the very best first.
pub(super) type Extracts<P> = Arc<dyn Fn(&[Scored<P>]) -> Option<String> + Send + Sync>;

/// What all members are told.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shared<P> {
    /// What the asker gave to start from.
    pub starts: Vec<P>,
    /// The best so far, the very best first.
    pub best: Vec<Scored<P>>,
    /// What they teach.
    pub lessons: Vec<Lesson>,
    /// The last faults, the earliest first.
    pub faults: VecDeque<MemberFault>,
    /// Earlier faults that are not kept.
    pub dropped: u64,
    /// Generations that are over.
    pub generations: u32,
    /// What each member found last.
    own: Vec<Option<Scored<P>>>,
    seed: u64,
}

impl<P: Clone> Shared<P> {
    pub(super) fn new(starts: Vec<P>, members: usize, seed: u64) -> Self {
        Self {
            starts,
            best: Vec::new(),
            lessons: Vec::new(),
            faults: VecDeque::new(),
            dropped: 0,
            generations: 0,
            own: vec![None; members],
            seed,
        }
    }

    /// Takes in what a generation has found; the best so many are shared.
    pub(super) fn learn(&mut self, found: Vec<(usize, Find<P>)>, share: usize) {
        self.generations += 1;
        for (member, found) in found {
            match found {
                Ok((value, score)) => {
                    let scored = Scored {
                        value,
                        score,
                        member,
                        generation: self.generations,
                    };
                    if let Some(own) = self.own.get_mut(member) {
                        *own = Some(scored.clone());
                    }
                    self.best.push(scored);
                }
                Err(fault) => self.faults.push_back(MemberFault {
                    member,
                    generation: self.generations,
                    class: fault.class(),
                    message: fault.message().to_owned(),
                }),
            }
        }
        // Stable: of equals the earlier one leads.
        self.best.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.best.truncate(share);
        while self.faults.len() > FAULTS {
            self.faults.pop_front();
            self.dropped += 1;
        }
    }

    pub(super) fn teach(&mut self, lessons: &[(LessonKind, Arc<str>, Extracts<P>)]) {
        let said = lessons.iter().filter_map(|(kind, name, extract)| {
            Some(Lesson {
                kind: *kind,
                name: Arc::clone(name),
                says: extract(&self.best)?,
            })
        });
        self.lessons = said.collect();
    }
}

/// What a member is asked: to find something, from what is known.
#[derive(Clone)]
#[non_exhaustive]
pub struct Explore<P> {
    /// Whom, by its position.
    pub member: usize,
    /// In which generation, from 1.
    pub generation: u32,
    /// For its choices: the same for the same seed of the swarm, member and
    /// generation.
    pub seed: u64,
    /// What this member found last.
    pub own: Option<Scored<P>>,
    /// What all are told.
    pub shared: Arc<Shared<P>>,
}

impl<P: Clone> Explore<P> {
    pub(super) fn of(member: usize, shared: Arc<Shared<P>>) -> Self {
        let generation = shared.generations.saturating_add(1);
        // Each number goes through the dice on its own: neighbours are far apart.
        let mut seed = shared.seed;
        for part in [u64::from(generation), member as u64] {
            seed = Dice::new(seed ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03)).roll();
        }
        Self {
            member,
            generation,
            seed,
            own: shared.own.get(member).cloned().flatten(),
            shared,
        }
    }

    /// The best so far of all.
    #[must_use]
    pub fn best(&self) -> Option<&Scored<P>> {
        self.shared.best.first()
    }

    /// Dice of its seed.
    #[must_use]
    pub fn dice(&self) -> Dice {
        Dice::new(self.seed)
    }
}

// By hand: payloads are not printed.
impl<P> fmt::Debug for Scored<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scored")
            .field("score", &self.score)
            .field("member", &self.member)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Shared<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("best", &self.best)
            .field("lessons", &self.lessons)
            .field("faults", &self.faults.len())
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Explore<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explore")
            .field("member", &self.member)
            .field("generation", &self.generation)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_the_best_of_all_that_was_found(
            found in prop::collection::vec(prop::collection::vec(-9.0..9.0_f64, 0..5), 0..6),
            share in 1_usize..4,
        ) {
            let mut shared = Shared::new(vec![], 5, 0);
            let mut all = Vec::new();
            for generation in found {
                all.extend(generation.iter().copied());
                let scored = generation.into_iter().map(|score| Ok((score, score)));
                shared.learn(scored.enumerate().collect(), share);
            }
            all.sort_by(|a, b| b.total_cmp(a));
            all.truncate(share);
            let best: Vec<f64> = shared.best.iter().map(|it| it.score).collect();
            prop_assert_eq!(best, all);
        }

        #[test]
        fn faults_are_bounded_and_counted(faults in 0_usize..300) {
            let mut shared = Shared::<()>::new(vec![], 1, 0);
            for _ in 0..faults {
                shared.learn(vec![(0, Err(Fault::transient("no")))], 1);
            }
            prop_assert!(shared.faults.len() <= FAULTS);
            prop_assert_eq!(shared.faults.len() as u64 + shared.dropped, faults as u64);
        }
    }

    #[test]
    fn seeds_differ_by_member_and_generation_and_not_by_run() {
        let seeds = |generations| {
            let mut shared = Shared::<()>::new(vec![], 4, 7);
            shared.generations = generations;
            let shared = Arc::new(shared);
            (0..4).map(move |member| Explore::of(member, Arc::clone(&shared)).seed)
        };
        let all: std::collections::BTreeSet<u64> = (0..4).flat_map(seeds).collect();
        assert_eq!(all.len(), 16);
        assert!(seeds(2).eq(seeds(2)));
    }
}
