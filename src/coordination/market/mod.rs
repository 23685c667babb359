//! Markets: a task is put out to tender, and the best bid gets the contract.
//!
//! The contract net (Smith: *The Contract Net Protocol*, 1980; FIPA SC00029,
//! *Contract Net Interaction Protocol*) with sealed bids, a second auction on raised
//! terms, and reputations.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::market::{Bid, Bidder, CallForProposals, Terms, market};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let artist = |name: &'static str, price: f64, capability: f64| {
//!     let bids = WorkerRef::from_fn(name, move |call: CallForProposals<String>| async move {
//!         Ok(Bid::new(price, call.terms.time / 2, capability))
//!     });
//!     let draws = WorkerRef::from_fn(name, move |what: String| async move {
//!         Ok(format!("{what}, drawn by {name}"))
//!     });
//!     Bidder::new(name, bids, draws)
//! };
//! let illustrations = market("illustrations")
//!     .terms(Terms::new(100.0, secs(60)).quality(0.5))
//!     .bidder(artist("ann", 90.0, 0.9))
//!     .bidder(artist("bob", 30.0, 0.8))
//!     .bidder(artist("cy", 10.0, 0.2))
//!     .check(|_, picture: &String| if picture.contains("drawn") { 0.9 } else { 0.0 })
//!     .start(&system)
//!     .await?;
//!
//! let done = illustrations.ask("a heron".to_owned()).await?.value;
//! assert_eq!(done.value, "a heron, drawn by bob");
//! assert_eq!((&*done.contract.bidder, done.contract.price), ("bob", 30.0));
//! // Cy can do less than is required.
//! assert_eq!(done.record.refused.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Who wins?* The bid with the highest [score](BidWeights): price 0.3, capability
//! 0.4, reputation 0.2, time 0.1. Of equal scores the lower price, then the shorter
//! time, then the bidder that was added first
//! (`d14_of_equal_bids_the_cheaper_then_the_faster_then_the_first_wins`). Nobody sees
//! another's bid.
//!
//! *Which bids may win?* Those within the [terms](Terms): price, time, capability.
//! The others are told with the reason in the [record](AuctionRecord::refused), as is
//! who declined, failed or was late (`d14_refused_bids_are_told_with_their_reasons`).
//! A bidder declines with `None`.
//!
//! *What does a contract hold?* The price and time of the bid and the quality of the
//! terms. An answer later than the bidder said is not waited for
//! (`d14_work_is_held_to_the_time_of_the_bid_and_the_next_best_is_asked`); one that is
//! not [good enough](Market::check) does not count
//! (`d14_an_answer_worse_than_agreed_breaks_the_contract`). The price is what is
//! agreed: what the work costs the bidder is the bidder's.
//!
//! *What happens when a contract is broken?* The next best bid gets one, at most
//! [so many](Market::contracts) in all. Who broke one is not asked again in this run.
//!
//! *What if nobody is left?* There is [another auction](Market::auctions), with the
//! terms [raised](Market::raise) (`d14_a_second_auction_is_on_raised_terms`). After
//! the last one the run fails; the fault's [cause](crate::actor::Fault::cause) is
//! [`NoContract`] with every bidder's reason
//! (`d14_with_no_contract_the_fault_lists_every_bidders_reason`).
//!
//! *What is known of a bidder?* How its contracts went: see
//! [`ReputationRules`](crate::policy::reputation::ReputationRules). Markets can
//! [share](Market::reputations) what they know
//! (`d14_reputations_decide_and_are_shared_by_markets`).
//!
//! *Can a late bid win, or a task be awarded twice?* No, in whatever order news comes,
//! twice or after a crash
//! (`d14_every_market_of_up_to_four_bidders_awards_one_at_a_time_and_ends_once`).
//! Never are two at work for one task.
//!
//! *What is bounded?* Bidders (1,000), those asked at once, the time for bids,
//! auctions, contracts, names in the ledger. Mind the asker's deadline: it is 5 s
//! unless said, and the time for bids alone may be as long.
//!
//! *What does it cost?* An ask, a clone of the task and a score a bidder and auction;
//! nothing waits for a bidder that is ready at once.

mod bidder;
mod file;
mod machine;
mod report;
mod reputations;

pub use bidder::Bidder;
pub use machine::{MarketProtocol, MarketRules};
pub use report::{AuctionRecord, Breach, Contract, Contracted, NoContract, Refusal};
pub use reputations::{Reputations, Repute};

