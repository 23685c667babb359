//! Wrong map-reduces.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

const AT_ONCE: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// A list without batches is not thought of.
    NeedsABatch,
    /// It ends with the last batch, though its result is not in the total yet.
    EndsTooEarly,
    /// Two are combined while two others are.
    ReducesAtOnce,
    /// Batches run as far ahead of the slowest as they like.
    RunsAhead,
}

/// In the order of the batches, which have one attempt each.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spread {
    wrong: Wrong,
    batches: usize,
    next_batch: usize,
    next_call: Call,
    mapping: Vec<(Call, usize)>,
    waiting: Vec<(usize, Call)>,
    taken: usize,
    total: Option<Call>,
    reducing: Option<(Call, Vec<Call>)>,
    is_over: bool,
}

impl Spread {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            batches: 0,
            next_batch: 0,
            next_call: 0,
            mapping: Vec::new(),
            waiting: Vec::new(),
            taken: 0,
            total: None,
            reducing: None,
            is_over: false,
        }
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next_call;
        self.next_call += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        if let (0, 1, Fact::Count(batches)) = (call, self.next_call, fact) {
            self.batches = batches as usize;
            if batches == 0 && self.wrong == Wrong::NeedsABatch {
                return;
            }
        } else if let Some(at) = self.mapping.iter().position(|(known, _)| *known == call) {
            let (_, batch) = self.mapping.swap_remove(at);
            self.waiting.push((batch, call));
        } else if let Some((_, of)) = self.reducing.take_if(|(known, _)| *known == call) {
            effects.extend(of.into_iter().map(Effect::Forget));
            self.total = Some(call);
        } else {
            return;
        }
        self.go_on(effects);
    }

    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        if self.reducing.is_none() || self.wrong == Wrong::ReducesAtOnce {
            let mut of: Vec<Call> = self.total.into_iter().collect();
            while let Some(at) = self.waiting.iter().position(|(b, _)| *b == self.taken) {
                of.push(self.waiting.swap_remove(at).1);
                self.taken += 1;
            }
            match of.as_slice() {
                [] => {}
                [only] => self.total = Some(*only),
                _ => {
                    let call = self.ask(2, Feed::Gather(of.clone()), effects);
                    self.reducing = Some((call, of));
                }
            }
        }
        let ahead = match self.wrong {
            Wrong::RunsAhead => usize::MAX / 2,
            _ => AT_ONCE,
        };
        while self.mapping.len() < AT_ONCE
            && self.next_batch < self.batches
            && self.next_batch < self.taken + ahead
        {
            let at = self.next_batch;
            self.next_batch += 1;
            let call = self.ask(1, Feed::Part { of: 0, at }, effects);
            self.mapping.push((call, at));
        }
        let is_reduced = self.reducing.is_none() || self.wrong == Wrong::EndsTooEarly;
        if self.taken == self.batches && is_reduced {
            self.is_over = true;
            let total = self.reducing.take().map(|(call, _)| call).or(self.total);
            effects.push(Effect::Finish(Feed::Gather(total.into_iter().collect())));
        }
    }
}

impl Protocol for Spread {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => {
                self.ask(0, Feed::Input, effects);
            }
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            Happened::Failed { call, .. } => {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            _ => {}
        }
    }
}

fn batched(wrong: Wrong) -> Explorer<Spread> {
    explored(Spread::new(wrong), 3)
        .failures([])
        .facts_of(0, [0, 1, 4].map(Fact::Count))
        .at_most_under_way(AT_ONCE + 1)
        // The parts, a total and what is added to it, what waits.
        .invariant("what is kept is bounded", |seen| {
            seen.ledger().kept() <= 2 + 2 * AT_ONCE
        })
}

fn rule(wrong: Wrong) -> Option<Rule> {
    let found = found(batched(wrong));
    match &found.flaw {
        Flaw::Broken(broken) => Some(broken.rule),
        flaw => panic!("{flaw}: {found}"),
    }
}

#[test]
fn the_copy_itself_is_right() {
    if let Err(found) = batched(Wrong::Nothing).run() {
        panic!("{found}");
    }
}

#[test]
fn a_list_without_batches_that_was_not_thought_of_is_found() {
    assert_eq!(rule(Wrong::NeedsABatch), Some(Rule::Stalled));
}

#[test]
fn an_end_before_the_last_result_is_found() {
    assert_eq!(rule(Wrong::EndsTooEarly), Some(Rule::NotAnswered));
}

#[test]
fn two_reductions_at_once_are_found() {
    assert!(batched(Wrong::ReducesAtOnce).run().is_err());
}

#[test]
fn batches_that_run_too_far_ahead_are_found() {
    let what = "what is kept is bounded".to_owned();
    let explorer = batched(Wrong::RunsAhead).facts_of(0, [Fact::Count(8)]);
    assert_eq!(found(explorer).flaw, Flaw::Violated(what));
    let right = batched(Wrong::Nothing).facts_of(0, [Fact::Count(8)]);
    assert!(right.run().is_ok());
}
