//! Instant runoff.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::count::{Count, Voter};
use super::tally::{Outcome, Part, Round, Tally, share, units};

/// The choices that are left, and their weights.
type Standings = BTreeMap<u32, u64>;

impl Count {
    pub(super) fn runoff(&self, distribution: Vec<Part>) -> Tally {
        // Whoever is ranked anywhere stands, also without a first place.
        let ballots = self.voters.iter().filter_map(|voter| match voter {
            Voter::Cast(weight, choices) => Some((weight.0, choices.as_slice())),
            _ => None,
        });
        let ballots: Vec<(u64, &[u32])> = ballots.collect();
        let ranked = ballots.iter().flat_map(|(_, choices)| *choices);
        let mut left: Standings = ranked.map(|choice| (*choice, 0)).collect();
        let (mut rounds, mut before): (Vec<Round>, Vec<Standings>) = (Vec::new(), Vec::new());
        // Each round eliminates a choice or is the last.
        loop {
            left.values_mut().for_each(|weight| *weight = 0);
            for (weight, choices) in &ballots {
                let next = choices.iter().find(|choice| left.contains_key(choice));
                if let Some(sum) = next.and_then(|choice| left.get_mut(choice)) {
                    *sum += weight;
                }
            }
            let going = left.values().sum::<u64>();
            let most = left.values().copied().max().unwrap_or_default();
            let winner = left.iter().find(|(_, weight)| **weight * 2 > going);
            let outcome = match winner {
                Some((choice, _)) => Ok(Outcome::Decided(*choice)),
                None => last(&left, &before),
            };
            let (eliminated, end) = match outcome {
                Ok(outcome) => (Vec::new(), Some(outcome)),
                Err(eliminated) => (eliminated, None),
            };
            rounds.push(round(&left, &eliminated));
            if let Some(outcome) = end {
                return Tally {
                    outcome,
                    confidence: share(most, self.cast.weight),
                    distribution,
                    rounds,
                };
            }
            before.push(left.clone());
            left.retain(|choice, _| !eliminated.contains(choice));
        }
    }
}

fn round(left: &Standings, eliminated: &[u32]) -> Round {
    let mut weights: Vec<_> = left
        .iter()
        .map(|(choice, weight)| (*choice, *weight))
        .collect();
    weights.sort_by_key(|(_, weight)| Reverse(*weight));
    let weights = weights
        .into_iter()
        .map(|(choice, weight)| (choice, units(weight)));
    Round {
        weights: weights.collect(),
        eliminated: eliminated.to_vec(),
    }
}

/// Who goes (`Err`), or the tie that is left.
fn last(left: &Standings, before: &[Standings]) -> Result<Outcome, Vec<u32>> {
    let mut last: Vec<u32> = Vec::new();
    let mut fewest = u64::MAX;
    for (&choice, &weight) in left {
        if weight < fewest {
            fewest = weight;
            last.clear();
        }
        if weight == fewest {
            last.push(choice);
        }
    }
    let tied = last.clone();
    for earlier in before.iter().rev() {
        let fewest = last.iter().map(|choice| earlier[choice]).min();
        last.retain(|choice| Some(earlier[choice]) == fewest);
    }
    if last.len() == 1 {
        return Err(last);
    }
    // All of them go before anybody else, in whatever order.
    let others = left.iter().filter(|(choice, _)| !tied.contains(choice));
    let next = others.map(|(_, weight)| *weight).min();
    if next.is_some_and(|next| fewest * (tied.len() as u64) < next) {
        return Err(tied);
    }
    Ok(Outcome::Tied(left.keys().copied().collect()))
}
