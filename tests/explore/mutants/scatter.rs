//! Wrong scatters, for every need.

use callboard::coordination::protocol::{Call, Effect, Failure, Feed, Happened, Protocol};
use callboard::coordination::{Need, Rule};
use callboard::prelude::*;
use callboard::testing::explore::Flaw;
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// The bound on how many are asked at once is off by one.
    AsksOneTooMany,
    /// A failure makes no room for the next worker.
    WaitsAfterAFailure,
    /// What was answered twice counts twice.
    CountsTwice,
    /// It goes on after its result.
    GoesOn,
    /// Those that failed count as answers.
    TakesFailures,
    /// When time is up, it waits on.
    MissesTheEnd,
}

const WRONG: [Wrong; 6] = [
    Wrong::AsksOneTooMany,
    Wrong::WaitsAfterAFailure,
    Wrong::CountsTwice,
    Wrong::GoesOn,
    Wrong::TakesFailures,
    Wrong::MissesTheEnd,
];

const WORKERS: usize = 3;
const AT_ONCE: usize = 2;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spread {
    wrong: Wrong,
    need: Need,
    within: Option<Duration>,
    asked: usize,
    answered: Vec<Call>,
    failed: Vec<Call>,
    is_over: bool,
}

impl Spread {
    fn new(need: Need, within: Option<Duration>, wrong: Wrong) -> Self {
        Self {
            wrong,
            need,
            within,
            asked: 0,
            answered: Vec::new(),
            failed: Vec::new(),
            is_over: false,
        }
    }

    fn wanted(&self) -> usize {
        match self.need {
            Need::First => 1,
            Need::AtLeast(n) => n,
            _ => WORKERS,
        }
    }

    fn under_way(&self) -> usize {
        let failed = match self.wrong {
            Wrong::WaitsAfterAFailure => 0,
            _ => self.failed.len(),
        };
        self.asked.saturating_sub(self.answered.len() + failed)
    }

    fn ask_more(&mut self, effects: &mut Vec<Effect>) {
        let at_once = match self.wrong {
            Wrong::AsksOneTooMany => AT_ONCE + 1,
            _ => AT_ONCE,
        };
        while self.asked < WORKERS && self.under_way() < at_once {
            effects.push(Effect::Ask {
                call: self.asked,
                worker: self.asked,
                feed: Feed::Input,
            });
            self.asked += 1;
        }
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.is_over = self.wrong != Wrong::GoesOn;
        let mut calls = self.answered.clone();
        if self.wrong == Wrong::TakesFailures {
            calls.extend(&self.failed);
        }
        effects.push(Effect::Finish(Feed::Gather(calls)));
    }

    fn fail(&mut self, why: Failure, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(Effect::Fail(why));
    }

    fn settle(&mut self, effects: &mut Vec<Effect>) {
        let done = self.answered.len() + self.failed.len();
        let is_best_effort = self.need == Need::BestEffort;
        let last_failure = self.failed.last().copied().map(Failure::Call);
        let has_some = is_best_effort && done >= WORKERS && !self.answered.is_empty();
        if has_some || self.answered.len() >= self.wanted() {
            self.finish(effects);
        } else if let Some(why) = last_failure
            && ((is_best_effort && done >= WORKERS)
                || (!is_best_effort && WORKERS - self.failed.len() < self.wanted()))
        {
            self.fail(why, effects);
        } else {
            self.ask_more(effects);
        }
    }

    fn is_news(&self, call: Call) -> bool {
        self.wrong == Wrong::CountsTwice
            || !(self.answered.contains(&call) || self.failed.contains(&call))
    }
}

impl Protocol for Spread {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => {
                if let Some(after) = self.within {
                    effects.push(Effect::SetTimer { timer: 0, after });
                }
                self.ask_more(effects);
            }
            Happened::Answered { call, .. } if self.is_news(call) => {
                self.answered.push(call);
                self.settle(effects);
            }
            Happened::Failed { call, .. } if self.is_news(call) => {
                self.failed.push(call);
                self.settle(effects);
            }
            Happened::TimeUp { .. } if self.wrong == Wrong::MissesTheEnd => {}
            Happened::TimeUp { .. } => {
                if self.need == Need::BestEffort && !self.answered.is_empty() {
                    self.finish(effects);
                } else {
                    self.fail(Failure::Time, effects);
                }
            }
            _ => {}
        }
    }
}

fn needs() -> [Need; 4] {
    [Need::All, Need::First, Need::BestEffort, Need::AtLeast(2)]
}

/// What is found of the wrong line, with and without a limit of time.
fn is_found(need: Need, wrong: Wrong) -> Option<Flaw> {
    let found = [None, Some(secs(1))].into_iter().find_map(|within| {
        let machine = Spread::new(need, within, wrong);
        let explorer = explored(machine, WORKERS).at_most_under_way(AT_ONCE);
        let explorer = explorer.invariant("it is over in time", |seen| {
            seen.now().is_zero() || seen.ledger().is_over()
        });
        explorer.run().err()
    });
    found.map(|found| found.flaw)
}

#[test]
fn the_copy_itself_is_right() {
    for need in needs() {
        assert_eq!(is_found(need, Wrong::Nothing), None, "{need:?}");
    }
}

#[test]
fn wrong_lines_are_found_for_every_need() {
    let mut found_for_all = Vec::new();
    for need in needs() {
        let found = WRONG
            .into_iter()
            .filter(|wrong| is_found(need, *wrong).is_some());
        let found: Vec<_> = found.collect();
        assert!(found.len() >= 4, "{need:?}: {found:?}");
        found_for_all.extend(found);
    }
    for wrong in WRONG {
        assert!(found_for_all.contains(&wrong), "{wrong:?}");
    }
}

#[test]
fn one_too_many_under_way_is_found_on_the_first_step() {
    let explorer = explored(
        Spread::new(Need::First, None, Wrong::AsksOneTooMany),
        WORKERS,
    );
    let found = found(explorer.at_most_under_way(AT_ONCE));
    assert_eq!(
        found.flaw,
        Flaw::Violated("at most 2 calls are under way".into())
    );
    assert_eq!(found.steps.len(), 1, "{found}");
}

#[test]
fn a_result_made_of_failures_is_found() {
    let flaw = is_found(Need::AtLeast(2), Wrong::TakesFailures);
    assert!(
        matches!(&flaw, Some(Flaw::Broken(broken)) if broken.rule == Rule::NotAnswered),
        "{flaw:?}"
    );
}
