//! D21: planning in every order of what may happen.

use callboard::coordination::plan::PlannerProtocol;
use callboard::coordination::protocol::{Effect, Fact, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, explore};
use serde::{Deserialize, Serialize};

const OPEN: Fact = Fact::Choice(0);
const SETTLED: Fact = Fact::Choice(1);

/// A line around the shipped machine that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// It plans as often as it takes.
    PlansForEver,
    /// A plan that does not exist is carried out.
    CarriesOutNothing,
    /// When nothing is left to do, it goes on.
    GoesOn,
}

/// The machine, and how often the others were asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    wrong: Wrong,
    machine: PlannerProtocol,
    /// Whom each call asked.
    asked: Vec<usize>,
    /// Whether the last answer left anything to do.
    is_open: bool,
}

impl Protocol for Watched {
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>) {
        let mut event = *event;
        if let Happened::Answered { call, fact } = &mut event
            && *call + 1 == self.asked.len()
        {
            self.is_open = *fact == OPEN;
            let planned = self.asked[*call] == 1;
            if planned && self.wrong == Wrong::CarriesOutNothing {
                *fact = OPEN;
            }
            if !planned && self.wrong == Wrong::GoesOn {
                *fact = OPEN;
            }
        }
        let from = effects.len();
        self.machine.on(&event, now, effects);
        if self.wrong == Wrong::PlansForEver
            && let [Effect::Finish(Feed::AnswerTo(call))] = effects[from..]
            && self.is_open
        {
            self.machine = PlannerProtocol::new(0);
            let feed = Feed::AnswerTo(call);
            effects[from] = Effect::Ask {
                call: self.asked.len(),
                worker: 1,
                feed,
            };
        }
        for effect in &effects[from..] {
            if let Effect::Ask { worker, .. } = effect {
                self.asked.push(*worker);
            }
        }
    }
}

fn awkward(replans: u32, wrong: Wrong) -> Explorer<Watched> {
    let watched = Watched {
        wrong,
        machine: PlannerProtocol::new(replans),
        asked: Vec::new(),
        is_open: false,
    };
    let asked = |seen: &Watched, whom| seen.asked.iter().filter(|it| **it == whom).count();
    explore(watched)
        .participants(3)
        .failures([FaultClass::Transient, FaultClass::Permanent])
        .facts([OPEN, SETTLED])
        .duplicates()
        .crashes(2)
        .at_most_under_way(1)
        .invariant("no more is planned than the bound", move |seen| {
            asked(seen.machine(), 1) <= replans as usize + 1
        })
        .invariant("each plan is carried out once", move |seen| {
            asked(seen.machine(), 2) <= asked(seen.machine(), 1)
        })
        .invariant("with nothing left to do nobody is asked", |seen| {
            let watched = seen.machine();
            watched.is_open || watched.asked.len() <= 2 || seen.ledger().under_way() == 0
        })
}

#[test]
fn d21_every_planning_ends_once_and_plans_no_more_than_it_may() {
    for replans in 0..=4 {
        match awkward(replans, Wrong::Nothing).run() {
            Ok(report) => assert!(report.ends > 2, "{report}"),
            Err(found) => panic!("{found}"),
        }
    }
}

#[test]
fn every_wrong_line_of_a_planner_is_found() {
    for wrong in [Wrong::PlansForEver, Wrong::CarriesOutNothing, Wrong::GoesOn] {
        assert!(awkward(2, wrong).run().is_err(), "{wrong:?}");
    }
}
