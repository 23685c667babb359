//! Wrong routings.

use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// Attempts are not counted.
    TriesForEver,
    /// It finishes with the first part.
    FinishesEarly,
    /// A failure that comes again is tried again.
    HearsTwice,
    /// Where nobody replaces an agent, it waits on.
    WaitsForNobody,
    /// Whoever replaces an agent is fed its answer, which there is none of.
    FeedsTheFailed,
}

const WRONG: [Wrong; 5] = [
    Wrong::TriesForEver,
    Wrong::FinishesEarly,
    Wrong::HearsTwice,
    Wrong::WaitsForNobody,
    Wrong::FeedsTheFailed,
];

const PARTS: usize = 2;
const ATTEMPTS: u32 = 2;

/// Two parts at once, each with two attempts. Chooser, replacer, agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Router {
    wrong: Wrong,
    next: Call,
    /// By part: its call, whether that looks for somebody else, and the attempt.
    parts: Vec<(Call, bool, u32)>,
    /// The answers, by part.
    done: [Option<Call>; PARTS],
    is_over: bool,
}

impl Router {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            next: 0,
            parts: Vec::new(),
            done: [None; PARTS],
            is_over: false,
        }
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn part_of(&self, call: Call) -> Option<usize> {
        let part = self.parts.iter().position(|(known, ..)| *known == call)?;
        self.done[part].is_none().then_some(part)
    }

    fn answered(&mut self, call: Call, effects: &mut Vec<Effect>) {
        if call == 0 && self.parts.is_empty() {
            for at in 0..PARTS {
                let asked = self.ask(2, Feed::Part { of: 0, at }, effects);
                self.parts.push((asked, false, 1));
            }
            return;
        }
        let Some(part) = self.part_of(call) else {
            return;
        };
        let (_, is_replaced, attempt) = self.parts[part];
        if is_replaced {
            let asked = self.ask(2, Feed::AnswerTo(call), effects);
            self.parts[part] = (asked, false, attempt + 1);
            return;
        }
        self.done[part] = Some(call);
        let is_done = self.done.iter().all(Option::is_some);
        if is_done || self.wrong == Wrong::FinishesEarly {
            self.is_over = true;
            let done = self.done.iter().flatten().copied();
            effects.push(Effect::Finish(Feed::Gather(done.collect())));
        }
    }

    fn failed(&mut self, call: Call, effects: &mut Vec<Effect>) {
        let part = match self.part_of(call) {
            None if self.wrong == Wrong::HearsTwice && !self.parts.is_empty() => Some(0),
            part => part,
        };
        let Some(part) = part else {
            if self.parts.is_empty() && call == 0 {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            return;
        };
        let (_, is_replaced, attempt) = self.parts[part];
        if is_replaced && self.wrong == Wrong::WaitsForNobody {
            return;
        }
        let may = attempt < ATTEMPTS || self.wrong == Wrong::TriesForEver;
        if is_replaced || !may {
            self.is_over = true;
            effects.push(Effect::Fail(Failure::Call(call)));
            return;
        }
        let feed = match self.wrong {
            Wrong::FeedsTheFailed => Feed::AnswerTo(call),
            _ => Feed::Part { of: 0, at: part },
        };
        let call = self.ask(1, feed, effects);
        self.parts[part] = (call, true, attempt);
    }
}

impl Protocol for Router {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        if self.is_over {
            return;
        }
        match *event {
            Happened::Began => {
                self.ask(0, Feed::Input, effects);
            }
            Happened::Answered { call, .. } => self.answered(call, effects),
            Happened::Failed { call, .. } => self.failed(call, effects),
            _ => {}
        }
    }
}

fn explorer(wrong: Wrong) -> Explorer<Router> {
    explored(Router::new(wrong), 3)
        .facts_of(0, [Fact::Count(2)])
        .failures([FaultClass::Transient])
        .invariant("it ends well with all parts", |seen| {
            let machine = seen.machine();
            let parts = machine.done.iter().flatten().count();
            !machine.is_over
                || parts == PARTS
                || parts < PARTS && has_failed(seen.ledger().made(), machine)
        })
        .invariant("no part is tried too often", |seen| {
            seen.machine()
                .parts
                .iter()
                .all(|(.., attempt)| *attempt <= ATTEMPTS)
        })
}

/// Whether an end with parts missing is a failure: its last call is of one of them.
fn has_failed(made: usize, machine: &Router) -> bool {
    made == 1
        || machine
            .parts
            .iter()
            .zip(machine.done)
            .any(|((_, is_replaced, attempt), done)| {
                done.is_none() && (*is_replaced || *attempt == ATTEMPTS)
            })
}

fn is_found(wrong: Wrong) -> Option<Flaw> {
    explorer(wrong).run().err().map(|found| found.flaw)
}

#[test]
fn the_copy_itself_is_right() {
    assert_eq!(is_found(Wrong::Nothing), None);
}

#[test]
fn every_wrong_line_of_a_routing_is_found() {
    for wrong in WRONG {
        assert!(is_found(wrong).is_some(), "{wrong:?}");
    }
}

#[test]
fn an_agent_that_is_tried_too_often_is_found() {
    let found = found(explorer(Wrong::TriesForEver));
    // It begins, is chosen for, fails, is replaced, fails and is replaced again.
    assert!(found.steps.len() <= 6, "{found}");
}
