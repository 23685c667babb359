//! The rules of a vote, and which of them are refused.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How much support a quorum takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Quorum {
    /// So many voters, whatever they weigh: more than half of all.
    Count(usize),
    /// This share of the weight, over 0.5 and up to 1, in steps of a millionth.
    Share(f64),
}

impl From<usize> for Quorum {
    fn from(voters: usize) -> Self {
        Self::Count(voters)
    }
}

impl From<f64> for Quorum {
    fn from(share: f64) -> Self {
        Self::Share(share)
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(voters) => write!(f, "a quorum of {voters}"),
            Self::Share(share) => write!(f, "a quorum of {share} of the weight"),
        }
    }
}

/// What decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// More than half of the weight. The default.
    #[default]
    Majority,
    /// A quorum.
    Quorum(Quorum),
    /// More weight than any other choice, however little.
    Plurality,
    /// Instant runoff: ballots are rankings, and the choice with the least weight
    /// is eliminated, its ballots going to their next choice, until one has more
    /// than half of the weight that is left.
    Runoff,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Majority => f.write_str("majority"),
            Self::Quorum(quorum) => quorum.fmt(f),
            Self::Plurality => f.write_str("plurality"),
            Self::Runoff => f.write_str("instant runoff"),
        }
    }
}

/// What a majority or a quorum is a share of. Plurality and runoff are always of
/// the ballots that were cast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// Of all who may vote. Those who do not count with the most they could
    /// weigh, so what fails or is cut off cannot lend a minority its decision.
    /// The default.
    #[default]
    Eligible,
    /// Of those who do: abstentions and failures do not count, so a part that is cut
    /// off may decide without the rest, and the rest without it.
    Voting,
}

/// The rules of a vote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Rules {
    /// What decides. Default: the majority.
    pub method: Method,
    /// What shares are of. Default: of all who may vote.
    pub base: Base,
}

impl Rules {
    /// This decides, among all who may vote.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self {
            method,
            base: Base::default(),
        }
    }

    /// What shares are of. Default: of all who may vote.
    #[must_use]
    pub fn of(mut self, base: Base) -> Self {
        self.base = base;
        self
    }

    /// Says what is wrong with a vote among those who weigh this much.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn validate(&self, weights: &[f64]) -> Result<(), InvalidVote> {
        let voters = weights.len();
        if voters == 0 {
            return Err(InvalidVote::NoVoters);
        }
        let is_none = |weight: &f64| Weight::new(*weight).is_none();
        if let Some(voter) = weights.iter().position(is_none) {
            return Err(InvalidVote::Weight { voter });
        }
        if weights
            .iter()
            .all(|weight| Weight::new(*weight) == Some(Weight::NONE))
        {
            return Err(InvalidVote::NoWeight);
        }
        match self.method {
            Method::Quorum(quorum) => quorum.validate(voters),
            _ => Ok(()),
        }
    }
}

impl Quorum {
    fn validate(self, voters: usize) -> Result<(), InvalidVote> {
        let (is_out_of_reach, is_disjoint) = match self {
            Self::Count(needed) => (needed > voters, needed <= voters / 2),
            Self::Share(share) if share.is_nan() => (true, false),
            Self::Share(share) => (share > 1.0, millionths_of(share) <= MILLION / 2),
        };
        if is_out_of_reach {
            return Err(InvalidVote::OutOfReach {
                quorum: self,
                voters,
            });
        }
        if is_disjoint {
            return Err(InvalidVote::Disjoint {
                quorum: self,
                voters,
            });
        }
        Ok(())
    }
}

/// Why a vote is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidVote {
    /// Nobody may vote.
    NoVoters,
    /// The weight of this voter is not a number from 0 to a million.
    Weight {
        /// By its position.
        voter: usize,
    },
    /// Nobody's vote weighs anything.
    NoWeight,
    /// Two sets of voters with nobody in common could both be this quorum.
    Disjoint {
        /// Which.
        quorum: Quorum,
        /// Of so many.
        voters: usize,
    },
    /// Not even all voters together are this quorum.
    OutOfReach {
        /// Which.
        quorum: Quorum,
        /// Of so many.
        voters: usize,
    },
}

impl fmt::Display for InvalidVote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVoters => f.write_str("nobody may vote, name somebody"),
            Self::Weight { voter } => write!(
                f,
                "the weight of voter {voter} is not a number from 0 to a million"
            ),
            Self::NoWeight => f.write_str("no vote weighs anything, give one a weight"),
            Self::Disjoint { quorum, voters } => write!(
                f,
                "two parts of {voters} voters could both be {quorum}, ask for more than half or take the plurality"
            ),
            Self::OutOfReach { quorum, voters } => {
                write!(f, "{voters} voters can never be {quorum}, ask for less")
            }
        }
    }
}

impl Error for InvalidVote {}

/// A weight of one, in millionths.
pub(super) const MILLION: u64 = 1_000_000;

/// A share in millionths; none where it is not a number, and at most all.
pub(super) fn millionths_of(share: f64) -> u64 {
    // A cast of what is not a number is 0.
    (share.clamp(0.0, 1.0) * MILLION as f64).round() as u64
}

/// How much a vote counts, in whole millionths: sums are exact in every order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Weight(pub(super) u64);

impl Weight {
    pub(super) const NONE: Self = Self(0);

    /// From 0 to a million.
    pub(super) fn new(weight: f64) -> Option<Self> {
        let is_fit = (0.0..=MILLION as f64).contains(&weight);
        is_fit.then(|| Self((weight * MILLION as f64).round() as u64))
    }

    /// This share of it, clamped to 0..=1.
    pub(super) fn share(self, share: f64) -> Self {
        let part = u128::from(self.0) * u128::from(millionths_of(share)) / u128::from(MILLION);
        // No more than it was.
        Self(u64::try_from(part).unwrap_or(self.0))
    }
}
