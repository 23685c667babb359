//! The rules of a swarm.
//!
//! ```text
//!  opening ─▶ knowledge ─▶ all explore, so many at once ─▶ scores ─▶ sharing ─┐
//!                ▲                                                            │
//!                └──── reached, converged, or no generation left? ◀───────────┘
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// Best scores that are kept, one of each of the last generations.
const HISTORY: usize = 1_000;

/// When a swarm has explored enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Convergence {
    /// Generations at most. Default 100.
    pub generations: u32,
    /// A best score of this or more is good enough. Default: none is.
    pub target: Option<f64>,
    /// After so many generations without an improvement it ends. Default: it goes on.
    pub patience: Option<u32>,
    /// What the best score has to grow by for an improvement. Default 0.
    pub improvement: f64,
}

impl Default for Convergence {
    fn default() -> Self {
        Self {
            generations: 100,
            target: None,
            patience: None,
            improvement: 0.0,
        }
    }
}

/// Why a swarm ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stopped {
    /// The best score has reached the target.
    Target,
    /// There was no improvement for long enough.
    Converged,
    /// There were as many generations as there may be.
    Generations,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    Opening(Call),
    /// Calls by the members' positions; whether they were heard.
    Exploring(Vec<(Call, bool)>),
    Sharing(Call),
    Over,
}

/// The rules of a swarm: generations of exploring, each from what the one before has
/// found, until that is good enough or gets no better.
///
/// Its participants are the members, who opens, and who shares. A member's answer is
/// its score; anything but a number is a failure, and so is not a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwarmProtocol {
    members: usize,
    concurrency: usize,
    until: Convergence,
    generation: u32,
    /// Of all so far.
    best: Option<f64>,
    /// The best score when there was an improvement last, and when that was.
    improved: Option<f64>,
    improved_in: u32,
    history: VecDeque<f64>,
    /// The call whose answer is what is known.
    known: Call,
    next: Call,
    phase: Phase,
    stopped: Option<Stopped>,
}

impl SwarmProtocol {
    /// A swarm of so many, of whom so many explore at once.
    #[must_use]
    pub fn new(members: usize, concurrency: usize, until: Convergence) -> Self {
        Self {
            members,
            concurrency: concurrency.max(1),
            until,
            generation: 0,
            best: None,
            improved: None,
            improved_in: 0,
            history: VecDeque::new(),
            known: 0,
            next: 0,
            phase: Phase::Opening(0),
            stopped: None,
        }
    }

    /// Generations begun so far.
    #[must_use]
    pub fn generations(&self) -> u32 {
        self.generation
    }

    /// The best score so far.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// The best score so far after each generation, the last 1,000 of them; those
    /// before anything was found are left out.
    pub fn history(&self) -> impl Iterator<Item = f64> + '_ {
        self.history.iter().copied()
    }

    /// Why it ended, once it has.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        self.stopped
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    /// The next generation, if there is one.
    fn next_generation(&mut self, effects: &mut Vec<Effect>) {
        match self.is_enough() {
            Some(why) => {
                self.stopped = Some(why);
                self.phase = Phase::Over;
                effects.push(Effect::Finish(Feed::AnswerTo(self.known)));
            }
            None => {
                self.generation += 1;
                let at_once = self.concurrency.min(self.members);
                let asked = (0..at_once).map(|member| self.explore(member, effects));
                self.phase = Phase::Exploring(asked.collect());
            }
        }
    }

    fn explore(&mut self, member: usize, effects: &mut Vec<Effect>) -> (Call, bool) {
        let known = Feed::AnswerTo(self.known);
        (self.ask(member, known, effects), false)
    }

    fn is_enough(&self) -> Option<Stopped> {
        let is_reached = match (self.best, self.until.target) {
            (Some(best), Some(target)) => best >= target,
            _ => false,
        };
        let waited = self.generation - self.improved_in;
        if is_reached {
            Some(Stopped::Target)
        } else if self
            .until
            .patience
            .is_some_and(|most| waited >= most.max(1))
        {
            Some(Stopped::Converged)
        } else if self.generation >= self.until.generations.max(1) {
            Some(Stopped::Generations)
        } else {
            None
        }
    }

    fn scored(&mut self, score: f64) {
        if self.best.is_none_or(|best| score > best) {
            self.best = Some(score);
        }
        let needed = self.improved.map(|last| last + self.until.improvement);
        if needed.is_none_or(|needed| score > needed) {
            self.improved = Some(score);
            self.improved_in = self.generation;
        }
    }

    /// A member has found something, or has failed to.
    fn heard(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        let Phase::Exploring(asked) = &mut self.phase else {
            return;
        };
        let mut open = asked.iter_mut().enumerate();
        let Some((member, (_, is_heard))) = open.find(|(_, it)| **it == (call, false)) else {
            return;
        };
        *is_heard = true;
        let mut asked = asked.clone();
        let outcome = match fact {
            Fact::Number(score) if !score.is_nan() => {
                self.scored(score);
                StepOutcome::Done
            }
            _ => StepOutcome::Failed,
        };
        effects.push(Effect::Note {
            worker: member,
            outcome,
        });
        if asked.len() < self.members {
            let next = asked.len();
            asked.push(self.explore(next, effects));
            self.phase = Phase::Exploring(asked);
        } else if asked.iter().all(|(_, is_heard)| *is_heard) {
            self.share(&asked, effects);
        }
    }

    /// What was known and what was found is what is known next.
    fn share(&mut self, found: &[(Call, bool)], effects: &mut Vec<Effect>) {
        let found = found.iter().map(|(call, _)| *call);
        let all: Vec<Call> = std::iter::once(self.known).chain(found).collect();
        let call = self.ask(self.members + 1, Feed::Gather(all.clone()), effects);
        effects.extend(all.into_iter().map(Effect::Forget));
        self.phase = Phase::Sharing(call);
        if let Some(best) = self.best {
            self.history.push_back(best);
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
    }

    fn awaits(&self, call: Call) -> bool {
        match &self.phase {
            Phase::Opening(it) | Phase::Sharing(it) => *it == call,
            Phase::Exploring(asked) => asked.contains(&(call, false)),
            Phase::Over => false,
        }
    }
}

impl Protocol for SwarmProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.phase == Phase::Over => {}
            Happened::Began => {
                let call = self.ask(self.members, Feed::Input, effects);
                self.phase = Phase::Opening(call);
            }
            Happened::Answered { call, fact } if self.awaits(call) => match self.phase {
                Phase::Exploring(_) => self.heard(call, fact, effects),
                _ => {
                    self.known = call;
                    self.next_generation(effects);
                }
            },
            // What a member fails with is an answer here: this is who opens or shares.
            Happened::Failed { call, .. } if self.awaits(call) => {
                self.phase = Phase::Over;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            _ => {}
        }
    }
}