pub use crate::policy::auction::{Bid, BidScore, BidWeights, Raise, Terms, Unacceptable};

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::file::{Desk, Grade, Paper, TermsOf};
use super::driver::{Act, Answer, Fed, Gathered, Kinds, Score, Seat};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// Bidders that a market may have.
const MOST_BIDDERS: usize = 1_000;

/// What a bidder is asked: a task, and what it may cost.
#[derive(Clone)]
#[non_exhaustive]
pub struct CallForProposals<In> {
    /// What is to be done.
    pub task: In,
    /// What it may cost, how long it may take, how good it has to be.
    pub terms: Terms,
    /// Which auction it is, from 1.
    pub auction: u32,
}

/// What a bidder has won.
#[derive(Clone)]
#[non_exhaustive]
pub struct Award<In> {
    /// What is to be done.
    pub task: In,
    /// What was agreed.
    pub contract: Contract,
}

// By hand: payloads are not printed.
impl<In> fmt::Debug for CallForProposals<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallForProposals")
            .field("terms", &self.terms)
            .field("auction", &self.auction)
            .finish_non_exhaustive()
    }
}

impl<In> fmt::Debug for Award<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Award")
            .field("contract", &self.contract)
            .finish_non_exhaustive()
    }
}

/// A market to be. Made by [`market`].
#[must_use = "a market does nothing until it is started"]
pub struct Market<In, Out> {
    name: Arc<str>,
    bidders: Vec<Bidder<In, Out>>,
    fixed: Option<Terms>,
    terms_of: Option<TermsOf<In>>,
    weights: BidWeights,
    raise: Raise,
    grade: Option<Grade<In, Out>>,
    reputations: Reputations,
    rules: MarketRules,
    limit: usize,
}

/// Puts tasks out to tender under this name.
pub fn market<In, Out>(name: impl Into<Arc<str>>) -> Market<In, Out>
where
    In: Clone + Send + 'static,
    Out: Send + 'static,
{
    Market {
        name: name.into(),
        bidders: Vec::new(),
        fixed: None,
        terms_of: None,
        weights: BidWeights::default(),
        raise: Raise::default(),
        grade: None,
        reputations: Reputations::default(),
        rules: MarketRules::new(0),
        limit: 64,
    }
}

impl<In: Clone + Send + 'static, Out: Send + 'static> Market<In, Out> {
    /// Adds a bidder.
    pub fn bidder(mut self, bidder: Bidder<In, Out>) -> Self {
        self.bidders.push(bidder);
        self
    }

    /// The terms of every task. There are none by default.
    pub fn terms(mut self, terms: Terms) -> Self {
        self.fixed = Some(terms);
        self.terms_of = Some(Arc::new(move |_| terms));
        self
    }

    /// The terms of each task. Invalid ones are a permanent fault of its run.
    pub fn terms_of(mut self, terms: impl Fn(&In) -> Terms + Send + Sync + 'static) -> Self {
        self.fixed = None;
        self.terms_of = Some(Arc::new(terms));
        self
    }

    /// How much each part of a bid counts. Default: price 0.3, capability 0.4,
    /// reputation 0.2, time 0.1.
    pub fn weights(mut self, weights: BidWeights) -> Self {
        self.weights = weights;
        self
    }

    /// How good an answer to a task is, 0 to 1. Default: what it says about itself,
    /// in [`Metadata::quality`](crate::actor::Metadata).
    pub fn check(mut self, grade: impl Fn(&In, &Out) -> f64 + Send + Sync + 'static) -> Self {
        self.grade = Some(Arc::new(grade));
        self
    }

    /// Auctions for one task, at least one. Default 2.
    pub fn auctions(mut self, auctions: u32) -> Self {
        self.rules.auctions = auctions.max(1);
        self
    }

    /// By what the terms are raised from auction to auction. Default: budget and time
    /// by a half.
    pub fn raise(mut self, raise: Raise) -> Self {
        self.raise = raise;
        self
    }

    /// Contracts for one task, one after the other, at least one. Default 3.
    pub fn contracts(mut self, contracts: u32) -> Self {
        self.rules.contracts = contracts.max(1);
        self
    }

    /// How long bids are taken in each auction. Default 5 s, as fast work takes.
    pub fn bids_within(mut self, within: Duration) -> Self {
        self.rules.bids_within = within;
        self
    }

