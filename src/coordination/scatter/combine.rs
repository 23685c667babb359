//! Ready-made ways to make one answer of several, for
//! [`Scatter::combine`](super::Scatter::combine).

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::Scattered;
use crate::actor::Fault;

/// All that was said, one answer after the other, in the order of the workers.
///
/// # Errors
///
/// None.
pub fn merge<T: IntoIterator>(scattered: Scattered<T>) -> Result<Vec<T::Item>, Fault> {
    Ok(scattered.into_values().into_iter().flatten().collect())
}

/// As [`merge`], each thing once, where it came first.
///
/// # Errors
///
/// None.
pub fn deduplicate<T>(scattered: Scattered<T>) -> Result<Vec<T::Item>, Fault>
where
    T: IntoIterator,
    T::Item: Clone + Eq + Hash,
{
    let mut seen = HashSet::new();
    let mut all = merge(scattered)?;
    all.retain(|thing| seen.insert(thing.clone()));
    Ok(all)
}

/// What most workers said; of several, what the first of those workers said.
///
/// # Errors
///
/// A permanent fault where nobody said anything.
pub fn vote<T: Eq + Hash>(scattered: Scattered<T>) -> Result<T, Fault> {
    let mut said = scattered.into_values();
    let winner = {
        let mut votes: HashMap<&T, usize> = HashMap::new();
        for what in &said {
            *votes.entry(what).or_default() += 1;
        }
        // Backwards, since the last of the greatest is taken.
        let backwards = said.iter().enumerate().rev();
        backwards
            .max_by_key(|(_, what)| votes[what])
            .map(|(at, _)| at)
    };
    winner.map(|at| said.swap_remove(at)).ok_or_else(silence)
}

/// The answer with the highest score; of several, the first worker's. What has
/// no score (not a number) is chosen only if nothing has one.
pub fn best_by<T>(
    score: impl Fn(&T) -> f64 + Send + Sync + 'static,
) -> impl Fn(Scattered<T>) -> Result<T, Fault> + Send + Sync + 'static {
    move |scattered| {
        let mut best: Option<(f64, T)> = None;
        for value in scattered.into_values() {
            let score = score(&value);
            let is_better = match &best {
                None => true,
                Some((known, _)) => score > *known || (known.is_nan() && !score.is_nan()),
            };
            if is_better {
                best = Some((score, value));
            }
        }
        best.map(|(_, value)| value).ok_or_else(silence)
    }
}

fn silence() -> Fault {
    Fault::permanent("there is no answer to choose from")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T>(values: impl IntoIterator<Item = T>) -> Scattered<T> {
        Scattered {
            answers: values.into_iter().enumerate().collect(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn d3_merged_answers_keep_the_workers_order() {
        assert_eq!(merge(said([vec![3, 1], vec![3]])).unwrap(), [3, 1, 3]);
    }

    #[test]
    fn d3_what_was_said_twice_is_kept_once_where_it_came_first() {
        let all = deduplicate(said([vec![3, 1], vec![2, 3]]));
        assert_eq!(all.unwrap(), [3, 1, 2]);
    }

    #[test]
    fn d3_most_votes_win_and_a_tie_goes_to_the_first_worker() {
        assert_eq!(vote(said(["a", "b", "b"])).unwrap(), "b");
        assert_eq!(vote(said(["a", "b", "b", "a"])).unwrap(), "a");
        assert_eq!(vote(said(["c", "b", "a"])).unwrap(), "c");
        assert!(vote(said::<&str>([])).is_err());
    }

    #[test]
    fn d3_the_highest_score_wins_and_a_tie_goes_to_the_first_worker() {
        let longest = best_by(|text: &&str| text.len() as f64);
        assert_eq!(longest(said(["a", "bcd", "efg"])).unwrap(), "bcd");
        let odd = best_by(|n: &f64| *n);
        assert_eq!(odd(said([f64::NAN, 1.0, f64::NAN])).unwrap(), 1.0);
        assert!(odd(said([])).is_err());
    }
}
