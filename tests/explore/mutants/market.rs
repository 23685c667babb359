//! Wrong markets.

use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// A bid that comes after bids were closed is taken.
    TakesLateBids,
    /// While the winner is late, but not told to stop, the next one is awarded.
    AwardsTwice,
    /// Who broke the contract gets it again.
    AwardsAgain,
    /// Nobody left is waited for.
    WaitsForNobody,
    /// The work that failed is not noticed.
    TrustsTheWinner,
}

const WRONG: [Wrong; 5] = [
    Wrong::TakesLateBids,
    Wrong::AwardsTwice,
    Wrong::AwardsAgain,
    Wrong::WaitsForNobody,
    Wrong::TrustsTheWinner,
];

const BIDDERS: usize = 3;
/// Bids are closed.
const CLOSING: u32 = 0;
/// The work is due.
const DUE: u32 = 1;

/// Three bidders who bid one number; the lowest wins. Calls of bids are their
/// positions.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tender {
    wrong: Wrong,
    bids: Vec<(Call, u32)>,
    silent: Vec<Call>,
    /// The bids when they were closed.
    closed: Option<Vec<(Call, u32)>>,
    /// Who was awarded the task, and by which call it works.
    awards: Vec<(Call, Call)>,
    is_over: bool,
}

impl Tender {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            bids: Vec::new(),
            silent: Vec::new(),
            closed: None,
            awards: Vec::new(),
            is_over: false,
        }
    }

    fn is_first(&self, call: Call) -> bool {
        !self.silent.contains(&call) && self.bids.iter().all(|(known, _)| *known != call)
    }

    fn close_if_all_are_heard(&mut self, effects: &mut Vec<Effect>) {
        if self.bids.len() + self.silent.len() == BIDDERS {
            effects.push(Effect::StopTimer(CLOSING));
            self.close(effects);
        }
    }

    fn close(&mut self, effects: &mut Vec<Effect>) {
        effects.extend((0..BIDDERS).map(Effect::Cancel));
        self.closed = Some(self.bids.clone());
        self.award(effects);
    }

    fn award(&mut self, effects: &mut Vec<Effect>) {
        let had_one = |bidder: &Call| self.awards.iter().any(|(known, _)| known == bidder);
        let left = self.bids.iter().filter(|(bidder, _)| {
            self.wrong == Wrong::AwardsAgain && self.awards.len() < BIDDERS || !had_one(bidder)
        });
        let Some((bidder, _)) = left.min_by_key(|(bidder, bid)| (*bid, *bidder)) else {
            if self.wrong != Wrong::WaitsForNobody {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::because("nobody is left")));
            }
            return;
        };
        let call = BIDDERS + self.awards.len();
        let (bidder, worker) = (*bidder, BIDDERS + bidder);
        self.awards.push((bidder, call));
        effects.push(Effect::Ask {
            call,
            worker,
            feed: Feed::Input,
        });
        let after = secs(1);
        effects.push(Effect::SetTimer { timer: DUE, after });
    }

    fn at_work(&self) -> Option<Call> {
        self.awards.last().map(|(_, call)| *call)
    }
}

impl Protocol for Tender {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        let is_open = self.closed.is_none();
        match *event {
            Happened::Answered {
                call,
                fact: Fact::Choice(bid),
            } if call < BIDDERS
                && self.is_first(call)
                && (is_open || self.wrong == Wrong::TakesLateBids) =>
            {
                self.bids.push((call, bid));
                if is_open {
                    self.close_if_all_are_heard(effects);
                }
            }
            _ if self.is_over => {}
            Happened::Began => {
                let after = secs(1);
                effects.push(Effect::SetTimer {
                    timer: CLOSING,
                    after,
                });
                effects.extend((0..BIDDERS).map(|bidder| Effect::Ask {
                    call: bidder,
                    worker: bidder,
                    feed: Feed::Input,
                }));
            }
            Happened::Failed { call, .. } if call < BIDDERS && is_open && self.is_first(call) => {
                self.silent.push(call);
                self.close_if_all_are_heard(effects);
            }
            Happened::Answered { call, .. } if Some(call) == self.at_work() => {
                self.is_over = true;
                effects.push(Effect::Finish(Feed::AnswerTo(call)));
            }
            Happened::Failed { call, .. }
                if Some(call) == self.at_work() && self.wrong != Wrong::TrustsTheWinner =>
            {
                effects.push(Effect::StopTimer(DUE));
                self.award(effects);
            }
            Happened::Failed { call, .. } if Some(call) == self.at_work() => {
                self.is_over = true;
                effects.push(Effect::Finish(Feed::AnswerTo(call)));
            }
            Happened::TimeUp { timer: CLOSING } if is_open => self.close(effects),
            Happened::TimeUp { timer: DUE } => {
                if self.wrong != Wrong::AwardsTwice {
                    effects.extend(self.at_work().map(Effect::Cancel));
                }
                self.award(effects);
            }
            _ => {}
        }
    }
}

fn explorer(wrong: Wrong) -> Explorer<Tender> {
    explored(Tender::new(wrong), 2 * BIDDERS)
        .failures([FaultClass::Permanent])
        .facts([Fact::Choice(0), Fact::Choice(1)])
        .states(2_000_000)
        .crashes(0)
        .invariant("what is closed stays closed", |seen| {
            let Tender { closed, bids, .. } = seen.machine();
            closed.as_ref().is_none_or(|closed| closed == bids)
        })
        .invariant("one at a time is at work", |seen| {
            seen.machine().closed.is_none() || seen.ledger().under_way() <= 1
        })
        .invariant("nobody is awarded it twice", |seen| {
            let awards = &seen.machine().awards;
            let once = |who| awards.iter().filter(|(it, _)| *it == who).count() == 1;
            awards.iter().all(|(who, _)| once(*who))
        })
}

#[test]
fn the_copy_itself_is_right() {
    if let Err(found) = explorer(Wrong::Nothing).run() {
        panic!("{found}");
    }
}

#[test]
fn every_wrong_line_of_a_market_is_found() {
    for wrong in WRONG {
        assert!(explorer(wrong).run().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_late_bid_that_may_win_is_found() {
    let found = found(explorer(Wrong::TakesLateBids));
    assert!(
        matches!(found.flaw, Flaw::DisturbedByLateNews | Flaw::Violated(_)),
        "{found}"
    );
}

#[test]
fn a_second_award_of_one_task_is_found() {
    let found = found(explorer(Wrong::AwardsTwice));
    assert!(matches!(found.flaw, Flaw::Violated(_)), "{found}");
}
