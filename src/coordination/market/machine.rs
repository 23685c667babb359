//! The rules of a market.
//!
//! ```text
//!          ┌──────────────────── raised terms ◀─────────────────────┐
//!          ▼                                                        │ another auction
//!  open ─▶ bids, side by side ─▶ collect ─▶ award ─▶ nobody left ─▶─┴─▶ excuse: the fault
//!          (until time is up)                 ▲ │
//!                  broken, the next best ─────┘ └─▶ contract ─▶ work ─▶ settle ─▶ kept
//! ```
//!
//! Whose bid is best, and whether a contract was kept, are facts. All that is known
//! goes from clerk to clerk as one file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome, Timer,
};

/// When no more bids are taken.
const CLOSING: Timer = 0;
/// When the work under contract has to be done.
const DUE: Timer = 1;

/// What settling says of a contract that was kept.
pub(super) const KEPT: Fact = Fact::Choice(0);
/// Likewise: that was broken.
pub(super) const BROKEN: Fact = Fact::Choice(1);

/// What bounds a market.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MarketRules {
    /// Bidders there are.
    pub bidders: usize,
    /// Bidders asked at once. Default 10.
    pub concurrency: usize,
    /// How long bids are taken in each auction. Default 5 s.
    pub bids_within: Duration,
    /// Auctions at most. Default 2.
    pub auctions: u32,
    /// Contracts at most, in all auctions together. Default 3.
    pub contracts: u32,
}

impl MarketRules {
    /// The defaults, for so many bidders.
    #[must_use]
    pub fn new(bidders: usize) -> Self {
        Self {
            bidders,
            concurrency: 10,
            bids_within: crate::policy::time_class::TimeClass::Fast.deadline(),
            auctions: 2,
            contracts: 3,
        }
    }

    /// Calls that one run may make at most.
    pub(super) fn calls(&self) -> usize {
        let auctions = (self.auctions as usize).saturating_mul(self.bidders.saturating_add(3));
        let contracts = (self.contracts as usize).saturating_mul(4);
        auctions.saturating_add(contracts).saturating_add(2)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Standing {
    UnderWay,
    Heard,
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Opening,
    /// Bids are taken; the first has this call, and the others follow.
    Bidding(Call),
    Collecting,
    Awarding,
    /// A contract is made with this bidder.
    Contracting(usize),
    Working(usize),
    Settling(usize),
    Raising,
    Excusing,
    Over,
}

/// The rules of a market: everybody is asked for a bid, the best one gets the
/// contract, and if that is broken the next best does.
///
/// Participants: [`BIDDERS`](Self::BIDDERS) clerks, then the bidders, then those who
/// do their work. The clerks, in turn: one opens the file, one collects bids into it,
/// one awards (its choice is a bidder; nothing: nobody), one makes the contract (it
/// says how many seconds the work may take), one settles it, one raises the terms,
/// and one says why there is no contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketProtocol {
    rules: MarketRules,
    phase: Phase,
    next: Call,
    /// The call under way, unless bids are.
    call: Call,
    /// Whose answer is the file.
    file: Call,
    /// Who is asked in this auction, and how far each is.
    invited: Vec<usize>,
    standing: Vec<Standing>,
    under_way: usize,
    auction: u32,
    /// With whom contracts were made, in order.
    contracts: Vec<usize>,
}

impl MarketProtocol {
    pub(super) const OPEN: usize = 0;
    pub(super) const COLLECT: usize = 1;
    pub(super) const AWARD: usize = 2;
    pub(super) const CONTRACT: usize = 3;
    pub(super) const SETTLE: usize = 4;
    pub(super) const RAISE: usize = 5;
    pub(super) const EXCUSE: usize = 6;
    /// The position of the first bidder.
    pub const BIDDERS: usize = 7;

    /// A run that has not begun.
    #[must_use]
    pub fn new(rules: MarketRules) -> Self {
        Self {
            rules,
            phase: Phase::Opening,
            next: 0,
            call: 0,
            file: 0,
            invited: Vec::new(),
            standing: Vec::new(),
            under_way: 0,
            auction: 0,
            contracts: Vec::new(),
        }
    }

    /// Auctions so far.
    #[must_use]
    pub fn auctions(&self) -> u32 {
        self.auction
    }

