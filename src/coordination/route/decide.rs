//! Who is chosen.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::agent::{Entry, Place};
use super::decision::{Chosen, Decision, Matched, PassedOver};
use super::directory::{Able, Directory, Inside};
use super::wanted::{Effort, Match, Wanted};
use crate::policy::choice::{CoverMethod, Fitness, least_loaded, smallest_cover};

/// Descriptions that are looked at closely.
const MOST_ALIKE: usize = 16;

/// Capabilities that a team may be wanted for.
const MOST_NEEDS: usize = 64;

/// Looks again so often, where somebody else was faster.
const MOST_RACES: usize = 4;

/// A team is wanted for more capabilities than can be covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyNeeds(
    /// How many.
    pub usize,
);

impl fmt::Display for TooManyNeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(needs) = self;
        write!(
            f,
            "a team covers {MOST_NEEDS} capabilities and not {needs}, split the task"
        )
    }
}

impl Error for TooManyNeeds {}

type Found<In, Out> = Arc<Entry<In, Out>>;

/// Somebody who could do it now.
struct Candidate<'a, In, Out> {
    entry: &'a Found<In, Out>,
    fitness: Fitness,
    score: f64,
    in_hand: usize,
}

/// Somebody who is to do it.
pub(super) struct Pick<In, Out> {
    pub(super) place: Place<In, Out>,
    /// What of.
    pub(super) needs: Vec<String>,
}

impl<In: Send + 'static, Out: Send + 'static> Directory<In, Out> {
    /// Says who would be chosen now, and why. Nobody is asked anything.
    ///
    /// The cost grows with those who have the rarest of the capabilities, and not
    /// with the directory; for a text, with the descriptions that share letters with
    /// it. The first text after a change of the descriptions makes their index anew.
    ///
    /// # Errors
    ///
    /// [`TooManyNeeds`] of a team.
    pub fn decide(&self, wanted: &Wanted) -> Result<Decision, TooManyNeeds> {
        self.inside.look(wanted, &[]).map(|(decision, _)| decision)
    }

    /// Chooses, not one of those tried, and takes places; none where nobody could be
    /// chosen.
    #[allow(clippy::type_complexity, reason = "a decision and what came of it")]
    pub(super) fn choose(
        &self,
        wanted: &Wanted,
        tried: &[u64],
    ) -> Result<(Decision, Vec<Pick<In, Out>>), TooManyNeeds> {
        for _ in 1..MOST_RACES {
            let (decision, entries) = self.inside.look(wanted, tried)?;
            if let Some(picks) = picked(&decision, &entries) {
                return Ok((decision, picks));
            }
        }
        let (mut decision, entries) = self.inside.look(wanted, tried)?;
        let picks = picked(&decision, &entries).unwrap_or_default();
        if picks.is_empty() {
            for chosen in std::mem::take(&mut decision.chosen) {
                decision.passes(&chosen.agent, PassedOver::Full);
            }
        }
        Ok((decision, picks))
    }
}

/// A place with each of those chosen; `None` if somebody else was faster.
fn picked<In, Out>(decision: &Decision, entries: &[Found<In, Out>]) -> Option<Vec<Pick<In, Out>>> {
    let chosen = decision.chosen.iter().zip(entries);
    chosen
        .map(|(chosen, entry)| {
            Some(Pick {
                place: entry.take()?,
                needs: chosen.needs.clone(),
            })
        })
        .collect()
}

impl<In: Send + 'static, Out: Send + 'static> Inside<In, Out> {
    /// Who is to be chosen, without taking a place.
    #[allow(clippy::type_complexity, reason = "a decision and whom it is about")]
    fn look(
        &self,
        wanted: &Wanted,
        tried: &[u64],
    ) -> Result<(Decision, Vec<Found<In, Out>>), TooManyNeeds> {
        Ok(match &wanted.by {
            Match::Exact(needs) => self.exact(needs, wanted.effort, tried),
            Match::Team(needs) if needs.is_empty() => self.exact(needs, wanted.effort, tried),
            Match::Team(needs) if needs.len() > MOST_NEEDS => {
                return Err(TooManyNeeds(needs.len()));
            }
            Match::Team(needs) => self.team(needs, wanted.effort, tried),
            Match::Similar(text) => self.similar(text, wanted.effort, tried),
        })
    }

    fn exact(
        &self,
        needs: &[String],
        effort: Option<Effort>,
        tried: &[u64],
    ) -> (Decision, Vec<Found<In, Out>>) {
        let mut decision = Decision::new(Matched::Exactly, effort);
        self.miss(needs, &mut decision);
        if !decision.missing.is_empty() {
            return (decision, Vec::new());
        }
        let mut candidates = Vec::new();
        let some = self.with_some_of(needs);
        for able in &*some {
            let entry = &able.entry;
            let level = match needs {
                [_] => Ok(able.level),
                _ => entry
                    .agent
                    .skills
                    .capability(needs.iter().map(String::as_str)),
            };
            match level {
                Ok(level) => candidates.extend(self.assess(entry, level, tried, &mut decision)),
                Err(lacks) => {
                    let lacks = PassedOver::Lacks(lacks.to_owned());
                    decision.passes(&entry.agent.name, lacks);
                }
            }
        }
        let chosen = self.best(candidates, needs, &mut decision);
        (decision, chosen)
    }

