//! The rules of a loop to convergence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// Who makes the next one of the last.
const WORKER: usize = 0;
/// Who is asked when no iteration is left.
const ESCALATION: usize = 1;

/// What a loop comes to that has used up its iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Otherwise {
    /// The best so far.
    BestSoFar,
    /// What somebody else makes of the best so far: the second worker.
    Escalate,
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
            done: 0,
            call: 0,
            last: None,
            best: None,
            escalates: false,
            is_over: false,
        }
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
        self.done += 1;
        self.note(effects);
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
            self.call += 1;
            self.ask(WORKER, Feed::AnswerTo(now.call), effects);
        } else if self.otherwise == Otherwise::Escalate {
            forget(earlier, [best, best], effects);
            self.escalates = true;
            self.call += 1;
            self.ask(ESCALATION, Feed::AnswerTo(best.call), effects);
        } else {
            self.end(Effect::Finish(Feed::AnswerTo(best.call)), effects);
        }
    }

    /// Each iteration is an event, and a warning where few are left.
    fn note(&self, effects: &mut Vec<Effect>) {
        let few_left = self.done < self.most && self.done * 5 >= self.most * 4;
        effects.push(Effect::Note {
            worker: WORKER,
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
            Happened::Began => self.ask(WORKER, Feed::Input, effects),
            Happened::Answered { call, .. } if call == self.call && self.escalates => {
                self.end(Effect::Finish(Feed::AnswerTo(call)), effects);
            }
            Happened::Answered { call, fact } if call == self.call => {
                self.answered(fact, effects);
            }
            Happened::Failed { call, .. } if call == self.call => {
                self.end(Effect::Fail(Failure::Call(call)), effects);
            }
            // News of a call that is over.
            _ => {}
        }
    }
}
