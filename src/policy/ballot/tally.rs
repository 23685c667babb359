//! What a count comes to.

use serde::{Deserialize, Serialize};

use super::count::{Count, Voter};
use super::rules::{Base, MILLION, Method, Quorum};

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// This choice has won.
    Decided(u32),
    /// Nothing: these have the same support, and none has more.
    Tied(Vec<u32>),
    /// Nothing: no choice has enough support, and this one has most.
    NotReached(u32),
    /// Nothing: no ballot weighs anything.
    NoVotes,
}

/// The support that one choice has, as the first of ballots.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Part {
    /// Which.
    pub choice: u32,
    /// Voters who chose it.
    pub votes: usize,
    /// What they weigh together.
    pub weight: f64,
    /// Its share of the weight that was cast, from 0 to 1.
    pub share: f64,
}

/// One round of a runoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Round {
    /// The weights of the choices that are left, most first.
    pub weights: Vec<(u32, f64)>,
    /// Those that are eliminated.
    pub eliminated: Vec<u32>,
}

/// What a count comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tally {
    /// What is decided.
    pub outcome: Outcome,
    /// The share of the winner, or of whoever has most, from 0 to 1: of what the
    /// rules say that shares are of. After a runoff, in its last round and of all
    /// that was cast.
    pub confidence: f64,
    /// The choices, most support first; of equals, the one with the voter who
    /// comes first.
    pub distribution: Vec<Part>,
    /// The rounds of a runoff; empty otherwise.
    pub rounds: Vec<Round>,
}

impl Count {
    /// What the ballots so far come to. Those who are awaited count as if they
    /// abstained.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let distribution = self.distribution();
        let method = self.rules.method;
        if method == Method::Runoff && self.cast.weight > 0 {
            return self.runoff(distribution);
        }
        let measure = |part: &Part| method.measure(self.sums[&part.choice]);
        let most = distribution.iter().map(measure).max().unwrap_or_default();
        let leaders = distribution.iter().filter(|part| measure(part) == most);
        let leaders: Vec<u32> = leaders.map(|part| part.choice).collect();
        let (of, base) = self.total();
        let outcome = match leaders.as_slice() {
            _ if most == 0 => Outcome::NoVotes,
            [leader] if method.is_reached(most, base) => Outcome::Decided(*leader),
            [leader] => Outcome::NotReached(*leader),
            _ => Outcome::Tied(leaders),
        };
        Tally {
            outcome,
            confidence: share(most, of),
            distribution,
            rounds: Vec::new(),
        }
    }

    /// What the confidence is a share of, and what rules compare with.
    fn total(&self) -> (u64, u64) {
        let is_eligible = self.rules.base == Base::Eligible;
        let rest = |cast: u64, rest: u64| cast + if is_eligible { rest } else { 0 };
        let weight = rest(self.cast.weight, self.silent.weight + self.awaited.weight);
        match self.rules.method {
            Method::Majority | Method::Quorum(Quorum::Share(_)) => (weight, weight),
            Method::Quorum(Quorum::Count(_)) => {
                let silent = self.silent.voters + self.awaited.voters;
                let voters = rest(self.cast.voters as u64, silent as u64);
                (voters, voters)
            }
            Method::Plurality | Method::Runoff => (self.cast.weight, self.cast.weight),
        }
    }

    fn distribution(&self) -> Vec<Part> {
        // By the first voter, so that the numbers of choices do not show.
        let mut parts: Vec<Part> = Vec::with_capacity(self.sums.len());
        let mut left = self.sums.clone();
        for voter in &self.voters {
            if let Voter::Cast(_, choices) = voter
                && let Some(choice) = choices.first()
                && let Some(sum) = left.remove(choice)
            {
                parts.push(Part {
                    choice: *choice,
                    votes: sum.voters,
                    weight: units(sum.weight),
                    share: share(sum.weight, self.cast.weight),
                });
            }
        }
        // Stable, and exact: the sums are those of the choices.
        parts.sort_by_key(|part| std::cmp::Reverse(self.sums[&part.choice].weight));
        parts
    }
}

pub(super) fn units(millionths: u64) -> f64 {
    millionths as f64 / MILLION as f64
}

pub(super) fn share(part: u64, of: u64) -> f64 {
    match of {
        0 => 0.0,
        of => part as f64 / of as f64,
    }
}