    fn similar(
        &self,
        text: &str,
        effort: Option<Effort>,
        tried: &[u64],
    ) -> (Decision, Vec<Found<In, Out>>) {
        let mut decision = Decision::new(Matched::ByLikeness, effort);
        let described = self.described();
        let closest = described
            .index
            .closest(&self.embedder.embed(text), MOST_ALIKE);
        let mut candidates = Vec::new();
        for (at, likeness) in closest {
            let entry = &described.entries[at];
            if likeness >= self.config.likeness {
                candidates.extend(self.assess(entry, likeness, tried, &mut decision));
            } else {
                decision.passes(&entry.agent.name, PassedOver::Unlike(likeness));
            }
        }
        let chosen = self.best(candidates, &[], &mut decision);
        (decision, chosen)
    }

    fn team(
        &self,
        needs: &[String],
        effort: Option<Effort>,
        tried: &[u64],
    ) -> (Decision, Vec<Found<In, Out>>) {
        let mut decision = Decision::new(Matched::AsTeam(CoverMethod::Exact), effort);
        self.miss(needs, &mut decision);
        if !decision.missing.is_empty() {
            return (decision, Vec::new());
        }
        let mut who: BTreeMap<u64, (Found<In, Out>, u64)> = BTreeMap::new();
        for (bit, need) in needs.iter().enumerate() {
            for Able { entry, .. } in &*self.with(need) {
                let place = who.entry(entry.id);
                place.or_insert_with(|| (Arc::clone(entry), 0)).1 |= 1 << bit;
            }
        }
        let of = |set: u64| {
            let needs = needs.iter().enumerate();
            needs
                .filter(move |(bit, _)| set >> bit & 1 == 1)
                .map(|(_, need)| need.as_str())
        };
        let mut able: Vec<(Candidate<'_, In, Out>, u64)> = Vec::new();
        for (entry, set) in who.values() {
            let set = *set;
            let level = entry.agent.skills.capability(of(set)).unwrap_or(0.0);
            able.extend(
                self.assess(entry, level, tried, &mut decision)
                    .map(|it| (it, set)),
            );
        }
        // Of those who have the same, the best comes first, and equals take turns.
        let turn = self.turn().checked_rem(able.len()).unwrap_or(0);
        able.rotate_left(turn);
        able.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then(a.in_hand.cmp(&b.in_hand)));
        let sets: Vec<u64> = able.iter().map(|(_, set)| *set).collect();
        let all = needs
            .iter()
            .enumerate()
            .fold(0, |all, (bit, _)| all | 1 << bit);
        let members = match smallest_cover(all, &sets) {
            Ok(cover) => {
                decision.matched = Matched::AsTeam(cover.method);
                cover.sets
            }
            Err(_) => Vec::new(),
        };
        let (mut left, mut chosen) = (all, Vec::new());
        for (at, (candidate, set)) in able.into_iter().enumerate() {
            if members.contains(&at) {
                let needs = of(set & left).map(str::to_owned).collect();
                left &= !set;
                decision.chosen.push(candidate.chosen(needs));
                chosen.push(Arc::clone(candidate.entry));
            } else {
                decision.passes(
                    &candidate.entry.agent.name,
                    PassedOver::Scores(candidate.score),
                );
            }
        }
        (decision, chosen)
    }

    /// What nobody has.
    fn miss(&self, needs: &[String], decision: &mut Decision) {
        let missing = needs.iter().filter(|need| self.count_with(need) == 0);
        decision.missing.extend(missing.cloned());
    }

    /// Somebody who could do it; what speaks against it is noted.
    fn assess<'a>(
        &self,
        entry: &'a Found<In, Out>,
        level: f64,
        tried: &[u64],
        decision: &mut Decision,
    ) -> Option<Candidate<'a, In, Out>> {
        let in_hand = entry.in_hand();
        let against = if tried.contains(&entry.id) {
            Some(PassedOver::Tried)
        } else if in_hand >= entry.agent.room {
            Some(PassedOver::Full)
        } else if !entry.agent.worker.is_available() {
            Some(PassedOver::Unavailable)
        } else {
            None
        };
        if let Some(why) = against {
            decision.passes(&entry.agent.name, why);
            return None;
        }
        let suits = match decision.effort {
            None => 1.0,
            Some(Effort::Simple) => entry.agent.traits.speed,
            Some(Effort::Complex) => entry.agent.traits.power,
        };
        let fitness = Fitness {
            capability: level * suits,
            performance: entry.success(),
            load: in_hand as f64 / entry.agent.room as f64,
        };
        Some(Candidate {
            score: self.config.weights.score(fitness),
            entry,
            fitness,
            in_hand,
        })
    }

    /// The one with the highest score; of equals the least loaded, and of those the
    /// next in turn.
    fn best(
        &self,
        candidates: Vec<Candidate<'_, In, Out>>,
        needs: &[String],
        decision: &mut Decision,
    ) -> Vec<Found<In, Out>> {
        let scores = candidates.iter().map(|candidate| candidate.score);
        let highest = scores.fold(f64::NEG_INFINITY, f64::max);
        let equals = candidates
            .iter()
            .map(|candidate| (candidate.score >= highest).then_some(candidate.in_hand));
        let best = least_loaded(equals, self.turn());
        let mut chosen = Vec::new();
        for (at, candidate) in candidates.into_iter().enumerate() {
            if Some(at) == best {
                decision.chosen.push(candidate.chosen(needs.to_vec()));
                chosen.push(Arc::clone(candidate.entry));
            } else {
                let scores = PassedOver::Scores(candidate.score);
                decision.passes(&candidate.entry.agent.name, scores);
            }
        }
        chosen
    }
}

impl<In, Out> Candidate<'_, In, Out> {
    fn chosen(&self, needs: Vec<String>) -> Chosen {
        Chosen {
            agent: Arc::clone(&self.entry.agent.name),
            score: self.score,
            fitness: self.fitness,
            needs,
        }
    }
}
