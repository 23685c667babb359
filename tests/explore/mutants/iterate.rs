//! Wrong loops.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

const MOST: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// The iterations are not counted.
    NeverCounts,
    /// The best so far is forgotten when a worse one comes.
    ForgetsTheBest,
    /// Nothing is ever forgotten.
    KeepsAll,
    /// A failure is no end.
    IgnoresFailures,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Loop {
    wrong: Wrong,
    done: u32,
    call: Call,
    best: Option<(Call, f64)>,
    is_over: bool,
}

impl Loop {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            done: 0,
            call: 0,
            best: None,
            is_over: false,
        }
    }

    fn answered(&mut self, score: f64, effects: &mut Vec<Effect>) {
        let (last, now) = (self.call.checked_sub(1), self.call);
        if self.wrong != Wrong::NeverCounts {
            self.done += 1;
        }
        let before = self.best;
        let (best, _) = match before {
            Some((call, known)) if known >= score => (call, known),
            _ => (now, score),
        };
        if best == now {
            self.best = Some((now, score));
        }
        if self.done == MOST {
            self.is_over = true;
            effects.push(Effect::Finish(Feed::AnswerTo(best)));
            return;
        }
        self.call += 1;
        effects.push(Effect::Ask {
            call: self.call,
            worker: 0,
            feed: Feed::AnswerTo(now),
        });
        let mut gone: Vec<Call> = last
            .into_iter()
            .chain(before.map(|(call, _)| call))
            .collect();
        gone.dedup();
        if self.wrong != Wrong::ForgetsTheBest {
            gone.retain(|call| *call != best);
        }
        if self.wrong != Wrong::KeepsAll {
            effects.extend(gone.into_iter().map(Effect::Forget));
        }
    }
}

impl Protocol for Loop {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => effects.push(Effect::Ask {
                call: 0,
                worker: 0,
                feed: Feed::Input,
            }),
            Happened::Answered {
                call,
                fact: Fact::Number(score),
            } if call == self.call => self.answered(score, effects),
            Happened::Failed { call, .. }
                if call == self.call && self.wrong != Wrong::IgnoresFailures =>
            {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            _ => {}
        }
    }
}

fn scored(wrong: Wrong) -> Explorer<Loop> {
    explored(Loop::new(wrong), 1)
        .facts([0.25, 0.5, 0.75].map(Fact::Number))
        .depth(8)
        .invariant("the last and the best are kept", |seen| {
            seen.ledger().kept() <= 2 || seen.ledger().is_over()
        })
}

#[test]
fn the_copy_itself_is_right() {
    scored(Wrong::Nothing).run().unwrap();
}

#[test]
fn a_loop_without_a_bound_is_found() {
    assert_eq!(found(scored(Wrong::NeverCounts)).flaw, Flaw::TooDeep(8));
}

#[test]
fn a_best_answer_that_was_forgotten_is_found() {
    let found = found(scored(Wrong::ForgetsTheBest));
    let is_forgotten =
        matches!(&found.flaw, Flaw::Broken(broken) if broken.rule == Rule::Forgotten);
    assert!(is_forgotten, "{found}");
}

#[test]
fn answers_that_pile_up_are_found() {
    let found = found(scored(Wrong::KeepsAll));
    let what = "the last and the best are kept".to_owned();
    assert_eq!(found.flaw, Flaw::Violated(what), "{found}");
}

#[test]
fn a_failure_that_is_no_end_is_found() {
    let found = found(scored(Wrong::IgnoresFailures));
    let has_stalled = matches!(&found.flaw, Flaw::Broken(broken) if broken.rule == Rule::Stalled);
    assert!(has_stalled, "{found}");
    assert_eq!(found.steps.len(), 2);
}
