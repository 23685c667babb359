//! The rules of a scatter.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Effect, Failure, Feed, Happened, Protocol, StepOutcome, Timer,
};

/// How many answers make a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Need {
    /// Every worker's; the first failure ends the run. The default.
    #[default]
    All,
    /// The first one.
    First,
    /// The first so many; fails as soon as they cannot come together any more.
    AtLeast(usize),
    /// Whatever comes, but at least one.
    BestEffort,
}

impl Need {
    /// How many of so many there have to be.
    fn wanted(self, of: usize) -> usize {
        match self {
            Self::All | Self::BestEffort => of,
            Self::First => 1,
            Self::AtLeast(n) => n,
        }
    }

    /// Whether there is enough, with so many done and so many failed; `None` while
    /// that is open.
    pub(in crate::coordination) fn is_met(
        self,
        done: usize,
        failed: usize,
        of: usize,
    ) -> Option<bool> {
        if self == Self::BestEffort {
            return (done + failed == of).then_some(done > 0);
        }
        let wanted = self.wanted(of);
        if done >= wanted {
            Some(true)
        } else if of - failed < wanted {
            Some(false)
        } else {
            None
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all answers"),
            Self::First => f.write_str("the first answer"),
            Self::AtLeast(n) => write!(f, "the first {n} answers"),
            Self::BestEffort => f.write_str("whatever answers"),
        }
    }
}

/// When it has to be over.
const OVER: Timer = 0;
/// When the next worker is asked, though nobody has failed.
const HEDGE: Timer = 1;

/// The rules of a scatter: at most so many asked at once, and how many answers
/// make a result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScatterProtocol {
    workers: usize,
    concurrency: usize,
    need: Need,
    within: Option<Duration>,
    hedge_after: Option<Duration>,
    /// Each worker is asked once, so a call's number is its worker's position.
    calls: Vec<Standing>,
    /// Calls that timers have added to those that are needed.
    hedges: usize,
    answered: usize,
    failed: usize,
    last_failure: Option<Call>,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Standing {
    UnderWay,
    Answered,
    Failed,
}

impl ScatterProtocol {
    /// So many workers, so many asked at once.
    #[must_use]
    pub fn new(workers: usize, concurrency: usize, need: Need, within: Option<Duration>) -> Self {
        Self {
            workers,
            concurrency: concurrency.max(1),
            need,
            within,
            hedge_after: None,
            calls: Vec::new(),
            hedges: 0,
            answered: 0,
            failed: 0,
            last_failure: None,
            is_over: false,
        }
    }

    /// Asks only as many as are needed, and one more whenever one fails or so
    /// much time has passed.
    #[must_use]
    pub fn hedged(mut self, after: Duration) -> Self {
        self.hedge_after = Some(after);
        self
    }

    fn wanted(&self) -> usize {
        self.need.wanted(self.workers)
    }

    /// How many may be under way now.
    fn room(&self) -> usize {
        match self.hedge_after {
            None => self.concurrency,
            Some(_) => {
                let missing = self.wanted().saturating_sub(self.answered);
                self.concurrency.min(missing + self.hedges)
            }
        }
    }

    fn ask_more(&mut self, effects: &mut Vec<Effect>) {
        let before = self.calls.len();
        while self.calls.len() < self.workers
            && self.calls.len() - self.answered - self.failed < self.room()
        {
            let next = self.calls.len();
            effects.push(Effect::Ask {
                call: next,
                worker: next,
                feed: Feed::Input,
            });
            self.calls.push(Standing::UnderWay);
        }
        if let Some(after) = self.hedge_after
            && self.calls.len() > before
        {
            effects.push(if self.calls.len() < self.workers {
                Effect::SetTimer {
                    timer: HEDGE,
                    after,
                }
            } else {
                Effect::StopTimer(HEDGE)
            });
        }
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.is_over = true;
        // By position, so that the order of arrival does not show.
        let calls = self.calls.iter().enumerate();
        let answered =
            calls.filter_map(|(call, standing)| (*standing == Standing::Answered).then_some(call));
        effects.push(Effect::Finish(Feed::Gather(answered.collect())));
    }

    fn fail(&mut self, why: Failure, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(Effect::Fail(why));
    }

    fn heard(&mut self, call: Call, outcome: StepOutcome, effects: &mut Vec<Effect>) {
        effects.push(Effect::Note {
            worker: call,
            outcome,
        });
        effects.push(Effect::Emit(call));
        let is_met = self.need.is_met(self.answered, self.failed, self.workers);
        match (is_met, self.last_failure) {
            (Some(true), _) => self.finish(effects),
            (Some(false), Some(failed)) => self.fail(Failure::Call(failed), effects),
            _ => self.ask_more(effects),
        }
    }

    fn time_up(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        if timer == HEDGE {
            self.hedges += 1;
            self.ask_more(effects);
        } else if self.need == Need::BestEffort && self.answered > 0 {
            self.finish(effects);
        } else {
            self.fail(Failure::Time, effects);
        }
    }

