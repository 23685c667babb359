//! Wrong pipelines.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::Flaw;
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// A retry has the number of the call that failed.
    ReusesTheNumber,
    /// The answer that a retry is fed with is forgotten as soon as it was fed.
    ForgetsTooEarly,
    /// News of an old call is taken for news of this one.
    MindsLateNews,
    /// Attempts are not counted.
    TriesForEver,
    /// The last answer is not the end.
    NeverFinishes,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    wrong: Wrong,
    attempts: Vec<u32>,
    stage: usize,
    used: u32,
    call: Call,
    feed: Feed,
    is_over: bool,
}

impl Line {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            attempts: vec![2, 2],
            stage: 0,
            used: 0,
            call: 0,
            feed: Feed::Input,
            is_over: false,
        }
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        if self.wrong != Wrong::TriesForEver {
            self.used += 1;
        }
        effects.push(Effect::Ask {
            call: self.call,
            worker: self.stage,
            feed: self.feed.clone(),
        });
        if self.wrong == Wrong::ForgetsTooEarly
            && let Feed::AnswerTo(fed) = self.feed
        {
            effects.push(Effect::Forget(fed));
        }
    }

    fn is_mine(&self, call: Call) -> bool {
        call == self.call || self.wrong == Wrong::MindsLateNews
    }
}

impl Protocol for Line {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => self.ask(effects),
            Happened::Answered { call, .. } if self.is_mine(call) => {
                self.stage += 1;
                self.used = 0;
                if self.stage == self.attempts.len() {
                    self.is_over = true;
                    if self.wrong != Wrong::NeverFinishes {
                        effects.push(Effect::Finish(Feed::AnswerTo(self.call)));
                    }
                    return;
                }
                self.feed = Feed::AnswerTo(call);
                self.call += 1;
                self.ask(effects);
            }
            Happened::Failed { call, class } if self.is_mine(call) => {
                if class.is_retryable() && self.used < self.attempts[self.stage] {
                    if self.wrong != Wrong::ReusesTheNumber {
                        self.call += 1;
                    }
                    self.ask(effects);
                } else {
                    self.is_over = true;
                    effects.push(Effect::Fail(Failure::Call(self.call)));
                }
            }
            _ => {}
        }
    }
}

fn flaw(wrong: Wrong) -> Flaw {
    found(explored(Line::new(wrong), 2)).flaw
}

fn is_broken(flaw: &Flaw, rule: Rule) -> bool {
    matches!(flaw, Flaw::Broken(broken) if broken.rule == rule)
}

#[test]
fn the_copy_itself_is_right() {
    explored(Line::new(Wrong::Nothing), 2).run().unwrap();
}

#[test]
fn a_retry_with_a_used_number_is_found() {
    assert!(is_broken(
        &flaw(Wrong::ReusesTheNumber),
        Rule::NumberOutOfTurn
    ));
}

#[test]
fn an_answer_that_is_forgotten_too_early_is_found() {
    let found = found(explored(Line::new(Wrong::ForgetsTooEarly), 2));
    assert!(is_broken(&found.flaw, Rule::Forgotten));
    // Begun, answered, failed once.
    assert_eq!(found.steps.len(), 3, "{found}");
}

#[test]
fn a_line_that_minds_late_news_is_found() {
    let flaw = flaw(Wrong::MindsLateNews);
    let is_found = flaw == Flaw::DisturbedByLateNews || matches!(flaw, Flaw::Broken(_));
    assert!(is_found, "{flaw}");
}

#[test]
fn a_line_that_tries_for_ever_is_found() {
    let explorer = explored(Line::new(Wrong::TriesForEver), 2).depth(10);
    assert_eq!(found(explorer).flaw, Flaw::TooDeep(10));
}

#[test]
fn a_line_that_never_finishes_is_found() {
    assert!(is_broken(&flaw(Wrong::NeverFinishes), Rule::Stalled));
}
