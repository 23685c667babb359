//! The rules of a pipeline.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::FaultClass;
use crate::coordination::protocol::{Call, Effect, Failure, Feed, Happened, Protocol, StepOutcome};

/// How one stage goes on when its worker fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StageRules {
    /// Attempts that each of its workers has, at least one.
    pub attempts: u32,
    /// Workers that are asked instead, one after the other.
    pub fallbacks: usize,
}

impl StageRules {
    /// What becomes of a fault of this class, after so many attempts of the worker
    /// and with so many fallbacks left.
    pub(super) fn after(&self, class: FaultClass, attempts: u32, left: usize) -> Recourse {
        if class.is_retryable() && attempts < self.attempts {
            Recourse::Again
        } else if left > 0 && is_worth_another(class) {
            Recourse::FallBack
        } else {
            Recourse::Fail
        }
    }

    /// Calls that the stage makes at most.
    pub(super) fn most_calls(&self) -> usize {
        self.attempts as usize * (self.fallbacks + 1)
    }
}

/// What is done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recourse {
    /// The same worker is asked again.
    Again,
    /// The next one of the stage is asked.
    FallBack,
    /// The item fails.
    Fail,
}

impl Recourse {
    pub(super) fn outcome(self) -> StepOutcome {
        match self {
            Self::Again => StepOutcome::Retried,
            Self::FallBack => StepOutcome::FellBack,
            Self::Fail => StepOutcome::Failed,
        }
    }
}

/// The rules of a pipeline: one stage after the other, each worker tried at most
/// so often, and then the next one of the stage.
///
/// Its workers are numbered stage by stage, a stage's fallbacks after its first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PipelineProtocol {
    stages: Vec<StageRules>,
    stage: usize,
    worker: usize,
    /// Fallbacks that the stage has left.
    left: usize,
    used: u32,
    call: Call,
    feed: Feed,
    is_over: bool,
}

impl PipelineProtocol {
    /// Stages with these numbers of attempts, and no fallbacks.
    #[must_use]
    pub fn new(attempts: Vec<u32>) -> Self {
        let stages = attempts.into_iter().map(|attempts| StageRules {
            attempts,
            fallbacks: 0,
        });
        Self::with_stages(stages.collect())
    }

    /// Stages with these rules.
    #[must_use]
    pub fn with_stages(stages: Vec<StageRules>) -> Self {
        Self {
            left: stages.first().map_or(0, |stage| stage.fallbacks),
            stages,
            stage: 0,
            worker: 0,
            used: 0,
            call: 0,
            feed: Feed::Input,
            is_over: false,
        }
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        self.used += 1;
        effects.push(Effect::Ask {
            call: self.call,
            worker: self.worker,
            feed: self.feed.clone(),
        });
    }

    fn note(&self, outcome: StepOutcome, effects: &mut Vec<Effect>) {
        effects.push(Effect::Note {
            worker: self.worker,
            outcome,
        });
    }

    fn answered(&mut self, effects: &mut Vec<Effect>) {
        self.note(StepOutcome::Done, effects);
        if let Feed::AnswerTo(fed) = self.feed {
            effects.push(Effect::Forget(fed));
        }
        let answer = Feed::AnswerTo(self.call);
        // Past the fallbacks that were not needed.
        self.worker += self.left + 1;
        self.stage += 1;
        let Some(next) = self.stages.get(self.stage) else {
            self.is_over = true;
            effects.push(Effect::Finish(answer));
            return;
        };
        self.left = next.fallbacks;
        self.used = 0;
        self.feed = answer;
        self.call += 1;
        self.ask(effects);
    }

    fn failed(&mut self, class: FaultClass, effects: &mut Vec<Effect>) {
        let recourse = self.stages[self.stage].after(class, self.used, self.left);
        self.note(recourse.outcome(), effects);
        match recourse {
            Recourse::Again => {}
            Recourse::FallBack => {
                self.left -= 1;
                self.worker += 1;
                self.used = 0;
            }
            Recourse::Fail => {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(self.call)));
                return;
            }
        }
        self.call += 1;
        self.ask(effects);
    }
}

