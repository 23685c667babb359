//! The rules of planning and carrying out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// There is a plan that has to be carried out, or the goal is not reached.
pub(super) const OPEN: Fact = Fact::Choice(0);
/// The goal is reached, or there is no plan: nothing is left to do.
pub(super) const SETTLED: Fact = Fact::Choice(1);

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Stage {
    Beginning,
    Planning,
    CarryingOut,
    Over,
}

impl Stage {
    const BEGIN: usize = 0;
    const PLAN: usize = 1;
    const CARRY_OUT: usize = 2;
}

/// The rules of planning: make a plan, carry it out, and where a step has failed make
/// another from what is there by now, a bounded number of times.
///
/// Participants: one that takes the goal in, one that plans, and one that carries the
/// plan out. Both say by a [`Fact::Choice`] whether anything is left to do (0) or not
/// (1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlannerProtocol {
    replans: u32,
    /// Plans that were asked for.
    plans: u32,
    stage: Stage,
    /// The call under way.
    call: Call,
}

impl PlannerProtocol {
    /// With so many further plans after the first.
    #[must_use]
    pub fn new(replans: u32) -> Self {
        Self {
            replans,
            plans: 0,
            stage: Stage::Beginning,
            call: 0,
        }
    }

    /// How many plans were asked for.
    #[must_use]
    pub fn plans(&self) -> u32 {
        self.plans
    }

    fn ask(&mut self, stage: Stage, worker: usize, effects: &mut Vec<Effect>) {
        let feed = Feed::AnswerTo(self.call);
        self.stage = stage;
        self.call += 1;
        effects.push(Effect::Ask {
            call: self.call,
            worker,
            feed,
        });
    }

    fn plan(&mut self, effects: &mut Vec<Effect>) {
        self.plans += 1;
        self.ask(Stage::Planning, Stage::PLAN, effects);
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.stage = Stage::Over;
        effects.push(Effect::Finish(Feed::AnswerTo(self.call)));
    }

    fn answered(&mut self, fact: Fact, effects: &mut Vec<Effect>) {
        match self.stage {
            Stage::Beginning => self.plan(effects),
            Stage::Planning if fact == OPEN => {
                self.ask(Stage::CarryingOut, Stage::CARRY_OUT, effects);
            }
            Stage::CarryingOut if fact == OPEN && self.plans <= self.replans => {
                effects.push(Effect::Note {
                    worker: Stage::CARRY_OUT,
                    outcome: StepOutcome::FellBack,
                });
                self.plan(effects);
            }
            _ => self.finish(effects),
        }
    }
}

impl Protocol for PlannerProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.stage == Stage::Over => {}
            Happened::Began => effects.push(Effect::Ask {
                call: self.call,
                worker: Stage::BEGIN,
                feed: Feed::Input,
            }),
            Happened::Answered { call, fact } if call == self.call => {
                self.answered(fact, effects);
            }
            Happened::Failed { call, .. } if call == self.call => {
                self.stage = Stage::Over;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            // News of a call that is over.
            _ => {}
        }
    }
}
