//! Wrong state machines.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw, explore};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// The timer of a state runs on when that is left.
    LeavesTheTimer,
    /// What is under way is not cancelled when time is up.
    LeavesTheCalls,
    /// After a timeout it goes on with what the state would have made.
    GoesOnWithTheAnswer,
    /// What a state was entered with is dropped when it has begun.
    ForgetsTheEntry,
    /// The regions are joined when one of them has ended.
    WaitsForOne,
    /// Transitions are not counted.
    CountsNothing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum At {
    /// Works, and may take so long.
    Work(Call),
    /// Two regions, each with its answer when it has ended.
    Regions([(Call, bool); 2]),
    Joins(Call),
    Over,
}

/// Works; then, or when time is up, two regions side by side, which are joined and
/// lead back, or to the end. At most four transitions.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Machine {
    wrong: Wrong,
    at: At,
    entered: Feed,
    transitions: u32,
    made: Call,
}

impl Machine {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            at: At::Over,
            entered: Feed::Input,
            transitions: 0,
            made: 0,
        }
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.made;
        self.made += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn works(&mut self, entered: Feed, effects: &mut Vec<Effect>) {
        self.entered = entered.clone();
        let call = self.ask(0, entered.clone(), effects);
        if let Feed::AnswerTo(entered) = entered
            && self.wrong == Wrong::ForgetsTheEntry
        {
            effects.push(Effect::Forget(entered));
        }
        let after = secs(1);
        effects.push(Effect::SetTimer { timer: 0, after });
        self.at = At::Work(call);
    }

    fn regions(&mut self, feed: &Feed, effects: &mut Vec<Effect>) {
        if self.wrong != Wrong::LeavesTheTimer {
            effects.push(Effect::StopTimer(0));
        }
        let left = self.ask(1, feed.clone(), effects);
        let right = self.ask(2, feed.clone(), effects);
        self.at = At::Regions([(left, false), (right, false)]);
    }

    /// Whether there was one left.
    fn transition(&mut self, effects: &mut Vec<Effect>) -> bool {
        self.transitions += u32::from(self.wrong != Wrong::CountsNothing);
        if self.transitions > 4 {
            self.fail(Failure::because("no transitions left"), effects);
        }
        self.transitions <= 4
    }

    fn fail(&mut self, failure: Failure, effects: &mut Vec<Effect>) {
        self.at = At::Over;
        effects.push(Effect::Fail(failure));
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        match &mut self.at {
            At::Work(known) if *known == call => {
                let answer = Feed::AnswerTo(call);
                if self.transition(effects) {
                    self.regions(&answer, effects);
                }
            }
            At::Regions(regions) => {
                for (known, has_ended) in regions.iter_mut() {
                    *has_ended |= *known == call;
                }
                let calls = regions.map(|(call, _)| call);
                let mut ended = regions.iter().map(|(_, has_ended)| *has_ended);
                let is_done = match self.wrong {
                    Wrong::WaitsForOne => ended.any(|ended| ended),
                    _ => ended.all(|ended| ended),
                };
                if is_done {
                    let join = self.ask(3, Feed::Gather(calls.to_vec()), effects);
                    self.at = At::Joins(join);
                }
            }
            At::Joins(known) if *known == call => {
                if fact == Fact::Choice(1) {
                    self.at = At::Over;
                    effects.push(Effect::Finish(Feed::AnswerTo(call)));
                } else if self.transition(effects) {
                    self.works(Feed::AnswerTo(call), effects);
                }
            }
            _ => {}
        }
    }
}

impl Protocol for Machine {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            Happened::Began => self.works(Feed::Input, effects),
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            Happened::Failed { call, .. } => {
                let is_its = match &self.at {
                    At::Work(known) | At::Joins(known) => *known == call,
                    At::Regions(regions) => regions.contains(&(call, false)),
                    At::Over => false,
                };
                if is_its {
                    self.fail(Failure::Call(call), effects);
                }
            }
            Happened::TimeUp { .. } => {
                let At::Work(call) = self.at else {
                    return;
                };
                if self.wrong != Wrong::LeavesTheCalls {
                    effects.push(Effect::Cancel(call));
                }
                if self.transition(effects) {
                    let feed = match self.wrong {
                        Wrong::GoesOnWithTheAnswer => Feed::AnswerTo(call),
                        _ => self.entered.clone(),
                    };
                    self.regions(&feed, effects);
                }
            }
            _ => {}
        }
    }
}

fn explorer(wrong: Wrong) -> Explorer<Machine> {
    explored(Machine::new(wrong), 4)
        .facts_of(3, [Fact::Choice(0), Fact::Choice(1)])
        .at_most_under_way(2)
        .invariant("the timer runs in its state only", |now| {
            let is_there = matches!(now.machine().at, At::Work(_));
            is_there || now.ledger().is_over() || now.ledger().timers().is_empty()
        })
}

fn flaw(wrong: Wrong) -> Flaw {
    found(explorer(wrong)).flaw
}

fn broken(wrong: Wrong) -> Rule {
    match flaw(wrong) {
        Flaw::Broken(broken) => broken.rule,
        other => panic!("another flaw was found: {other:?}"),
    }
}

#[test]
fn d10_a_state_machine_without_a_wrong_line_passes() {
    explorer(Wrong::Nothing).run().unwrap();
}

#[test]
fn d10_a_timer_that_runs_on_is_found() {
    assert!(matches!(flaw(Wrong::LeavesTheTimer), Flaw::Violated(_)));
}

#[test]
fn d10_calls_that_a_timeout_leaves_under_way_are_found() {
    assert!(matches!(flaw(Wrong::LeavesTheCalls), Flaw::Violated(_)));
}

#[test]
fn d10_going_on_with_what_was_cancelled_is_found() {
    assert_eq!(broken(Wrong::GoesOnWithTheAnswer), Rule::NotAnswered);
}

#[test]
fn d10_an_entry_that_is_dropped_too_early_is_found() {
    assert_eq!(broken(Wrong::ForgetsTheEntry), Rule::Forgotten);
}

#[test]
fn d10_a_join_that_does_not_wait_for_all_is_found() {
    assert_eq!(broken(Wrong::WaitsForOne), Rule::NotAnswered);
}

#[test]
fn d10_transitions_without_a_bound_are_found() {
    let round = |wrong| {
        let explorer = explore(Machine::new(wrong)).participants(4);
        explorer.facts([Fact::Choice(0)]).depth(16)
    };
    round(Wrong::Nothing).run().unwrap();
    let found = found(round(Wrong::CountsNothing));
    assert!(matches!(found.flaw, Flaw::TooDeep(_)));
}