/// Not where nobody waits any more, and not where another worker might do the
/// work a second time.
fn is_worth_another(class: FaultClass) -> bool {
    !matches!(class, FaultClass::Cancelled | FaultClass::InDoubt)
}

impl Protocol for PipelineProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => self.ask(effects),
            Happened::Answered { call, .. } if call == self.call => self.answered(effects),
            Happened::Failed { call, class } if call == self.call => self.failed(class, effects),
            // News of a call that is over.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::protocol::Fact;

    fn effects(machine: &mut PipelineProtocol, event: Happened) -> Vec<Effect> {
        let mut effects = Vec::new();
        machine.on(&event, Duration::ZERO, &mut effects);
        effects
    }

    fn answered(call: Call) -> Happened {
        let fact = Fact::Nothing;
        Happened::Answered { call, fact }
    }

    fn failed(call: Call, class: FaultClass) -> Happened {
        Happened::Failed { call, class }
    }

    fn ask(call: Call, worker: usize, feed: Feed) -> Effect {
        Effect::Ask { call, worker, feed }
    }

    #[test]
    fn each_answer_feeds_the_next_stage_and_the_last_one_finishes() {
        let mut machine = PipelineProtocol::new(vec![1, 1]);
        assert_eq!(
            effects(&mut machine, Happened::Began),
            [ask(0, 0, Feed::Input)]
        );
        assert_eq!(
            effects(&mut machine, answered(0)),
            [
                Effect::Note {
                    worker: 0,
                    outcome: StepOutcome::Done
                },
                ask(1, 1, Feed::AnswerTo(0)),
            ]
        );
        assert_eq!(
            effects(&mut machine, answered(1))[1..],
            [Effect::Forget(0), Effect::Finish(Feed::AnswerTo(1))]
        );
    }

    #[test]
    fn a_transient_fault_is_tried_again_with_the_same_input_until_attempts_are_spent() {
        let mut machine = PipelineProtocol::new(vec![1, 2]);
        effects(&mut machine, Happened::Began);
        effects(&mut machine, answered(0));
        assert_eq!(
            effects(&mut machine, failed(1, FaultClass::Transient)).last(),
            Some(&ask(2, 1, Feed::AnswerTo(0)))
        );
        assert_eq!(
            effects(&mut machine, failed(2, FaultClass::Transient)).last(),
            Some(&Effect::Fail(Failure::Call(2)))
        );
    }

    #[test]
    fn a_permanent_fault_ends_the_run_at_once() {
        let mut machine = PipelineProtocol::new(vec![5]);
        effects(&mut machine, Happened::Began);
        assert_eq!(
            effects(&mut machine, failed(0, FaultClass::Permanent)).last(),
            Some(&Effect::Fail(Failure::Call(0)))
        );
    }

    #[test]
    fn a_stage_whose_worker_failed_for_good_asks_its_fallback_and_the_next_stage_its_own() {
        let with_fallback = StageRules {
            attempts: 1,
            fallbacks: 1,
        };
        let stages = vec![with_fallback; 2];
        let mut machine = PipelineProtocol::with_stages(stages);
        effects(&mut machine, Happened::Began);
        assert_eq!(
            effects(&mut machine, failed(0, FaultClass::Permanent)),
            [
                Effect::Note {
                    worker: 0,
                    outcome: StepOutcome::FellBack
                },
                ask(1, 1, Feed::Input),
            ]
        );
        assert_eq!(
            effects(&mut machine, answered(1)).last(),
            Some(&ask(2, 2, Feed::AnswerTo(1)))
        );
        assert_eq!(
            effects(&mut machine, failed(2, FaultClass::InDoubt)).last(),
            Some(&Effect::Fail(Failure::Call(2))),
            "another worker might do it a second time"
        );
    }

    #[test]
    fn late_news_of_an_old_call_changes_nothing() {
        let mut machine = PipelineProtocol::new(vec![2, 1]);
        effects(&mut machine, Happened::Began);
        effects(&mut machine, failed(0, FaultClass::Transient));
        let before = machine.clone();
        assert_eq!(effects(&mut machine, answered(0)), []);
        assert_eq!(machine, before);
    }
}
