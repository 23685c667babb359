//! The control of a blackboard.
//!
//! ```text
//!  open ─▶ board: who is triggered? ─▶ solved, full, nobody, enough steps ─▶ end
//!            ▲          │ somebody
//!            │          ▼
//!          write ◀── the first by priority, so many side by side
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Dice, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// Sources at most: each is one bit of what the board says.
pub(super) const MOST_SOURCES: usize = 30;
/// What the board says besides.
pub(super) const FULL: u32 = 1 << 30;
pub(super) const SOLVED: u32 = 1 << 31;

/// How equals among the triggered are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Equals {
    /// Whoever was declared first. The default.
    #[default]
    Declared,
    /// Whoever the dice say, by the system's seed.
    Chance,
}

/// Why a blackboard is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ended {
    /// It is solved.
    Solved,
    /// Nobody has anything to say.
    Quiescent,
    /// There were as many steps as there may be.
    OutOfSteps,
    /// There is no room on the board.
    Full,
}

/// What a blackboard's control goes by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ControlRules {
    /// The sources' priorities, by their positions; the highest is first.
    pub priorities: Vec<u32>,
    /// How equals are told apart. Default: by their positions.
    pub equals: Equals,
    /// Sources asked side by side in a step. Default 1.
    pub side_by_side: usize,
    /// Steps at most. Default 100.
    pub steps: u32,
}

impl ControlRules {
    /// One source of the highest priority at a time, 100 steps at most.
    #[must_use]
    pub fn new(priorities: impl IntoIterator<Item = u32>) -> Self {
        Self {
            priorities: priorities.into_iter().collect(),
            equals: Equals::Declared,
            side_by_side: 1,
            steps: 100,
        }
    }

    /// How equals are told apart. Default: by their positions.
    #[must_use]
    pub fn equals(mut self, equals: Equals) -> Self {
        self.equals = equals;
        self
    }

    /// Sources asked side by side in a step. Default 1.
    #[must_use]
    pub fn side_by_side(mut self, sources: usize) -> Self {
        self.side_by_side = sources;
        self
    }

    /// Steps at most. Default 100.
    #[must_use]
    pub fn steps(mut self, steps: u32) -> Self {
        self.steps = steps;
        self
    }

    /// Of these sources, by their bits, those whose turn it is.
    fn choose(&self, candidates: u32, dice: &mut Dice) -> Vec<usize> {
        let is_one = |at: &usize| candidates & (1 << at) != 0;
        let all = (0..self.priorities.len().min(MOST_SOURCES)).filter(is_one);
        let mut ranked: Vec<_> = all
            .map(|at| {
                let chance = match self.equals {
                    Equals::Declared => 0,
                    Equals::Chance => dice.roll(),
                };
                (std::cmp::Reverse(self.priorities[at]), chance, at)
            })
            .collect();
        ranked.sort_unstable();
        ranked.truncate(self.side_by_side.max(1));
        ranked.into_iter().map(|(_, _, at)| at).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Stage {
    /// The board is read, or written on.
    Board(Call),
    /// These sources are asked.
    Asking(Vec<Call>),
    Over,
}

/// The control of a blackboard: of the sources that are triggered those of the highest
/// priority are asked; what they say is written; and again, until it is solved, nobody
/// has anything to say, or there were enough steps. A source that had nothing to say is
/// not asked again until the board has changed, and one that failed is not at all.
///
/// Participants: one that opens the board, the sources, and one that writes. Who opens
/// and who writes says by a [`Fact::Choice`] who is triggered, a bit each; bit 30 that
/// the board is full, and bit 31 that it is solved. A source says by a [`Fact::Count`]
/// how much it has to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlackboardProtocol {
    rules: ControlRules,
    dice: Dice,
    stage: Stage,
    /// The call whose answer is the board.
    board: Call,
    triggered: u32,
    /// With nothing to say about the board as it is.
    idle: u32,
    failed: u32,
    /// Whom each call asked.
    asked: Vec<usize>,
    /// Of this step, those that have something to say.
    said: Vec<Call>,
    steps: u32,
    ended: Option<Ended>,
}

impl BlackboardProtocol {
    /// By these rules.
    #[must_use]
    pub fn new(rules: ControlRules) -> Self {
        Self {
            rules,
            dice: Dice::default(),
            stage: Stage::Over,
            board: 0,
            triggered: 0,
            idle: 0,
            failed: 0,
            asked: Vec::new(),
            said: Vec::new(),
            steps: 0,
            ended: None,
        }
    }

