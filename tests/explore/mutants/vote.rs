//! Wrong votes.

use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// A ballot that comes twice counts twice.
    CountsTwice,
    /// A ballot that comes after the end changes the result.
    CountsLate,
    /// Half is taken for a majority.
    HalfIsEnough,
    /// A judge that failed is waited for.
    WaitsForTheFailed,
    /// When time is up, it waits on.
    MissesTheEnd,
    /// An arbiter that failed is the end of it, and says nothing.
    LeavesItToTheArbiter,
}

const WRONG: [Wrong; 6] = [
    Wrong::CountsTwice,
    Wrong::CountsLate,
    Wrong::HalfIsEnough,
    Wrong::WaitsForTheFailed,
    Wrong::MissesTheEnd,
    Wrong::LeavesItToTheArbiter,
];

const JUDGES: usize = 3;

/// A majority of three, and an arbiter; the calls of judges are their positions.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Panel {
    wrong: Wrong,
    within: Option<Duration>,
    /// Whose, and for what.
    votes: Vec<(Call, u32)>,
    failed: Vec<Call>,
    /// The votes when it was closed.
    closed: Option<Vec<(Call, u32)>>,
    decided: Option<u32>,
    is_over: bool,
}

impl Panel {
    fn new(within: Option<Duration>, wrong: Wrong) -> Self {
        Self {
            wrong,
            within,
            votes: Vec::new(),
            failed: Vec::new(),
            closed: None,
            decided: None,
            is_over: false,
        }
    }

    fn votes_for(&self, choice: u32) -> usize {
        self.votes.iter().filter(|(_, it)| *it == choice).count()
    }

    fn settle(&mut self, effects: &mut Vec<Effect>) {
        let needed = match self.wrong {
            Wrong::HalfIsEnough => JUDGES / 2,
            _ => JUDGES / 2 + 1,
        };
        let failed = match self.wrong {
            Wrong::WaitsForTheFailed => 0,
            _ => self.failed.len(),
        };
        let winner = [0, 1]
            .into_iter()
            .find(|choice| self.votes_for(*choice) >= needed);
        if let Some(winner) = winner {
            self.closed = Some(self.votes.clone());
            self.decided = Some(winner);
            self.finish(effects);
        } else if self.votes.len() + failed >= JUDGES {
            self.arbitrate(effects);
        }
    }

    fn arbitrate(&mut self, effects: &mut Vec<Effect>) {
        self.closed = Some(self.votes.clone());
        effects.push(Effect::Ask {
            call: JUDGES,
            worker: JUDGES,
            feed: Feed::Input,
        });
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.is_over = true;
        let calls = self.votes.iter().map(|(call, _)| *call);
        effects.push(Effect::Finish(Feed::Gather(calls.collect())));
    }

    fn is_first(&self, call: Call) -> bool {
        !self.failed.contains(&call) && self.votes.iter().all(|(known, _)| *known != call)
    }

    /// Whether this is the first that is heard of an open vote.
    fn is_news(&self, call: Call) -> bool {
        let is_first = self.is_first(call);
        let is_open = self.closed.is_none();
        (is_first || self.wrong == Wrong::CountsTwice)
            && (is_open || self.wrong == Wrong::CountsLate)
    }
}

impl Protocol for Panel {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            Happened::Answered {
                call,
                fact: Fact::Choice(choice),
            } if call < JUDGES && self.is_news(call) => {
                self.votes.push((call, choice));
                if self.closed.is_none() {
                    self.settle(effects);
                }
            }
            _ if self.is_over => {}
            Happened::Began => {
                if let Some(after) = self.within {
                    effects.push(Effect::SetTimer { timer: 0, after });
                }
                effects.extend((0..JUDGES).map(|judge| Effect::Ask {
                    call: judge,
                    worker: judge,
                    feed: Feed::Input,
                }));
            }
            Happened::Answered { call: JUDGES, .. } => {
                self.is_over = true;
                effects.push(Effect::Finish(Feed::AnswerTo(JUDGES)));
            }
            Happened::Failed { call: JUDGES, .. } if self.wrong != Wrong::LeavesItToTheArbiter => {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(JUDGES)));
            }
            Happened::Failed { call, .. } if self.closed.is_none() && self.is_first(call) => {
                self.failed.push(call);
                self.settle(effects);
            }
            Happened::TimeUp { .. } if self.wrong == Wrong::MissesTheEnd => {}
            Happened::TimeUp { .. } if self.closed.is_none() => {
                effects.extend((0..JUDGES).map(Effect::Cancel));
                self.arbitrate(effects);
            }
            _ => {}
        }
    }
}

fn explorer(within: Option<Duration>, wrong: Wrong) -> Explorer<Panel> {
    explored(Panel::new(within, wrong), JUDGES + 1)
        .failures([FaultClass::Permanent])
        .facts([Fact::Choice(0), Fact::Choice(1)])
        .invariant("a judge has one vote", |seen| {
            let votes = &seen.machine().votes;
            votes
                .iter()
                .all(|(judge, _)| votes.iter().filter(|(it, _)| it == judge).count() == 1)
        })
        .invariant("what is closed stays closed", |seen| {
            let machine = seen.machine();
            machine
                .closed
                .as_ref()
                .is_none_or(|closed| *closed == machine.votes)
        })
        .invariant("a decision has more than half", |seen| {
            let decided = seen.machine().decided;
            decided.is_none_or(|choice| 2 * seen.machine().votes_for(choice) > JUDGES)
        })
        .invariant("no ballots are taken when time is up", |seen| {
            seen.now().is_zero() || seen.machine().closed.is_some()
        })
}

fn is_found(wrong: Wrong) -> Option<Flaw> {
    let found = [None, Some(secs(1))]
        .into_iter()
        .find_map(|within| explorer(within, wrong).run().err());
    found.map(|found| found.flaw)
}

#[test]
fn the_copy_itself_is_right() {
    assert_eq!(is_found(Wrong::Nothing), None);
}

#[test]
fn every_wrong_line_of_a_vote_is_found() {
    for wrong in WRONG {
        assert!(is_found(wrong).is_some(), "{wrong:?}");
    }
}

#[test]
fn a_voter_counted_twice_is_found() {
    let found = found(explorer(None, Wrong::CountsTwice));
    // It begins, a ballot comes, and comes again.
    assert_eq!(found.steps.len(), 3, "{found}");
}

#[test]
fn a_late_vote_that_changes_a_closed_result_is_found() {
    let found = found(explorer(Some(secs(1)), Wrong::CountsLate));
    assert!(found.steps.len() <= 5, "{found}");
}
