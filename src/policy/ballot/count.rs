//! A count under way.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rules::{Base, InvalidVote, MILLION, Method, Quorum, Rules, Weight, millionths_of};
use super::tally::units;

/// Choices that a ballot ranks at most; further ones are left out.
pub(super) const MOST_RANKED: usize = 64;

/// What came of a ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Heard {
    /// It is counted.
    Counted,
    /// The voter was heard before: nothing changes.
    Again,
    /// The count is closed: nothing changes.
    Late,
    /// There is no such voter.
    Unknown,
}

/// Whether ballots to come can change what is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Progress {
    /// They can.
    Open,
    /// They cannot: a choice has won.
    Decided,
    /// They cannot: no choice can win any more.
    Hopeless,
    /// There are none to come.
    Complete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Voter {
    Awaited,
    Abstained,
    /// Its choices, the first first.
    Cast(Weight, Vec<u32>),
}

/// What one choice has as the first of ballots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) weight: u64,
    pub(super) voters: usize,
}

/// A count under way: who was heard, and what they said. Choices are numbers that
/// whoever counts gives them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    pub(super) rules: Rules,
    /// The most that each voter can weigh.
    weights: Vec<Weight>,
    pub(super) voters: Vec<Voter>,
    pub(super) sums: BTreeMap<u32, Sum>,
    leader: Option<u32>,
    /// The measures of the leader and of the next one.
    first: u64,
    second: u64,
    /// Those who cast a ballot, who abstained, and who are awaited.
    pub(super) cast: Sum,
    pub(super) silent: Sum,
    pub(super) awaited: Sum,
    is_closed: bool,
}

impl Count {
    /// A count among voters who weigh this much, known by their positions.
    ///
    /// # Errors
    ///
    /// [`InvalidVote`].
    pub fn new(rules: Rules, weights: impl Into<Vec<f64>>) -> Result<Self, InvalidVote> {
        let weights = weights.into();
        rules.validate(&weights)?;
        let weights: Vec<_> = weights.into_iter().filter_map(Weight::new).collect();
        Ok(Self {
            rules,
            voters: vec![Voter::Awaited; weights.len()],
            sums: BTreeMap::new(),
            leader: None,
            first: 0,
            second: 0,
            cast: Sum::default(),
            silent: Sum::default(),
            awaited: Sum {
                weight: weights.iter().map(|weight| weight.0).sum(),
                voters: weights.len(),
            },
            weights,
            is_closed: false,
        })
    }

    /// Takes a ballot: its choices, the first first, and how much of the voter's
    /// weight it carries, from 0 to 1 (not a number is nothing). Only a runoff
    /// looks further than the first; what comes again and what comes after the
    /// 64th is left out, and a ballot without choices is an abstention.
    pub fn cast(&mut self, voter: usize, share: f64, mut choices: Vec<u32>) -> Heard {
        let mut seen = BTreeSet::new();
        choices.retain(|choice| seen.len() < MOST_RANKED && seen.insert(*choice));
        let Some(&choice) = choices.first() else {
            return self.abstain(voter);
        };
        let most = match self.hear(voter) {
            Ok(most) => most,
            Err(heard) => return heard,
        };
        let weight = most.share(share);
        self.voters[voter] = Voter::Cast(weight, choices);
        self.cast.add(weight);
        let sum = self.sums.entry(choice).or_default();
        sum.add(weight);
        let measure = self.rules.method.measure(*sum);
        if self.leader == Some(choice) {
            self.first = measure;
        } else if measure > self.first {
            self.second = std::mem::replace(&mut self.first, measure);
            self.leader = Some(choice);
        } else {
            self.second = self.second.max(measure);
        }
        Heard::Counted
    }

    /// Notes that a voter will not vote: it said so, or failed.
    pub fn abstain(&mut self, voter: usize) -> Heard {
        match self.hear(voter) {
            Ok(most) => {
                self.voters[voter] = Voter::Abstained;
                self.silent.add(most);
                Heard::Counted
            }
            Err(heard) => heard,
        }
    }