    /// Why it is done, once it is.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Steps so far.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    fn writer(&self) -> usize {
        1 + self.rules.priorities.len()
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.asked.len();
        self.asked.push(worker);
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    /// The bit of the source that this call asked.
    fn bit(&self, call: Call) -> u32 {
        1 << (self.asked[call] - 1)
    }

    /// The next step, if there is one.
    fn step(&mut self, effects: &mut Vec<Effect>) {
        let candidates = self.triggered & !self.idle & !self.failed;
        let chosen = self.rules.choose(candidates, &mut self.dice);
        let ended = if self.triggered & SOLVED != 0 {
            Some(Ended::Solved)
        } else if self.triggered & FULL != 0 {
            Some(Ended::Full)
        } else if chosen.is_empty() {
            Some(Ended::Quiescent)
        } else if self.steps >= self.rules.steps {
            Some(Ended::OutOfSteps)
        } else {
            None
        };
        if ended.is_some() {
            self.ended = ended;
            self.stage = Stage::Over;
            effects.push(Effect::Finish(Feed::AnswerTo(self.board)));
            return;
        }
        self.steps += 1;
        self.said.clear();
        let board = self.board;
        let asks = chosen.into_iter();
        let calls = asks.map(|at| self.ask(1 + at, Feed::AnswerTo(board), effects));
        self.stage = Stage::Asking(calls.collect());
    }

    /// A source was heard.
    fn heard(&mut self, call: Call, says: Result<Fact, ()>, effects: &mut Vec<Effect>) {
        let bit = self.bit(call);
        let outcome = match says {
            Ok(Fact::Count(0)) => {
                self.idle |= bit;
                StepOutcome::Done
            }
            Ok(_) => {
                self.said.push(call);
                StepOutcome::Done
            }
            Err(()) => {
                self.failed |= bit;
                StepOutcome::Failed
            }
        };
        let worker = self.asked[call];
        effects.push(Effect::Note { worker, outcome });
        if let Stage::Asking(calls) = &mut self.stage {
            calls.retain(|known| *known != call);
            if !calls.is_empty() {
                return;
            }
        }
        if self.said.is_empty() {
            return self.step(effects);
        }
        // In the order in which they were asked, whoever was quicker.
        self.said.sort_unstable();
        let all = std::iter::once(self.board).chain(self.said.iter().copied());
        let feed = Feed::Gather(all.collect());
        let call = self.ask(self.writer(), feed, effects);
        self.stage = Stage::Board(call);
    }

    /// The board is as it says now.
    fn read(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        self.board = call;
        self.triggered = match fact {
            Fact::Choice(bits) => bits,
            _ => 0,
        };
        self.step(effects);
    }
}

impl Protocol for BlackboardProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        let is_asked = |call: &Call| match &self.stage {
            Stage::Asking(calls) => calls.contains(call),
            _ => false,
        };
        match *event {
            Happened::Began if self.asked.is_empty() => {
                let call = self.ask(0, Feed::Input, effects);
                self.stage = Stage::Board(call);
            }
            Happened::Answered { call, fact } if self.stage == Stage::Board(call) => {
                // Whoever had nothing to say looks at another board now.
                self.idle = 0;
                self.read(call, fact, effects);
            }
            Happened::Failed { call, .. } if self.stage == Stage::Board(call) => {
                self.stage = Stage::Over;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            Happened::Answered { call, fact } if is_asked(&call) => {
                self.heard(call, Ok(fact), effects);
            }
            Happened::Failed { call, .. } if is_asked(&call) => {
                self.heard(call, Err(()), effects);
            }
            // News of a call that is over.
            _ => {}
        }
    }

    fn seed(&mut self, seed: u64) {
        self.dice = Dice::new(seed);
    }
}
