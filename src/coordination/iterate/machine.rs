//! The rules of a loop to convergence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// What a loop comes to that has used up its iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Otherwise {
    /// The best so far.
    BestSoFar,
    /// What somebody else makes of the best so far: the last worker.
    Escalate,
}

/// What becomes of a loop when an iteration fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OnFault {
    /// It fails. The default.
    #[default]
    Fails,
    /// The iteration is lost, and the next one goes on from what there was. It fails
    /// if all did.
    Skips,
}

/// The rules of a loop: each answer goes into the next iteration, until the score
/// is good enough or changes no more, and never more often than said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IterateProtocol {
    most: u32,
    /// A change of the score below this is none.
    change: f64,
    good_enough: Option<f64>,
    otherwise: Otherwise,
    on_fault: OnFault,
    /// Those who take turns.
    members: usize,
    done: u32,
    /// The call under way.
    call: Call,
    last: Option<Scored>,
    best: Option<Scored>,
    escalates: bool,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Scored {
    call: Call,
    /// Absent where there is no such number.
    score: Option<f64>,
}

impl IterateProtocol {
    /// At most so many iterations, at least one; a change below this is none.
    #[must_use]
    pub fn new(most: u32, change: f64, good_enough: Option<f64>, otherwise: Otherwise) -> Self {
        Self {
            most: most.max(1),
            change,
            good_enough,
            otherwise,
            on_fault: OnFault::default(),
            members: 1,
            done: 0,
            call: 0,
            last: None,
            best: None,
            escalates: false,
            is_over: false,
        }
    }

    /// So many workers take turns, one an iteration. Default 1.
    #[must_use]
    pub fn taking_turns(mut self, members: usize) -> Self {
        self.members = members.max(1);
        self
    }

    /// What becomes of it when an iteration fails. Default: it fails.
    #[must_use]
    pub fn on_fault(mut self, policy: OnFault) -> Self {
        self.on_fault = policy;
        self
    }

    /// Iterations so far.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.done
    }

    /// Whose turn it is.
    fn member(&self) -> usize {
        self.done as usize % self.members
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) {
        effects.push(Effect::Ask {
            call: self.call,
            worker,
            feed,
        });
    }

    fn end(&mut self, effect: Effect, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(effect);
    }

    fn answered(&mut self, fact: Fact, effects: &mut Vec<Effect>) {
        let now = Scored {
            call: self.call,
            score: match fact {
                Fact::Number(score) if !score.is_nan() => Some(score),
                _ => None,
            },
        };
        self.note(effects);
        self.done += 1;
        let has_converged = match (now.score, self.last.and_then(|last| last.score)) {
            (Some(now), Some(last)) => (now - last).abs() < self.change,
            _ => false,
        };
        let is_good_enough = match (now.score, self.good_enough) {
            (Some(score), Some(enough)) => score >= enough,
            _ => false,
        };
        let best = match self.best {
            Some(best) if best.score >= now.score => best,
            _ => now,
        };
        let earlier = [self.last.replace(now), self.best.replace(best), Some(now)];
        if is_good_enough || has_converged {
            self.end(Effect::Finish(Feed::AnswerTo(best.call)), effects);
        } else if self.done < self.most {
            forget(earlier, [now, best], effects);
            self.iterate(effects);
        } else {
            forget(earlier, [best, best], effects);
            self.used_up(best, effects);
        }
    }

    /// The next one, of the last that there is.
    fn iterate(&mut self, effects: &mut Vec<Effect>) {
        self.call += 1;
        let last = self.last.map(|last| Feed::AnswerTo(last.call));
        self.ask(self.member(), last.unwrap_or(Feed::Input), effects);
    }

    /// No iteration is left.
    fn used_up(&mut self, best: Scored, effects: &mut Vec<Effect>) {
        match self.otherwise {
            Otherwise::BestSoFar => self.end(Effect::Finish(Feed::AnswerTo(best.call)), effects),
            Otherwise::Escalate => {
                self.escalates = true;
                self.call += 1;
                self.ask(self.members, Feed::AnswerTo(best.call), effects);
            }
        }
    }

    fn failed(&mut self, effects: &mut Vec<Effect>) {
        if self.on_fault == OnFault::Fails || self.escalates {
            return self.end(Effect::Fail(Failure::Call(self.call)), effects);
        }
        effects.push(Effect::Note {
            worker: self.member(),
            outcome: StepOutcome::Failed,
        });
        self.done += 1;
        match self.best {
            _ if self.done < self.most => self.iterate(effects),
            Some(best) => self.used_up(best, effects),
            None => self.end(Effect::Fail(Failure::Call(self.call)), effects),
        }
    }

    /// Each iteration is an event, and a warning where few are left.
    fn note(&self, effects: &mut Vec<Effect>) {
        let done = self.done + 1;
        let few_left = done < self.most && u64::from(done) * 5 >= u64::from(self.most) * 4;
        effects.push(Effect::Note {
            worker: self.member(),
            outcome: match few_left {
                true => StepOutcome::FewLeft,
                false => StepOutcome::Done,
            },
        });
    }
}

/// Drops what is not needed any more.
fn forget(known: [Option<Scored>; 3], needed: [Scored; 2], effects: &mut Vec<Effect>) {
    let mut gone: Vec<Call> = known.into_iter().flatten().map(|it| it.call).collect();
    gone.retain(|call| needed.iter().all(|needed| needed.call != *call));
    gone.dedup();
    effects.extend(gone.into_iter().map(Effect::Forget));
}

impl Protocol for IterateProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => self.ask(0, Feed::Input, effects),
            Happened::Answered { call, .. } if call == self.call && self.escalates => {
                self.end(Effect::Finish(Feed::AnswerTo(call)), effects);
            }
            Happened::Answered { call, fact } if call == self.call => {
                self.answered(fact, effects);
            }
            Happened::Failed { call, .. } if call == self.call => {
                self.failed(effects);
            }
            // News of a call that is over.
            _ => {}
        }
    }
}
