//! The control of a blackboard in every order of what may happen.

use callboard::coordination::blackboard::{BlackboardProtocol, ControlRules, Ended};
use callboard::coordination::protocol::{Effect, Fact, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, explore};
use serde::{Deserialize, Serialize};

const SOLVED: u32 = 1 << 31;

/// A line around the shipped machine that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// Sources are asked that are not triggered.
    AsksWhoIsSilent,
    /// A solved board is written on.
    MissesTheSolution,
    /// A contribution that was made is lost.
    LosesAContribution,
}

/// The machine, and what somebody beside it sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    wrong: Wrong,
    machine: BlackboardProtocol,
    asked: Vec<usize>,
    /// What the board said last.
    board: u32,
    /// Contributions of this step, and how many of them were given to the writer.
    said: usize,
    written: usize,
    is_allowed: bool,
}

impl Watched {
    fn hear(&mut self, call: usize, fact: &mut Fact, writer: usize) {
        match (self.asked.get(call).copied(), *fact) {
            (Some(who), Fact::Choice(bits)) if who == 0 || who == writer => {
                (self.board, self.said, self.written) = (bits, 0, 0);
                if self.wrong == Wrong::AsksWhoIsSilent {
                    *fact = Fact::Choice(bits | 1);
                }
                if self.wrong == Wrong::MissesTheSolution {
                    *fact = Fact::Choice(bits & !SOLVED);
                }
            }
            (Some(_), Fact::Count(many)) => {
                self.said += usize::from(many > 0);
                if self.wrong == Wrong::LosesAContribution && call == 2 {
                    *fact = Fact::Count(0);
                }
            }
            _ => {}
        }
    }
}

impl Protocol for Watched {
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>) {
        let mut event = *event;
        let before = self.machine.clone();
        let seen = self.clone();
        let writer = 3;
        if let Happened::Answered { call, fact } = &mut event {
            self.hear(*call, fact, writer);
        }
        let from = effects.len();
        self.machine.on(&event, now, effects);
        if self.machine == before {
            // News of a call that is over.
            *self = seen;
        }
        for effect in &effects[from..] {
            let Effect::Ask { worker, feed, .. } = effect else {
                continue;
            };
            self.asked.push(*worker);
            if *worker == writer {
                if let Feed::Gather(calls) = feed {
                    self.written = calls.len() - 1;
                }
                self.is_allowed &= self.written == self.said;
            } else if *worker > 0 {
                let is_triggered = self.board & (1 << (worker - 1)) != 0;
                self.is_allowed &= is_triggered && self.board & SOLVED == 0;
            }
        }
    }
}

fn awkward(rules: ControlRules, wrong: Wrong) -> Explorer<Watched> {
    let steps = rules.steps;
    let watched = Watched {
        wrong,
        machine: BlackboardProtocol::new(rules),
        asked: Vec::new(),
        board: 0,
        said: 0,
        written: 0,
        is_allowed: true,
    };
    let boards = [0, 1, 2, 3, 3 | SOLVED].map(Fact::Choice);
    explore(watched)
        .participants(4)
        .failures([FaultClass::Transient])
        .facts_of(0, boards)
        .facts_of(1, [Fact::Count(0), Fact::Count(2)])
        .facts_of(2, [Fact::Count(0), Fact::Count(2)])
        .facts_of(3, boards)
        .duplicates()
        .crashes(1)
        .invariant("who is asked and what is written is right", |seen| {
            seen.machine().is_allowed
        })
        .invariant("there are no more steps than there may be", move |seen| {
            seen.machine().machine.steps() <= steps
        })
}

fn two() -> ControlRules {
    ControlRules::new([1, 2]).steps(3)
}

#[test]
fn every_blackboard_of_up_to_four_sources_ends_once_within_its_steps() {
    for side_by_side in 1..=2 {
        match awkward(two().side_by_side(side_by_side), Wrong::Nothing).run() {
            Ok(report) => assert!(report.ends > 4, "{report}"),
            Err(found) => panic!("{found}"),
        }
    }
    for sources in 1..=4_u32 {
        let rules = ControlRules::new(0..sources).side_by_side(2).steps(2);
        let boards = (0..1 << sources).chain([SOLVED]).map(Fact::Choice);
        let boards: Vec<_> = boards.collect();
        let writer = sources as usize + 1;
        let mut explorer = explore(BlackboardProtocol::new(rules))
            .participants(writer + 1)
            .failures([FaultClass::Permanent])
            .facts_of(0, boards.clone())
            .facts_of(writer, boards)
            .at_most_under_way(2)
            .states(2_000_000)
            .duplicates();
        for source in 1..writer {
            explorer = explorer.facts_of(source, [Fact::Count(0), Fact::Count(1)]);
        }
        match explorer.run() {
            Ok(report) => assert!(report.ends > 2, "{report}"),
            Err(found) => panic!("{found}"),
        }
    }
}

#[test]
fn every_wrong_line_of_a_blackboard_is_found() {
    for wrong in [
        Wrong::AsksWhoIsSilent,
        Wrong::MissesTheSolution,
        Wrong::LosesAContribution,
    ] {
        let explorer = awkward(two().side_by_side(2), wrong);
        assert!(explorer.run().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_solved_board_ends_it_whoever_is_triggered() {
    let mut machine = BlackboardProtocol::new(two());
    let mut effects = Vec::new();
    machine.on(&Happened::Began, Duration::ZERO, &mut effects);
    let fact = Fact::Choice(3 | SOLVED);
    let board = Happened::Answered { call: 0, fact };
    machine.on(&board, Duration::ZERO, &mut effects);
    assert_eq!((effects.len(), machine.ended()), (2, Some(Ended::Solved)));
}
