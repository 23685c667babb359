//! The rules of a routing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::FaultClass;
use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// Where one part of the work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Part {
    Waits,
    /// An agent is asked, after so many others.
    Asked {
        call: Call,
        tried: u32,
        chosen: Option<Call>,
    },
    /// Somebody else is looked for.
    Replaced {
        call: Call,
        tried: u32,
    },
    Done(Call),
}

/// Chooses who does a task, asks them side by side, and chooses anew for whoever
/// fails, so often at most.
///
/// ```text
///  choose ─▶ so many parts ─▶ ask an agent each ─▶ all done: finish
///                                │ fails      ▲
///                                └─▶ replace ─┘    nobody else, or too often: fail
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteProtocol {
    /// Agents asked for one part at most.
    attempts: u32,
    /// Agents asked at once.
    concurrency: usize,
    parts: Vec<Part>,
    next: Call,
    is_over: bool,
}

impl RouteProtocol {
    /// Who chooses: its answer has a part for each agent.
    pub const CHOOSER: usize = 0;
    /// Who replaces an agent that failed.
    pub const REPLACER: usize = 1;
    /// All agents: the part says which.
    pub const AGENT: usize = 2;

    /// At most so many agents for one part of the work, and asked at once; one at
    /// least.
    #[must_use]
    pub fn new(attempts: u32, concurrency: usize) -> Self {
        Self {
            attempts: attempts.max(1),
            concurrency: concurrency.max(1),
            parts: Vec::new(),
            next: 0,
            is_over: false,
        }
    }

    /// How many parts there are, and are done.
    #[must_use]
    pub fn parts(&self) -> (usize, usize) {
        let done = self
            .parts
            .iter()
            .filter(|part| matches!(part, Part::Done(_)));
        (self.parts.len(), done.count())
    }

    /// How many agents have been asked for the part for which most were.
    #[must_use]
    pub fn most_tried(&self) -> u32 {
        let tried = self.parts.iter().map(|part| match part {
            Part::Asked { tried, .. } | Part::Replaced { tried, .. } => *tried,
            Part::Waits | Part::Done(_) => 0,
        });
        tried.max().unwrap_or(0)
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn under_way(&self) -> usize {
        let parts = self.parts.iter();
        parts
            .filter(|part| matches!(part, Part::Asked { .. } | Part::Replaced { .. }))
            .count()
    }

    /// Asks as many as may be, and finishes when all are done.
    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        for at in 0..self.parts.len() {
            if self.parts[at] == Part::Waits && self.under_way() < self.concurrency {
                let call = self.ask(Self::AGENT, Feed::Part { of: 0, at }, effects);
                self.parts[at] = Part::Asked {
                    call,
                    tried: 1,
                    chosen: None,
                };
            }
        }
        let done = self.parts.iter().map(|part| match part {
            Part::Done(call) => Some(*call),
            _ => None,
        });
        if let Some(done) = done.collect::<Option<Vec<_>>>() {
            self.is_over = true;
            effects.push(Effect::Finish(Feed::Gather(done)));
        }
    }

    fn fail(&mut self, call: Call, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(Effect::Fail(Failure::Call(call)));
    }

    /// The part that this call is for, while it is under way.
    fn part_of(&self, of: Call) -> Option<usize> {
        self.parts.iter().position(|part| match part {
            Part::Asked { call, .. } | Part::Replaced { call, .. } => *call == of,
            Part::Waits | Part::Done(_) => false,
        })
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        if call == 0 && self.parts.is_empty() {
            return match fact {
                Fact::Count(parts @ 1..) => {
                    self.parts = vec![Part::Waits; parts as usize];
                    self.go_on(effects);
                }
                _ => {
                    self.is_over = true;
                    effects.push(Effect::Fail(Failure::because("nobody was chosen")));
                }
            };
        }
        let Some(at) = self.part_of(call) else {
            return;
        };
        if let Part::Replaced { tried, .. } = self.parts[at] {
            let asked = self.ask(Self::AGENT, Feed::AnswerTo(call), effects);
            self.parts[at] = Part::Asked {
                call: asked,
                tried: tried + 1,
                chosen: Some(call),
            };
            return;
        }
        self.parts[at] = Part::Done(call);
        effects.push(note(StepOutcome::Done));
        self.go_on(effects);
    }

    fn failed(&mut self, call: Call, class: FaultClass, effects: &mut Vec<Effect>) {
        if call == 0 && self.parts.is_empty() {
            return self.fail(call, effects);
        }
        let Some(at) = self.part_of(call) else {
            return;
        };
        match self.parts[at] {
            Part::Asked { tried, chosen, .. } if tried < self.attempts && may_try(class) => {
                effects.push(note(StepOutcome::FellBack));
                let feed = match chosen {
                    None => Feed::Part { of: 0, at },
                    Some(chosen) => Feed::AnswerTo(chosen),
                };
                let call = self.ask(Self::REPLACER, feed, effects);
                self.parts[at] = Part::Replaced { call, tried };
            }
            _ => {
                effects.push(note(StepOutcome::Failed));
                self.fail(call, effects);
            }
        }
    }
}

/// Whether somebody else may succeed where one has failed so.
fn may_try(class: FaultClass) -> bool {
    !matches!(class, FaultClass::Cancelled | FaultClass::Budget)
}

fn note(outcome: StepOutcome) -> Effect {
    Effect::Note {
        worker: RouteProtocol::AGENT,
        outcome,
    }
}

impl Protocol for RouteProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        if self.is_over {
            return;
        }
        match *event {
            Happened::Began => {
                self.ask(Self::CHOOSER, Feed::Input, effects);
            }
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            Happened::Failed { call, class } => self.failed(call, class, effects),
            Happened::TimeUp { .. } => {}
        }
    }
}
