//! Wrong swarms.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// A score that is not a number replaces the best.
    TakesNoNumber,
    /// What was found last is taken for the best.
    TakesTheLast,
    /// It shares before all have been heard.
    SharesTooEarly,
    /// Generations are not counted.
    NeverCounts,
    /// Finds are kept when they were shared.
    KeepsFinds,
}

const WRONG: [Wrong; 5] = [
    Wrong::TakesNoNumber,
    Wrong::TakesTheLast,
    Wrong::SharesTooEarly,
    Wrong::NeverCounts,
    Wrong::KeepsFinds,
];

const MEMBERS: usize = 2;
const SHARES: usize = MEMBERS;
const GENERATIONS: u32 = 2;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Swarm {
    wrong: Wrong,
    asked: Vec<(Call, bool)>,
    sharing: Option<Call>,
    known: Option<Call>,
    /// The best so far; not a number is absent.
    best: Option<f64>,
    /// The best after each generation.
    history: Vec<Option<f64>>,
    generation: u32,
    next: Call,
    is_over: bool,
}

impl Swarm {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            asked: Vec::new(),
            sharing: None,
            known: None,
            best: None,
            history: Vec::new(),
            generation: 0,
            next: 0,
            is_over: false,
        }
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn explore(&mut self, effects: &mut Vec<Effect>) {
        let known = self.known.map_or(Feed::Input, Feed::AnswerTo);
        if self.generation == GENERATIONS {
            self.is_over = true;
            return effects.push(Effect::Finish(known));
        }
        if self.wrong != Wrong::NeverCounts {
            self.generation += 1;
        }
        for member in 0..MEMBERS {
            let call = self.ask(member, known.clone(), effects);
            self.asked.push((call, false));
        }
    }

    fn heard(&mut self, call: Call, score: f64, effects: &mut Vec<Effect>) {
        let Some(at) = self.asked.iter().position(|it| *it == (call, false)) else {
            return;
        };
        self.asked[at].1 = true;
        let is_better = self.best.is_none_or(|best| score > best);
        if score.is_nan() {
            if self.wrong == Wrong::TakesNoNumber {
                self.best = None;
            }
        } else if is_better || self.wrong == Wrong::TakesTheLast {
            self.best = Some(score);
        }
        let is_last = self.asked.iter().all(|(_, is_heard)| *is_heard);
        if is_last || self.wrong == Wrong::SharesTooEarly {
            self.history.push(self.best);
            let found: Vec<Call> = self.asked.drain(..).map(|(call, _)| call).collect();
            let all: Vec<Call> = self.known.into_iter().chain(found).collect();
            self.sharing = Some(self.ask(SHARES, Feed::Gather(all.clone()), effects));
            if self.wrong != Wrong::KeepsFinds {
                effects.extend(all.into_iter().map(Effect::Forget));
            }
        }
    }
}

impl Protocol for Swarm {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => self.explore(effects),
            Happened::Answered { call, .. } if self.sharing == Some(call) => {
                self.sharing = None;
                self.known = Some(call);
                self.explore(effects);
            }
            Happened::Answered {
                call,
                fact: Fact::Number(score),
            } => self.heard(call, score, effects),
            Happened::Failed { call, .. }
                if self.sharing == Some(call) || self.asked.contains(&(call, false)) =>
            {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            _ => {}
        }
    }
}

fn swarms(wrong: Wrong) -> Explorer<Swarm> {
    explored(Swarm::new(wrong), MEMBERS + 1)
        .facts([0.25, 0.75, f64::NAN].map(Fact::Number))
        .facts_of(SHARES, [Fact::Nothing])
        .depth(12)
        .invariant("what is known and one generation are kept", |seen| {
            seen.ledger().kept() <= MEMBERS + 1
        })
        .invariant("the best never gets worse", |seen| {
            let machine = seen.machine();
            let last = machine.history.last().copied().flatten();
            machine.history.is_sorted() && last <= machine.best
        })
}

#[test]
fn the_copy_itself_is_right() {
    swarms(Wrong::Nothing).run().unwrap();
}

#[test]
fn every_wrong_line_of_a_swarm_is_found() {
    for wrong in WRONG {
        assert!(swarms(wrong).run().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_generation_that_is_shared_too_early_is_found() {
    let found = found(swarms(Wrong::SharesTooEarly));
    let is_early = matches!(&found.flaw, Flaw::Broken(broken) if broken.rule == Rule::NotAnswered);
    assert!(is_early, "{found}");
    assert_eq!(found.steps.len(), 2, "{found}");
}
