//! The rules of a resolution.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::strategy::StrategyKind;
use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome, Timer,
};

/// When a strategy has taken too long.
const OVER: Timer = 0;
/// The call that looks which strategy is first.
const LOOK: Call = 0;

/// One strategy, as the machine knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StrategyRules {
    /// What it goes by.
    pub kind: StrategyKind,
    /// In how much time. Default: in the asker's.
    pub within: Option<Duration>,
}

impl StrategyRules {
    /// A strategy with as much time as the asker has.
    #[must_use]
    pub fn new(kind: StrategyKind) -> Self {
        Self { kind, within: None }
    }

    /// In how much time. Default: in the asker's.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }
}

/// The rules of a resolution: somebody looks which strategy is first; a strategy
/// that does not decide is followed by the confidence of the claims; and with that
/// it ends, decided or not. Each strategy is tried once at most.
///
/// Participants: one that looks and says a strategy by its position, and the
/// strategies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConflictProtocol {
    strategies: Vec<StrategyRules>,
    /// In the order in which they were tried.
    tried: Vec<usize>,
    late: Vec<usize>,
    call: Call,
    is_over: bool,
}

impl ConflictProtocol {
    /// Among these strategies.
    #[must_use]
    pub fn new(strategies: Vec<StrategyRules>) -> Self {
        Self {
            strategies,
            tried: Vec::new(),
            late: Vec::new(),
            call: LOOK,
            is_over: false,
        }
    }

    /// The strategies that were tried, by their positions and in order.
    #[must_use]
    pub fn tried(&self) -> &[usize] {
        &self.tried
    }

    /// Those that took too long.
    #[must_use]
    pub fn late(&self) -> &[usize] {
        &self.late
    }

    fn position(&self, kind: StrategyKind) -> Option<usize> {
        self.strategies.iter().position(|rules| rules.kind == kind)
    }

    /// Tries this strategy; where there is none, or it was tried before, the
    /// confidence of the claims.
    fn attempt(&mut self, strategy: Option<usize>, effects: &mut Vec<Effect>) {
        let confidence = self.position(StrategyKind::Confidence);
        let mut fit = strategy.into_iter().chain(confidence);
        let fit = fit.find(|it| *it < self.strategies.len() && !self.tried.contains(it));
        let Some(strategy) = fit else {
            return self.end(vec![LOOK], effects);
        };
        self.tried.push(strategy);
        self.call += 1;
        effects.push(Effect::Ask {
            call: self.call,
            worker: 1 + strategy,
            feed: Feed::Input,
        });
        if let Some(after) = self.strategies[strategy].within {
            effects.push(Effect::SetTimer { timer: OVER, after });
        }
    }

    fn end(&mut self, result: Vec<Call>, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(Effect::Finish(Feed::Gather(result)));
    }

    /// The strategy that is being tried.
    fn current(&self) -> Option<usize> {
        self.tried.last().copied()
    }

    /// The strategy is over; its timer is not needed any more.
    fn over(&self, strategy: usize, outcome: StepOutcome, effects: &mut Vec<Effect>) {
        if self.strategies[strategy].within.is_some() {
            effects.push(Effect::StopTimer(OVER));
        }
        effects.push(Effect::Note {
            worker: 1 + strategy,
            outcome,
        });
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        let said = match fact {
            Fact::Choice(said) => Some(said),
            _ => None,
        };
        let Some(strategy) = self.current() else {
            let first = said.and_then(|position| usize::try_from(position).ok());
            return self.attempt(first, effects);
        };
        self.over(strategy, StepOutcome::Done, effects);
        if self.strategies[strategy].kind == StrategyKind::Meta {
            let mut strategies = self.strategies.iter();
            let chosen = strategies.position(|rules| Some(rules.kind as u32) == said);
            self.attempt(chosen, effects);
        } else {
            self.end(vec![LOOK, call], effects);
        }
    }
}

impl Protocol for ConflictProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => effects.push(Effect::Ask {
                call: LOOK,
                worker: 0,
                feed: Feed::Input,
            }),
            Happened::Answered { call, fact } if call == self.call => {
                self.answered(call, fact, effects);
            }
            Happened::Failed { call, .. } if call == self.call => match self.current() {
                None => {
                    self.is_over = true;
                    effects.push(Effect::Fail(Failure::Call(call)));
                }
                Some(strategy) => {
                    self.over(strategy, StepOutcome::FellBack, effects);
                    self.attempt(None, effects);
                }
            },
            Happened::TimeUp { .. } => {
                if let Some(strategy) = self.current() {
                    self.late.push(strategy);
                    effects.push(Effect::Cancel(self.call));
                    self.over(strategy, StepOutcome::FellBack, effects);
                    self.attempt(None, effects);
                }
            }
            // News of a call that is over.
            _ => {}
        }
    }
}