    /// Notes how a call went, if this is the first news of it.
    fn is_news(&mut self, call: Call, standing: Standing) -> bool {
        match self.calls.get_mut(call) {
            Some(known) if *known == Standing::UnderWay => {
                *known = standing;
                true
            }
            _ => false,
        }
    }
}

impl Protocol for ScatterProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => {
                if let Some(after) = self.within {
                    effects.push(Effect::SetTimer { timer: OVER, after });
                }
                self.ask_more(effects);
            }
            Happened::Answered { call, .. } => {
                if self.is_news(call, Standing::Answered) {
                    self.answered += 1;
                    self.heard(call, StepOutcome::Done, effects);
                }
            }
            Happened::Failed { call, .. } => {
                if self.is_news(call, Standing::Failed) {
                    self.failed += 1;
                    self.last_failure = Some(call);
                    self.heard(call, StepOutcome::Failed, effects);
                }
            }
            Happened::TimeUp { timer } => self.time_up(timer, effects),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::FaultClass;
    use crate::coordination::protocol::Fact;
    use proptest::prelude::*;

    fn on(machine: &mut ScatterProtocol, event: Happened) -> Vec<Effect> {
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

    fn finish(calls: &[Call]) -> Effect {
        Effect::Finish(Feed::Gather(calls.to_vec()))
    }

    #[test]
    fn at_least_two_of_three_finish_with_the_second_answer() {
        let mut machine = ScatterProtocol::new(3, 10, Need::AtLeast(2), None);
        assert_eq!(on(&mut machine, Happened::Began).len(), 3);
        on(&mut machine, answered(2));
        assert_eq!(on(&mut machine, answered(0)).last(), Some(&finish(&[0, 2])));
        assert_eq!(on(&mut machine, answered(1)), [], "late, and ignored");
    }

    #[test]
    fn a_quorum_that_cannot_come_together_fails_at_once() {
        let mut machine = ScatterProtocol::new(3, 10, Need::AtLeast(2), None);
        on(&mut machine, Happened::Began);
        on(&mut machine, failed(0, FaultClass::Permanent));
        assert_eq!(
            on(&mut machine, failed(1, FaultClass::Permanent)).last(),
            Some(&Effect::Fail(Failure::Call(1)))
        );
    }

    #[test]
    fn no_success_at_all_is_a_failure_also_with_best_effort() {
        let mut machine = ScatterProtocol::new(1, 1, Need::BestEffort, None);
        on(&mut machine, Happened::Began);
        assert_eq!(
            on(&mut machine, failed(0, FaultClass::Transient)).last(),
            Some(&Effect::Fail(Failure::Call(0)))
        );
    }

    #[test]
    fn when_time_is_up_best_effort_takes_what_there_is() {
        let mut machine =
            ScatterProtocol::new(2, 2, Need::BestEffort, Some(Duration::from_secs(1)));
        on(&mut machine, Happened::Began);
        on(&mut machine, answered(1));
        assert_eq!(
            on(&mut machine, Happened::TimeUp { timer: OVER }),
            [finish(&[1])]
        );
    }

    proptest! {
        /// Whatever the order of answers and failures: never more calls under
        /// way than allowed, each worker asked at most once, and exactly one
        /// end.
        #[test]
        fn every_order_of_news_ends_exactly_once(
            workers in 1usize..7,
            concurrency in 1usize..4,
            need in prop_oneof![
                Just(Need::All), Just(Need::First), Just(Need::BestEffort),
                (1usize..7).prop_map(Need::AtLeast),
            ],
            script in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 12),
        ) {
            let need = match need {
                Need::AtLeast(n) => Need::AtLeast(n.min(workers)),
                other => other,
            };
            let mut machine = ScatterProtocol::new(workers, concurrency, need, None);
            let mut under_way: Vec<Call> = Vec::new();
            let mut asked = 0;
            let mut ends = 0;
            let mut queue = vec![Happened::Began];
            let mut script = script.into_iter();
            while let Some(event) = queue.pop() {
                for effect in on(&mut machine, event) {
                    match effect {
                        Effect::Ask { call, .. } => { under_way.push(call); asked += 1; }
                        Effect::Finish(_) | Effect::Fail(_) => ends += 1,
                        _ => {}
                    }
                }
                prop_assert!(under_way.len() <= concurrency);
                if ends == 0 {
                    prop_assert!(!under_way.is_empty(), "it waits for nobody");
                }
                if !under_way.is_empty() && let Some((at, good)) = script.next() {
                    let call = under_way.remove(at.index(under_way.len()));
                    queue.push(if good {
                        answered(call)
                    } else {
                        failed(call, FaultClass::Transient)
                    });
                }
            }
            prop_assert!(asked <= workers);
            prop_assert_eq!(ends, 1);
        }
    }
}
