//! What a bid for a task is worth, and whether it may win at all.
//!
//! ```
//! use callboard::policy::auction::{Bid, BidWeights, Terms, Unacceptable, best};
//! use std::time::Duration;
//!
//! let terms = Terms::new(100.0, Duration::from_secs(60)).quality(0.5);
//! let weights = BidWeights::default();
//! let cheap = Bid::new(20.0, Duration::from_secs(30), 0.6);
//! let able = Bid::new(80.0, Duration::from_secs(30), 0.9);
//! let scores = [cheap, able].map(|bid| (bid, weights.score(&bid, &terms, 0.5)));
//! // 0.24 for its price, 0.24 for what it can do, 0.1 for its name, 0.05 for its time.
//! assert!((scores[0].1.total - 0.63).abs() < 1e-9);
//! assert_eq!(best(&scores), Some(0));
//!
//! let dear = Bid::new(101.0, Duration::from_secs(1), 1.0);
//! assert_eq!(
//!     terms.accept(&dear),
//!     Err(Unacceptable::OverBudget { price: 101.0, budget: 100.0 })
//! );
//! ```

mod score;
#[cfg(test)]
mod tests;

pub use score::{BidScore, BidWeights, best};

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a task may cost and take at most, and how well it has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Terms {
    /// The highest price, above 0, in whatever bidders are paid with.
    pub budget: f64,
    /// The longest time from the award to the answer, above 0.
    #[serde(with = "humantime_serde")]
    pub time: Duration,
    /// How capable a bidder, and how good the answer, has to be: 0 to 1.
    pub quality: f64,
}

impl Terms {
    /// Anybody may do it within this budget and time.
    #[must_use]
    pub const fn new(budget: f64, time: Duration) -> Self {
        Self {
            budget,
            time,
            quality: 0.0,
        }
    }

    /// How capable a bidder, and how good the answer, has to be: 0 to 1. Default 0.
    #[must_use]
    pub const fn quality(mut self, quality: f64) -> Self {
        self.quality = quality;
        self
    }

    /// The terms of the next auction. The quality stays.
    #[must_use]
    pub fn raised(&self, raise: &Raise) -> Self {
        let time = self.time.as_secs_f64() * raise.time;
        Self {
            budget: (self.budget * raise.budget).min(f64::MAX),
            time: Duration::try_from_secs_f64(time).unwrap_or(Duration::MAX),
            quality: self.quality,
        }
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// A budget or a time of nothing, a quality that is not 0 to 1.
    pub fn validate(&self) -> Result<(), InvalidAuction> {
        if !self.budget.is_finite() || self.budget <= 0.0 {
            return Err(InvalidAuction::Budget);
        }
        if self.time.is_zero() {
            return Err(InvalidAuction::Time);
        }
        if !(0.0..=1.0).contains(&self.quality) {
            return Err(InvalidAuction::Quality);
        }
        Ok(())
    }

    /// Whether this bid may win.
    ///
    /// # Errors
    ///
    /// The first thing that is against it.
    pub fn accept(&self, bid: &Bid) -> Result<(), Unacceptable> {
        let is_amount = bid.price.is_finite() && bid.price >= 0.0;
        if !is_amount || !(0.0..=1.0).contains(&bid.capability) {
            return Err(Unacceptable::NotANumber);
        }
        if bid.price > self.budget {
            return Err(Unacceptable::OverBudget {
                price: bid.price,
                budget: self.budget,
            });
        }
        if bid.time > self.time {
            return Err(Unacceptable::TooSlow {
                time: bid.time,
                limit: self.time,
            });
        }
        if bid.capability < self.quality {
            return Err(Unacceptable::NotCapable {
                capability: bid.capability,
                required: self.quality,
            });
        }
        Ok(())
    }
}

/// By what the terms are multiplied for the next auction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Raise {
    /// Of the budget, from 1 on. Default 1.5.
    pub budget: f64,
    /// Of the time, from 1 on. Default 1.5.
    pub time: f64,
}

impl Default for Raise {
    fn default() -> Self {
        Self::new(1.5, 1.5)
    }
}

impl Raise {
    /// By these factors.
    #[must_use]
    pub const fn new(budget: f64, time: f64) -> Self {
        Self { budget, time }
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// A factor below 1 or no number.
    pub fn validate(&self) -> Result<(), InvalidAuction> {
        let is_raise = |factor: f64| factor.is_finite() && factor >= 1.0;
        match is_raise(self.budget) && is_raise(self.time) {
            true => Ok(()),
            false => Err(InvalidAuction::Raise),
        }
    }
}

/// What somebody offers to do a task for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bid {
    /// The price, from 0 to the budget.
    pub price: f64,
    /// The time from the award to the answer, which it is held to.
    #[serde(with = "humantime_serde")]
    pub time: Duration,
    /// How well it can do it: 0 to 1.
    pub capability: f64,
}

impl Bid {
    /// For this price, in this time, so well.
    #[must_use]
    pub const fn new(price: f64, time: Duration, capability: f64) -> Self {
        Self {
            price,
            time,
            capability,
        }
    }
}

/// Why a bid may not win.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unacceptable {
    /// The price is no amount, or the capability not 0 to 1.
    NotANumber,
    /// It costs more than the budget.
    OverBudget {
        /// What it asks.
        price: f64,
        /// What there is.
        budget: f64,
    },
    /// It takes longer than allowed.
    TooSlow {
        /// What it needs.
        #[serde(with = "humantime_serde")]
        time: Duration,
        /// What there is.
        #[serde(with = "humantime_serde")]
        limit: Duration,
    },
    /// The bidder is not capable enough.
    NotCapable {
        /// What it can do.
        capability: f64,
        /// What is required.
        required: f64,
    },
}

impl fmt::Display for Unacceptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber => {
                f.write_str("a price is a finite number from 0 on, and a capability 0 to 1")
            }
            Self::OverBudget { price, budget } => {
                write!(f, "the price is {price} where the budget is {budget}")
            }
            Self::TooSlow { time, limit } => {
                write!(f, "it takes {time:?} where {limit:?} are allowed")
            }
            Self::NotCapable {
                capability,
                required,
            } => write!(
                f,
                "the capability is {capability} where {required} is required"
            ),
        }
    }
}

impl Error for Unacceptable {}

/// Why the settings of an auction are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidAuction {
    /// The budget is no amount.
    Budget,
    /// There is no time.
    Time,
    /// The quality is not 0 to 1.
    Quality,
    /// A factor would lower the terms.
    Raise,
}

impl fmt::Display for InvalidAuction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Budget => "nobody bids for nothing, give a finite budget above 0",
            Self::Time => "nothing is done in no time, give a time above 0",
            Self::Quality => "a quality is a number from 0 to 1",
            Self::Raise => "terms are raised by finite factors from 1 on",
        })
    }
}

impl Error for InvalidAuction {}
