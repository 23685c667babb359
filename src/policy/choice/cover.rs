//! The fewest that together can do all that is needed.
//!
//! ```text
//!  needed: a b c d        {a,b,c} ─┐
//!                         {a,b}   ─┼─▶ {a,b,c} + {c,d}: two cover it
//!                         {c,d}   ─┘
//! ```
//!
//! Set cover is NP-hard (Karp, *Reducibility among combinatorial problems*, 1972).
//! Few needs are covered exactly, by a breadth-first search over what is covered;
//! many by the greedy rule, which takes at most `1 + ln n` times as many as are
//! needed (Chvátal, *A greedy heuristic for the set-covering problem*, 1979).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// So many needs are covered by as few as can be; more by the greedy rule.
pub const EXACT_UP_TO: u32 = 10;

/// How a [`Cover`] was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverMethod {
    /// No smaller one exists.
    Exact,
    /// Whoever adds most, again and again: at most `1 + ln n` times as many as are
    /// needed, where `n` things are.
    Greedy,
}

/// Sets that together cover what is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Which sets, by position, in rising order.
    pub sets: Vec<usize>,
    /// How they were found.
    pub method: CoverMethod,
}

/// Finds few sets that cover all that is needed; sets are bits of a word. Of equal
/// ones the first is taken.
///
/// Up to [`EXACT_UP_TO`] needs it finds the fewest there are, in at most a million
/// steps; beyond that it is greedy.
///
/// # Errors
///
/// The needs that no set has.
///
/// # Examples
///
/// ```
/// use callboard::policy::choice::{CoverMethod, smallest_cover};
///
/// let sets = [0b0110, 0b0011, 0b1100];
/// let cover = smallest_cover(0b1111, &sets).unwrap();
/// assert_eq!((cover.sets, cover.method), (vec![1, 2], CoverMethod::Exact));
/// assert_eq!(smallest_cover(0b1_0001, &sets), Err(0b1_0000));
/// ```
pub fn smallest_cover(needed: u64, sets: &[u64]) -> Result<Cover, u64> {
    let covered = sets.iter().fold(0, |all, set| all | set);
    if needed & !covered != 0 {
        return Err(needed & !covered);
    }
    let (mut sets, method) = match needed.count_ones() {
        few if few <= EXACT_UP_TO => (fewest(needed, sets), CoverMethod::Exact),
        _ => (greedy(needed, sets), CoverMethod::Greedy),
    };
    sets.sort_unstable();
    Ok(Cover { sets, method })
}

/// The bits of `set` that are needed, moved together.
fn compact(needed: u64, set: u64) -> usize {
    let bits = (0..u64::BITS).filter(|bit| needed >> bit & 1 == 1);
    bits.enumerate()
        .filter(|(_, bit)| set >> bit & 1 == 1)
        .fold(0, |compact, (at, _)| compact | 1 << at)
}

fn fewest(needed: u64, sets: &[u64]) -> Vec<usize> {
    let states = 1_usize << needed.count_ones();
    // One set for each thing that a set can do, the first.
    let mut first = vec![None; states];
    for (at, set) in sets.iter().enumerate() {
        first[compact(needed, *set)].get_or_insert(at);
    }
    let different: Vec<(usize, usize)> = (first.iter().enumerate().skip(1))
        .filter_map(|(covers, at)| Some((covers, (*at)?)))
        .collect();
    // How each state was reached first: from which, by which set.
    let mut reached = vec![None; states];
    let mut next = VecDeque::from([0]);
    while let Some(from) = next.pop_front() {
        for &(covers, set) in &different {
            let to = from | covers;
            if to != from && reached[to].is_none() {
                reached[to] = Some((from, set));
                next.push_back(to);
            }
        }
        if reached[states - 1].is_some() {
            break;
        }
    }
    let mut chosen = Vec::new();
    let mut at = states - 1;
    while at != 0
        && let Some((from, set)) = reached[at]
    {
        chosen.push(set);
        at = from;
    }
    chosen
}

fn greedy(needed: u64, sets: &[u64]) -> Vec<usize> {
    let mut left = needed;
    let mut chosen = Vec::new();
    while left != 0 {
        let adds = sets.iter().map(|set| (set & left).count_ones());
        // The last of the greatest, so the first from the back.
        let best = adds.enumerate().rev().max_by_key(|(_, adds)| *adds);
        let Some((at, 1..)) = best else {
            break;
        };
        chosen.push(at);
        left &= !sets[at];
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_cover(needed: u64, sets: &[u64], chosen: &[usize]) -> bool {
        let all = chosen.iter().fold(0, |all, at| all | sets[*at]);
        needed & !all == 0
    }

    fn smallest(needed: u64, sets: &[u64]) -> usize {
        (0..1_usize << sets.len())
            .map(|some| {
                (0..sets.len())
                    .filter(|at| some >> at & 1 == 1)
                    .collect::<Vec<_>>()
            })
            .filter(|some| is_cover(needed, sets, some))
            .map(|some| some.len())
            .min()
            .unwrap()
    }

    #[test]
    fn d7_nothing_is_needed_of_nobody() {
        assert_eq!(smallest_cover(0, &[1]).unwrap().sets, Vec::<usize>::new());
    }

    #[test]
    fn d7_the_fewest_are_found_where_the_greedy_rule_takes_more() {
        // The largest set is a trap: greedy takes three.
        let sets = [0b0011_1100, 0b1010_1010, 0b0101_0101];
        assert_eq!(greedy(0xff, &sets), [0, 1, 2]);
        assert_eq!(smallest_cover(0xff, &sets).unwrap().sets, [1, 2]);
    }

    #[test]
    fn d7_of_equal_sets_the_first_is_taken() {
        let sets = [0, 3, 3, 4, 4];
        assert_eq!(smallest_cover(7, &sets).unwrap().sets, [1, 3]);
        let many = [0xfff0, 0xfff0, 0xf, 0xf];
        let cover = smallest_cover(0xffff, &many).unwrap();
        assert_eq!(
            (cover.sets, cover.method),
            (vec![0, 2], CoverMethod::Greedy)
        );
    }

    proptest! {
        #[test]
        fn d7_a_team_of_few_needs_is_the_smallest_there_is(
            needed in 0_u64..1 << 10,
            sets in proptest::collection::vec(0_u64..1 << 10, 1..9),
        ) {
            let all = sets.iter().fold(0, |all, set| all | set);
            match smallest_cover(needed, &sets) {
                Err(missing) => prop_assert_eq!(missing, needed & !all),
                Ok(cover) => {
                    prop_assert_eq!(cover.method, CoverMethod::Exact);
                    prop_assert!(is_cover(needed, &sets, &cover.sets));
                    prop_assert_eq!(cover.sets.len(), smallest(needed, &sets));
                }
            }
        }

        #[test]
        fn d7_a_team_of_many_needs_is_within_the_greedy_bound(
            sets in proptest::collection::vec(any::<u16>(), 1..9),
        ) {
            let sets: Vec<u64> = sets.into_iter().map(u64::from).collect();
            let needed = sets.iter().fold(0, |all, set| all | set);
            prop_assume!(needed.count_ones() > EXACT_UP_TO);
            let cover = smallest_cover(needed, &sets).unwrap();
            prop_assert_eq!(cover.method, CoverMethod::Greedy);
            prop_assert!(is_cover(needed, &sets, &cover.sets));
            let bound = smallest(needed, &sets) as f64 * (1.0 + f64::from(needed.count_ones()).ln());
            prop_assert!(cover.sets.len() as f64 <= bound);
        }
    }
}
