//! How good a bid is, as one number.

use serde::{Deserialize, Serialize};

use super::{Bid, Terms};
use crate::policy::choice::InvalidWeights;
use crate::policy::choice::score::{check, share};

/// How far the weights of a bid may be from 1 together: what adding up costs.
const SLACK: f64 = 1e-6;

/// How much each part of a bid counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BidWeights {
    /// Of the share of the budget that is left. Default 0.3.
    pub price: f64,
    /// Of what the bidder can do. Default 0.4.
    pub capability: f64,
    /// Of what is known of the bidder. Default 0.2.
    pub reputation: f64,
    /// Of the share of the time that is left. Default 0.1.
    pub time: f64,
}

impl Default for BidWeights {
    fn default() -> Self {
        Self::new(0.3, 0.4, 0.2, 0.1)
    }
}

/// What a bid scores: each part as weighted, and all together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BidScore {
    /// For its price.
    pub price: f64,
    /// For what the bidder can do.
    pub capability: f64,
    /// For what is known of the bidder.
    pub reputation: f64,
    /// For its time.
    pub time: f64,
    /// All of them together, 0 to 1.
    pub total: f64,
}

impl BidWeights {
    /// These weights, which have to sum to 1.
    #[must_use]
    pub const fn new(price: f64, capability: f64, reputation: f64, time: f64) -> Self {
        Self {
            price,
            capability,
            reputation,
            time,
        }
    }

    /// `(1 - price / budget) * w + capability * w + reputation * w
    /// + (1 - time / longest time) * w`.
    ///
    /// Shares are clamped to 0 to 1, and what is no number counts as 0.
    #[must_use]
    pub fn score(&self, bid: &Bid, terms: &Terms, reputation: f64) -> BidScore {
        let taken = bid.time.as_secs_f64() / terms.time.as_secs_f64();
        let price = share(1.0 - bid.price / terms.budget) * self.price;
        let capability = share(bid.capability) * self.capability;
        let reputation = share(reputation) * self.reputation;
        let time = share(1.0 - taken) * self.time;
        BidScore {
            price,
            capability,
            reputation,
            time,
            total: price + capability + reputation + time,
        }
    }

    /// Checks what the types let through. Weights that do not sum to 1 are refused
    /// and not made to: one of them is a mistake, and nobody knows which.
    ///
    /// # Errors
    ///
    /// A weight is negative or no number, or they do not sum to 1.
    pub fn validate(&self) -> Result<(), InvalidWeights> {
        let weights = [self.price, self.capability, self.reputation, self.time];
        check(&weights)?;
        match (weights.iter().sum::<f64>() - 1.0).abs() <= SLACK {
            true => Ok(()),
            false => Err(InvalidWeights::NotOne),
        }
    }
}

/// The position of the best of these bids; `None` of none. Of equal scores the lower
/// price, then the shorter time, then the first.
#[must_use]
pub fn best<'a>(bids: impl IntoIterator<Item = &'a (Bid, BidScore)>) -> Option<usize> {
    let ranked = bids.into_iter().enumerate();
    let best = ranked.min_by(|(_, (bid, score)), (_, (other, theirs))| {
        theirs
            .total
            .total_cmp(&score.total)
            .then(bid.price.total_cmp(&other.price))
            .then(bid.time.cmp(&other.time))
    });
    best.map(|(at, _)| at)
}
