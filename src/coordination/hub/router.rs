//! Who does a task: the spoke that fits it best, of those that were not asked before.

use std::sync::Arc;
use std::time::Duration;

use super::report::{Decision, Suitability};
use crate::actor::{Fault, FaultClass};
use crate::coordination::task::TaskRecord;
use crate::policy::choice::{Fitness, Recent, SelectionWeights, Skills, highest};
use crate::sync::Mutex;

/// A spoke as the router knows it.
pub(super) struct Known {
    pub(super) name: Arc<str>,
    pub(super) skills: Skills,
}

/// What changes from task to task.
#[derive(Clone, Copy, Default)]
struct Standing {
    in_hand: usize,
    recent: Recent,
}

#[derive(Default)]
struct Inside {
    /// By the spokes' positions.
    standings: Vec<Standing>,
    /// Where the search begins, so that equals take turns.
    turn: usize,
}

/// Chooses spokes, over all runs of a hub.
pub(super) struct Router {
    pub(super) spokes: Vec<Known>,
    weights: SelectionWeights,
    /// Tasks in hand with which a spoke has no room.
    full_at: usize,
    inside: Mutex<Inside>,
}

impl Router {
    pub(super) fn new(spokes: Vec<Known>, weights: SelectionWeights, full_at: usize) -> Self {
        let inside = Inside {
            standings: vec![Standing::default(); spokes.len()],
            turn: 0,
        };
        Self {
            spokes,
            weights,
            full_at: full_at.max(1),
            inside: Mutex::new(inside),
        }
    }

    /// Chooses for this task, not one of those tried; `is_available` is asked
    /// without a lock.
    pub(super) fn choose<Q>(
        self: &Arc<Self>,
        task: &TaskRecord<Q>,
        tried: &[usize],
        is_available: impl Fn(usize) -> bool,
    ) -> (Decision, Result<Routed, Fault>) {
        let mut candidates: Vec<_> = (self.spokes.iter().enumerate())
            .map(|(at, spoke)| match spoke.skills.capability(task.needs()) {
                Err(skill) => Suitability::Lacks(skill.to_owned()),
                Ok(_) if tried.contains(&at) => Suitability::Tried,
                Ok(_) if !is_available(at) => Suitability::Unavailable,
                Ok(capability) => Suitability::Score(capability),
            })
            .collect();
        let chosen = self.take(&mut candidates);
        let decision = Decision {
            chosen: chosen.map(|at| Arc::clone(&self.spokes[at].name)),
            candidates: (self.spokes.iter().zip(&candidates))
                .map(|(spoke, suitability)| (Arc::clone(&spoke.name), suitability.clone()))
                .collect(),
        };
        let routed = chosen.map(|spoke| Routed {
            spoke,
            place: Mutex::new(Some(Place {
                router: Arc::clone(self),
                spoke,
            })),
        });
        (decision, routed.ok_or_else(|| nobody(task, &candidates)))
    }

    /// Makes scores of capabilities, and takes a place with the best of them.
    fn take(&self, candidates: &mut [Suitability]) -> Option<usize> {
        let mut inside = self.inside.lock();
        for (candidate, standing) in candidates.iter_mut().zip(&inside.standings) {
            if let Suitability::Score(score) = candidate {
                *score = self.weights.score(Fitness {
                    capability: *score,
                    performance: standing.recent.share(),
                    load: standing.in_hand as f64 / self.full_at as f64,
                });
            }
        }
        let scores = candidates.iter().map(|candidate| match candidate {
            Suitability::Score(score) => Some(*score),
            _ => None,
        });
        let chosen = highest(scores, inside.turn)?;
        inside.turn = chosen + 1;
        inside.standings[chosen].in_hand += 1;
        Some(chosen)
    }

    /// How a task went that this spoke had in hand.
    pub(super) fn note(&self, spoke: usize, note: fn(&mut Recent)) {
        if let Some(standing) = self.inside.lock().standings.get_mut(spoke) {
            note(&mut standing.recent);
        }
    }

    /// As [`Router::note`], by the spoke's name.
    pub(super) fn was_late(&self, name: &Arc<str>) {
        if let Some(at) = self.spokes.iter().position(|spoke| spoke.name == *name) {
            self.note(at, Recent::failed);
        }
    }
}

/// Why nobody was chosen.
fn nobody<Q>(task: &TaskRecord<Q>, candidates: &[Suitability]) -> Fault {
    let is = |what: fn(&Suitability) -> bool| candidates.iter().any(what);
    let needs: Vec<_> = task.needs().collect();
    let needs = needs.join("\" and \"");
    if is(|it| matches!(it, Suitability::Unavailable)) {
        let words = format!("nobody else who can \"{needs}\" is available, retry later");
        Fault::overloaded(words, Duration::from_secs(1))
    } else if is(|it| matches!(it, Suitability::Tried)) {
        Fault::permanent(format!("everybody who can \"{needs}\" has tried"))
    } else {
        Fault::permanent(format!(
            "nobody can \"{needs}\", add a spoke with this skill"
        ))
    }
}

/// Nothing of a budget is left.
pub(super) fn broke() -> Fault {
    Fault::new(FaultClass::Budget, "the task's budget is spent")
}

/// A spoke that was chosen.
pub(super) struct Routed {
    pub(super) spoke: usize,
    /// Taken by the attempt.
    pub(super) place: Mutex<Option<Place>>,
}

/// A place at a spoke; given back when dropped.
pub(super) struct Place {
    router: Arc<Router>,
    spoke: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.router.inside.lock().standings[self.spoke].in_hand -= 1;
    }
}