    /// Bidders asked at once. Default 10.
    pub fn concurrency(mut self, bidders: usize) -> Self {
        self.rules.concurrency = bidders.max(1);
        self
    }

    /// Where reputations are kept. Default: a ledger of its own.
    pub fn reputations(mut self, reputations: &Reputations) -> Self {
        self.reputations = reputations.clone();
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] with what is wrong with the terms or the weights, and
    /// where there are no terms, no bidders, more than 1,000 or two of the same name.
    pub async fn start(
        self,
        system: &System,
    ) -> Result<WorkerRef<In, Contracted<Out>>, StartError> {
        let name = Arc::clone(&self.name);
        start(system, name, self.score()?).await
    }

    fn validate(&self) -> Result<(), InvalidSpec> {
        let refuse = |why| Err(InvalidSpec::Combination(why));
        let names: BTreeSet<_> = self.bidders.iter().map(|bidder| &bidder.name).collect();
        if names.is_empty() {
            return refuse("a market without bidders comes to nothing, add one");
        }
        if names.len() < self.bidders.len() {
            return refuse("two bidders have the same name, give each one of its own");
        }
        if names.len() > MOST_BIDDERS {
            return refuse("a market has at most 1,000 bidders");
        }
        if let Some(terms) = &self.fixed {
            terms.validate().map_err(InvalidSpec::Auction)?;
        }
        self.raise.validate().map_err(InvalidSpec::Auction)?;
        self.weights.validate().map_err(InvalidSpec::Weights)
    }

    fn score(mut self) -> Result<Score<MarketProtocol, Contracted<Out>>, InvalidSpec> {
        self.validate()?;
        let no_terms = InvalidSpec::Combination("a market has terms, say what a task may cost");
        let terms_of = self.terms_of.take().ok_or(no_terms)?;
        self.rules.bidders = self.bidders.len();
        let names = self.bidders.iter().map(|bidder| Arc::clone(&bidder.name));
        let desk = Arc::new(Desk {
            names: names.collect(),
            terms_of,
            weights: self.weights,
            raise: self.raise,
            grade: self.grade,
            reputations: self.reputations,
        });
        let bidders = self.bidders.iter();
        let bids = bidders.clone().enumerate().map(|(at, it)| it.bids_seat(at));
        let seats = (0..MarketProtocol::BIDDERS).map(|position| clerk(position, &desk));
        Ok(Score {
            seats: seats
                .chain(bids)
                .chain(bidders.map(Bidder::work_seat))
                .collect(),
            calls: calls_for(self.rules.calls()),
            machine: MarketProtocol::new(self.rules),
            conclude: Arc::new(conclude::<In, Out>),
            on_error: None,
            limit: self.limit,
        })
    }
}

/// A clerk, who is given the file and gives it on.
fn clerk<In, Out>(position: usize, desk: &Arc<Desk<In, Out>>) -> Seat
where
    In: Send + 'static,
    Out: Send + 'static,
{
    type Does<In, Out> = fn(&Desk<In, Out>, Fed) -> Result<Answer, Fault>;
    let (name, does): (&str, Does<In, Out>) = match position {
        MarketProtocol::OPEN => ("opening", Desk::open),
        MarketProtocol::COLLECT => ("collection", Desk::collect),
        MarketProtocol::AWARD => ("award", Desk::award),
        MarketProtocol::CONTRACT => ("contract", Desk::contract),
        MarketProtocol::SETTLE => ("settlement", Desk::settle),
        MarketProtocol::RAISE => ("raise", Desk::raise),
        _ => ("market", Desk::excuse),
    };
    let desk = Arc::clone(desk);
    Seat {
        name: name.into(),
        act: Act::Computes(Box::new(move |fed| does(&desk, fed))),
        copy: None,
        kinds: Kinds::of::<Paper<In, Out>, Paper<In, Out>>(),
    }
}

fn conclude<In, Out>(mut gathered: Gathered<'_>) -> Result<Contracted<Out>, Fault>
where
    In: Send + 'static,
    Out: Send + 'static,
{
    match gathered.last::<Paper<In, Out>>() {
        Some(Paper::File(file)) => file.conclude(),
        _ => Err(file::wrong()),
    }
}

impl<In, Out> fmt::Debug for Market<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Market")
            .field("name", &self.name)
            .field("bidders", &self.bidders)
            .field("rules", &self.rules)
            .field("weights", &self.weights)
            .finish_non_exhaustive()
    }
}