    /// The bidders with whom contracts were made, in order.
    #[must_use]
    pub fn contracts(&self) -> &[usize] {
        &self.contracts
    }

    /// Whether bids are being taken.
    #[must_use]
    pub fn is_bidding(&self) -> bool {
        matches!(self.phase, Phase::Bidding(_))
    }

    /// The bidder that is at work, under contract.
    #[must_use]
    pub fn at_work(&self) -> Option<usize> {
        match self.phase {
            Phase::Working(bidder) => Some(bidder),
            _ => None,
        }
    }

    /// The bidders that were heard in this auction.
    pub fn heard(&self) -> impl Iterator<Item = usize> + '_ {
        let all = self.invited.iter().zip(&self.standing);
        all.filter_map(|(bidder, it)| (*it == Standing::Heard).then_some(*bidder))
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) {
        self.call = self.next;
        self.next += 1;
        effects.push(Effect::Ask {
            call: self.call,
            worker,
            feed,
        });
    }

    /// Gives the file to a clerk, with what belongs to it.
    fn hand(&mut self, clerk: usize, with: &[Call], now: Phase, effects: &mut Vec<Effect>) {
        let file = self.file;
        let feed = Feed::Gather([file].iter().chain(with).copied().collect());
        self.ask(clerk, feed, effects);
        effects.push(Effect::Forget(file));
        self.phase = now;
    }

    fn note(bidder: usize, outcome: StepOutcome, effects: &mut Vec<Effect>) {
        effects.push(Effect::Note {
            worker: Self::BIDDERS + bidder,
            outcome,
        });
    }

    fn fail(&mut self, why: Failure, effects: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        effects.push(Effect::Fail(why));
    }

    fn open(&mut self, effects: &mut Vec<Effect>) {
        self.auction += 1;
        let all = 0..self.rules.bidders;
        self.invited = all.filter(|it| !self.contracts.contains(it)).collect();
        self.standing.clear();
        self.under_way = 0;
        if self.invited.is_empty() {
            return self.hand(Self::EXCUSE, &[], Phase::Excusing, effects);
        }
        let after = self.rules.bids_within;
        effects.push(Effect::SetTimer {
            timer: CLOSING,
            after,
        });
        self.phase = Phase::Bidding(self.next);
        self.ask_more(effects);
    }

    fn ask_more(&mut self, effects: &mut Vec<Effect>) {
        while self.under_way < self.rules.concurrency.max(1)
            && let Some(bidder) = self.invited.get(self.standing.len())
        {
            let bidder = *bidder;
            self.standing.push(Standing::UnderWay);
            self.under_way += 1;
            let feed = Feed::AnswerTo(self.file);
            self.ask(Self::BIDDERS + bidder, feed, effects);
        }
    }

    /// A bidder has said what it will.
    fn bid(&mut self, first: Call, call: Call, now: Standing, effects: &mut Vec<Effect>) {
        let Some(at) = call.checked_sub(first) else {
            return;
        };
        if self.standing.get(at) != Some(&Standing::UnderWay) {
            return;
        }
        self.standing[at] = now;
        self.under_way -= 1;
        let outcome = match now {
            Standing::Heard => StepOutcome::Done,
            _ => StepOutcome::Failed,
        };
        Self::note(self.invited[at], outcome, effects);
        self.ask_more(effects);
        if self.under_way == 0 {
            effects.push(Effect::StopTimer(CLOSING));
            self.collect(first, effects);
        }
    }

    /// No bid that comes from here on is taken.
    fn collect(&mut self, first: Call, effects: &mut Vec<Effect>) {
        let asked = self.standing.iter().enumerate();
        let heard = asked.filter_map(|(at, it)| (*it == Standing::Heard).then_some(first + at));
        let heard: Vec<_> = heard.collect();
        self.hand(Self::COLLECT, &heard, Phase::Collecting, effects);
    }

    fn close(&mut self, first: Call, effects: &mut Vec<Effect>) {
        for (at, standing) in self.standing.iter_mut().enumerate() {
            if *standing == Standing::UnderWay {
                *standing = Standing::Silent;
                effects.push(Effect::Cancel(first + at));
                Self::note(self.invited[at], StepOutcome::TimedOut, effects);
            }
        }
        self.under_way = 0;
        self.collect(first, effects);
    }

