//! What a market comes to.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::Fault;
use crate::policy::auction::{Bid, BidScore, Terms, Unacceptable};

/// What was agreed with a bidder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contract {
    /// With whom.
    pub bidder: Arc<str>,
    /// What is paid for it, whatever it costs the bidder.
    pub price: f64,
    /// How long the work may take, as the bidder said.
    pub time: Duration,
    /// How good the answer has to be, 0 to 1.
    pub quality: f64,
    /// What the bid scored, part by part.
    pub score: BidScore,
    /// In which auction, from 1.
    pub auction: u32,
}

/// Why a bidder had no bid that could win.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// Its bid may not win.
    Unacceptable {
        /// What it bid.
        bid: Bid,
        /// What is against it.
        why: Unacceptable,
    },
    /// It did not want to bid.
    Declined,
    /// It failed instead.
    Failed(Fault),
    /// It had no bid when bids were closed.
    Late,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unacceptable { why, .. } => why.fmt(f),
            Self::Declined => f.write_str("it declined"),
            Self::Failed(fault) => fault.fmt(f),
            Self::Late => f.write_str("it had no bid in time"),
        }
    }
}

/// Why a contract was broken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Breach {
    /// There was no answer in the time agreed.
    Late,
    /// The work failed.
    Failed(Fault),
    /// The answer was not as good as agreed.
    Poor {
        /// How good it was, 0 to 1, where that is known.
        quality: Option<f64>,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("it had no answer in the time agreed"),
            Self::Failed(fault) => fault.fmt(f),
            Self::Poor {
                quality: Some(quality),
            } => write!(f, "its answer's quality is {quality}, less than agreed"),
            Self::Poor { quality: None } => {
                f.write_str("the quality of its answer is not known, add a check")
            }
        }
    }
}

/// What happened on the market before its end.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuctionRecord {
    /// The terms of each auction, in order.
    pub auctions: Vec<Terms>,
    /// Who had no bid that could win: in which auction, from 1, who, and why.
    pub refused: Vec<(u32, Arc<str>, Refusal)>,
    /// Contracts that were broken, in order, and why.
    pub broken: Vec<(Contract, Breach)>,
}

impl AuctionRecord {
    /// Whether some of it may be gone the next time.
    pub(super) fn may_be_gone(&self) -> bool {
        let refused = self.refused.iter().any(|(_, _, why)| match why {
            Refusal::Failed(fault) => fault.class().is_retryable(),
            Refusal::Late => true,
            Refusal::Unacceptable { .. } | Refusal::Declined => false,
        });
        let broken = self.broken.iter().any(|(_, why)| match why {
            Breach::Failed(fault) => fault.class().is_retryable(),
            Breach::Late => true,
            Breach::Poor { .. } => false,
        });
        refused || broken
    }
}

/// So many reasons are told in words; all of them are there as data.
const REASONS: usize = 10;

impl fmt::Display for AuctionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = self.refused.iter();
        let refused =
            refused.map(|(auction, who, why)| format!("{who} in auction {auction}: {why}"));
        let broken = self.broken.iter();
        let broken = broken.map(|(contract, why)| {
            let Contract {
                bidder, auction, ..
            } = contract;
            format!("{bidder} under contract of auction {auction}: {why}")
        });
        let all: Vec<_> = refused.chain(broken).take(REASONS).collect();
        f.write_str(&all.join("; "))?;
        match (self.refused.len() + self.broken.len()).saturating_sub(all.len()) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Work that was done as agreed.
#[derive(Clone)]
#[non_exhaustive]
pub struct Contracted<Out> {
    /// The answer.
    pub value: Out,
    /// Whose it is, and what was agreed.
    pub contract: Contract,
    /// What happened before.
    pub record: AuctionRecord,
}

// By hand: payloads are not printed.
impl<Out> fmt::Debug for Contracted<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contracted")
            .field("contract", &self.contract)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// Nobody did the work: the [cause](Fault::cause) of the run's fault, with every
/// bidder's reason.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NoContract {
    /// What happened.
    pub record: AuctionRecord,
}

impl fmt::Display for NoContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let auctions = self.record.auctions.len();
        write!(
            f,
            "nobody did the work after {auctions} auctions: {}",
            self.record
        )
    }
}

impl Error for NoContract {}