    fn hear(&mut self, voter: usize) -> Result<Weight, Heard> {
        if self.is_closed {
            return Err(Heard::Late);
        }
        match self.voters.get(voter) {
            None => Err(Heard::Unknown),
            Some(Voter::Awaited) => {
                let most = self.weights[voter];
                self.awaited.weight -= most.0;
                self.awaited.voters -= 1;
                Ok(most)
            }
            Some(_) => Err(Heard::Again),
        }
    }

    /// Ends the count: nothing changes it any more.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Those who may vote.
    #[must_use]
    pub fn voters(&self) -> usize {
        self.voters.len()
    }

    /// Those who cast a ballot, by their positions.
    pub fn heard(&self) -> impl Iterator<Item = usize> + '_ {
        let voters = self.voters.iter().enumerate();
        voters.filter_map(|(at, voter)| matches!(voter, Voter::Cast(..)).then_some(at))
    }

    /// The ballots: whose, what it weighs and its choices, by the voters'
    /// positions.
    pub fn ballots(&self) -> impl Iterator<Item = (usize, f64, &[u32])> + '_ {
        let voters = self.voters.iter().enumerate();
        voters.filter_map(|(at, voter)| match voter {
            Voter::Cast(weight, choices) => Some((at, units(weight.0), choices.as_slice())),
            _ => None,
        })
    }

    /// Those whose first choice this is, by their positions.
    pub fn supporters(&self, choice: u32) -> impl Iterator<Item = usize> + '_ {
        let voters = self.voters.iter().enumerate();
        voters.filter_map(move |(at, voter)| match voter {
            Voter::Cast(_, choices) => (choices.first() == Some(&choice)).then_some(at),
            _ => None,
        })
    }

    /// Whether ballots to come can change what is decided, whatever they say.
    #[must_use]
    pub fn progress(&self) -> Progress {
        if self.awaited.voters == 0 {
            return Progress::Complete;
        }
        let to_come = self.rules.method.measure(self.awaited);
        // The least that a choice can come to, and the most.
        let (wins, can_win) = match self.rules.method {
            Method::Plurality => (self.first > self.second + to_come, true),
            method => (
                method.is_reached(self.first, self.base()),
                method == Method::Runoff || method.is_reached(self.first + to_come, self.base()),
            ),
        };
        match (wins, can_win) {
            (true, _) => Progress::Decided,
            (false, true) => Progress::Open,
            (false, false) => Progress::Hopeless,
        }
    }

    /// What shares are of, where all that are awaited cast a ballot.
    pub(super) fn base(&self) -> u64 {
        let may_vote = self.cast.weight + self.awaited.weight;
        match (self.rules.method, self.rules.base) {
            (Method::Majority | Method::Quorum(_), Base::Eligible) => may_vote + self.silent.weight,
            _ => may_vote,
        }
    }
}

impl Sum {
    fn add(&mut self, weight: Weight) {
        self.weight += weight.0;
        self.voters += 1;
    }
}

impl Method {
    /// What choices are compared by.
    pub(super) fn measure(self, sum: Sum) -> u64 {
        match self {
            Self::Quorum(Quorum::Count(_)) => sum.voters as u64,
            _ => sum.weight,
        }
    }

    /// Whether a choice of this measure has won, where shares are of so much.
    pub(super) fn is_reached(self, measure: u64, base: u64) -> bool {
        let (measure, base) = (u128::from(measure), u128::from(base));
        match self {
            Self::Quorum(Quorum::Count(needed)) => measure >= needed as u128,
            Self::Quorum(Quorum::Share(share)) => {
                let needed = u128::from(millionths_of(share)) * base;
                measure > 0 && measure * u128::from(MILLION) >= needed
            }
            Self::Majority | Self::Runoff => measure * 2 > base,
            Self::Plurality => measure > 0,
        }
    }
}