    fn awarded(&mut self, fact: Fact, effects: &mut Vec<Effect>) {
        let bidder = match fact {
            Fact::Choice(bidder) => bidder as usize,
            // Nobody is left in this auction.
            _ if self.auction < self.rules.auctions => {
                return self.hand(Self::RAISE, &[], Phase::Raising, effects);
            }
            _ => return self.hand(Self::EXCUSE, &[], Phase::Excusing, effects),
        };
        let has_bid = self.heard_bidder(bidder);
        if !has_bid || self.contracts.contains(&bidder) {
            let why = "the award is not to somebody who may have it";
            return self.fail(Failure::because(why), effects);
        }
        self.contracts.push(bidder);
        self.hand(Self::CONTRACT, &[], Phase::Contracting(bidder), effects);
    }

    fn heard_bidder(&self, bidder: usize) -> bool {
        self.heard().any(|it| it == bidder)
    }

    fn contracted(&mut self, bidder: usize, fact: Fact, effects: &mut Vec<Effect>) {
        let time = match fact {
            Fact::Number(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            _ => None,
        };
        let Some(after) = time else {
            let why = "a contract has a time that is no time";
            return self.fail(Failure::because(why), effects);
        };
        effects.push(Effect::SetTimer { timer: DUE, after });
        let worker = Self::BIDDERS + self.rules.bidders + bidder;
        self.ask(worker, Feed::AnswerTo(self.file), effects);
        self.phase = Phase::Working(bidder);
    }

    fn settle(&mut self, bidder: usize, with: &[Call], effects: &mut Vec<Effect>) {
        self.hand(Self::SETTLE, with, Phase::Settling(bidder), effects);
    }

    fn settled(&mut self, call: Call, bidder: usize, fact: Fact, effects: &mut Vec<Effect>) {
        if fact == KEPT {
            Self::note(bidder, StepOutcome::Done, effects);
            self.phase = Phase::Over;
            return effects.push(Effect::Finish(Feed::AnswerTo(call)));
        }
        Self::note(bidder, StepOutcome::FellBack, effects);
        match (self.contracts.len() as u64) < u64::from(self.rules.contracts) {
            true => self.hand(Self::AWARD, &[], Phase::Awarding, effects),
            false => self.hand(Self::EXCUSE, &[], Phase::Excusing, effects),
        }
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Bidding(first) => return self.bid(first, call, Standing::Heard, effects),
            // News of a call that is over.
            _ if call != self.call => return,
            Phase::Working(bidder) => {
                effects.push(Effect::StopTimer(DUE));
                return self.settle(bidder, &[call], effects);
            }
            Phase::Over => return,
            _ => self.file = call,
        }
        match self.phase {
            Phase::Opening | Phase::Raising => self.open(effects),
            Phase::Collecting => self.hand(Self::AWARD, &[], Phase::Awarding, effects),
            Phase::Awarding => self.awarded(fact, effects),
            Phase::Contracting(bidder) => self.contracted(bidder, fact, effects),
            Phase::Settling(bidder) => self.settled(call, bidder, fact, effects),
            Phase::Excusing => {
                self.fail(Failure::because("there is no contract"), effects);
            }
            Phase::Bidding(_) | Phase::Working(_) | Phase::Over => {}
        }
    }

    fn failed(&mut self, call: Call, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Over => {}
            Phase::Bidding(first) => self.bid(first, call, Standing::Silent, effects),
            _ if call != self.call => {}
            Phase::Working(bidder) => {
                effects.push(Effect::StopTimer(DUE));
                self.settle(bidder, &[], effects);
            }
            // A clerk's fault is the run's; the last clerk has nothing else.
            _ => self.fail(Failure::Call(call), effects),
        }
    }

    fn time_up(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        match (self.phase, timer) {
            (Phase::Bidding(first), CLOSING) => self.close(first, effects),
            (Phase::Working(bidder), DUE) => {
                effects.push(Effect::Cancel(self.call));
                self.settle(bidder, &[], effects);
            }
            _ => {}
        }
    }
}

impl Protocol for MarketProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            Happened::Began => self.ask(Self::OPEN, Feed::Input, effects),
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            Happened::Failed { call, .. } => self.failed(call, effects),
            Happened::TimeUp { timer } => self.time_up(timer, effects),
        }
    }
}
