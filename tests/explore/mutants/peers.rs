//! Wrong peers.

use callboard::coordination::protocol::{Call, Effect, Fact, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// A peer reviews what it has proposed.
    ReviewsItself,
    /// A review that comes when the round is judged still counts.
    CountsLateReviews,
    /// A review that comes twice counts twice.
    CountsTwice,
    /// A reviewer that failed is waited for.
    WaitsForTheFailed,
    /// Nothing accepted is not the end.
    NeverEnds,
}

const WRONG: [Wrong; 5] = [
    Wrong::ReviewsItself,
    Wrong::CountsLateReviews,
    Wrong::CountsTwice,
    Wrong::WaitsForTheFailed,
    Wrong::NeverEnds,
];

const PEERS: usize = 3;
const ROUNDS: u32 = 2;

/// One round after the other: the next peer proposes, and the others review.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Circle {
    wrong: Wrong,
    round: u32,
    next: Call,
    proposal: Call,
    /// Who reviews, by which call.
    asked: Vec<(usize, Call)>,
    /// The scores of this round, and by which call.
    scores: Vec<(Call, bool)>,
    silent: Vec<Call>,
    /// The scores when the round was judged last.
    judged: Option<Vec<(Call, bool)>>,
    is_over: bool,
}

impl Circle {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            round: 0,
            next: 0,
            proposal: 0,
            asked: Vec::new(),
            scores: Vec::new(),
            silent: Vec::new(),
            judged: None,
            is_over: false,
        }
    }

    fn proposer(&self) -> usize {
        self.round as usize % PEERS
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn propose(&mut self, effects: &mut Vec<Effect>) {
        self.asked.clear();
        self.scores.clear();
        self.silent.clear();
        self.judged = None;
        let proposer = self.proposer();
        self.proposal = self.ask(proposer, Feed::Input, effects);
    }

    fn review(&mut self, effects: &mut Vec<Effect>) {
        let proposal = self.proposal;
        for peer in 0..PEERS {
            if peer != self.proposer() || self.wrong == Wrong::ReviewsItself {
                let call = self.ask(peer, Feed::AnswerTo(proposal), effects);
                self.asked.push((peer, call));
            }
        }
        let after = secs(1);
        effects.push(Effect::SetTimer { timer: 0, after });
    }

    fn is_first(&self, call: Call) -> bool {
        !self.silent.contains(&call) && self.scores.iter().all(|(known, _)| *known != call)
    }

    fn judge_if_all_are_heard(&mut self, effects: &mut Vec<Effect>) {
        let silent = match self.wrong {
            Wrong::WaitsForTheFailed => 0,
            _ => self.silent.len(),
        };
        if self.scores.len() + silent >= self.asked.len() {
            effects.push(Effect::StopTimer(0));
            self.judge(effects);
        }
    }

    fn judge(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.asked.iter().map(|(_, call)| Effect::Cancel(*call)));
        self.judged = Some(self.scores.clone());
        let is_accepted = self.scores.iter().any(|(_, is_good)| *is_good);
        let goes_on = is_accepted && self.round + 1 < ROUNDS;
        if goes_on || self.wrong == Wrong::NeverEnds {
            self.round += 1;
            self.propose(effects);
        } else {
            self.is_over = true;
            effects.push(Effect::Finish(Feed::AnswerTo(self.proposal)));
        }
    }
}

impl Protocol for Circle {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        let is_open = self.judged.is_none();
        match *event {
            Happened::Answered {
                call,
                fact: Fact::Choice(score),
            } if self.asked.iter().any(|(_, it)| *it == call)
                && (self.is_first(call) || self.wrong == Wrong::CountsTwice)
                && (is_open || self.wrong == Wrong::CountsLateReviews) =>
            {
                self.scores.push((call, score == 1));
                if is_open {
                    self.judge_if_all_are_heard(effects);
                }
            }
            _ if self.is_over => {}
            Happened::Began => self.propose(effects),
            Happened::Answered { call, .. } if call == self.proposal && self.asked.is_empty() => {
                self.review(effects);
            }
            Happened::Failed { call, .. } if call == self.proposal && self.asked.is_empty() => {
                self.is_over = true;
                effects.push(Effect::Finish(Feed::Input));
            }
            Happened::Failed { call, .. }
                if self.asked.iter().any(|(_, it)| *it == call) && self.is_first(call) =>
            {
                self.silent.push(call);
                self.judge_if_all_are_heard(effects);
            }
            Happened::TimeUp { .. } => self.judge(effects),
            _ => {}
        }
    }
}

fn explorer(wrong: Wrong) -> Explorer<Circle> {
    explored(Circle::new(wrong), PEERS)
        .failures([FaultClass::Permanent])
        .facts([Fact::Choice(0), Fact::Choice(1)])
        .invariant("nobody reviews its own", |seen| {
            let circle = seen.machine();
            let mut asked = circle.asked.iter();
            asked.all(|(peer, _)| *peer != circle.proposer())
        })
        .invariant("what is judged stays judged", |seen| {
            let Circle { judged, scores, .. } = seen.machine();
            judged.as_ref().is_none_or(|judged| judged == scores)
        })
        .invariant("a reviewer has one score", |seen| {
            let scores = &seen.machine().scores;
            let once = |call| scores.iter().filter(|(it, _)| *it == call).count() == 1;
            scores.iter().all(|(call, _)| once(*call))
        })
        .invariant("reviews end when time is up", |seen| {
            let circle = seen.machine();
            let is_late = seen.now() >= secs(u64::from(circle.round + 1));
            !is_late || circle.judged.is_some() || circle.asked.is_empty()
        })
        // Whoever waits for the failed is saved by the time limit, but waits.
        .invariant("nobody is waited for in vain", |seen| {
            seen.machine().is_over || seen.ledger().under_way() > 0
        })
        .invariant("rounds are bounded", |seen| seen.machine().round < ROUNDS)
}

#[test]
fn the_copy_itself_is_right() {
    if let Err(found) = explorer(Wrong::Nothing).run() {
        panic!("{found}");
    }
}

#[test]
fn every_wrong_line_of_peers_is_found() {
    for wrong in WRONG {
        assert!(explorer(wrong).run().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_peer_that_reviews_itself_is_found() {
    let found = found(explorer(Wrong::ReviewsItself));
    assert!(matches!(found.flaw, Flaw::Violated(_)), "{found}");
    assert_eq!(found.steps.len(), 2, "{found}");
}

#[test]
fn a_late_review_that_counts_is_found() {
    let found = found(explorer(Wrong::CountsLateReviews));
    let flaw = &found.flaw;
    assert!(
        matches!(flaw, Flaw::DisturbedByLateNews | Flaw::Violated(_)),
        "{found}"
    );
}
