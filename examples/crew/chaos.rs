//! Trouble on purpose: whether an analyst panics, hangs or answers nonsense is
//! a pure function of seed, file and attempt, so a run can be repeated.

use crate::analysis::{Analysis, Sentence};
use crate::hash;

/// What an analyst does with one attempt at one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chaos {
    /// Its work.
    None,
    /// It panics.
    Panic,
    /// It waits for something that never comes.
    Hang,
    /// It answers at once, and wrongly; see [`spoil`].
    Invalid,
}

/// How often, and which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The share of attempts that go wrong, 0 to 1.
    pub(crate) rate: f64,
    pub(crate) seed: u64,
}

impl Plan {
    /// Decides the `attempt`th try at the file called `name`.
    pub(crate) fn decide(&self, name: &str, attempt: u32) -> Chaos {
        let roll = self.roll(name, attempt);
        // 53 bits are what an f64 holds exactly, so a rate of 1 is always and
        // a rate of 0 is never.
        let share = (roll >> 11) as f64 / (1_u64 << 53) as f64;
        if share >= self.rate {
            return Chaos::None;
        }
        match hash::mix(roll) % 3 {
            0 => Chaos::Panic,
            1 => Chaos::Hang,
            _ => Chaos::Invalid,
        }
    }

    /// The random number behind [`Plan::decide`]; also the salt for [`spoil`].
    pub(crate) fn roll(&self, name: &str, attempt: u32) -> u64 {
        let file = hash::of_bytes(name.as_bytes());
        hash::mix(hash::mix(self.seed ^ file).wrapping_add(u64::from(attempt)))
    }
}

/// Turns a right answer into one of several wrong ones.
pub(crate) fn spoil(analysis: &mut Analysis, salt: u64) {
    match salt % 6 {
        0 => analysis.sentences = analysis.words + 1,
        1 => analysis.confidence = f32::NAN,
        2 => analysis.confidence = 1.5,
        3 => {
            analysis.signature = match analysis.signature.take() {
                Some(_) => None,
                None => Some(crate::duplicates::Signature::default()),
            }
        }
        4 => {
            let made_up = Sentence {
                at: 0,
                text: "This sentence is in no file \u{1f3ad}".into(),
            };
            analysis.summary = Box::new([made_up]);
        }
        _ => analysis.bytes += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_file_and_attempt_decide_the_same() {
        let plan = Plan { rate: 0.5, seed: 7 };
        let once: Vec<Chaos> = (0..100).map(|i| plan.decide("a.txt", i)).collect();
        let again: Vec<Chaos> = (0..100).map(|i| plan.decide("a.txt", i)).collect();
        assert_eq!(once, again);
        let other = Plan { rate: 0.5, seed: 8 };
        let differs: Vec<Chaos> = (0..100).map(|i| other.decide("a.txt", i)).collect();
        assert_ne!(once, differs);
    }

    #[test]
    fn rate_zero_is_never_and_rate_one_is_always() {
        let never = Plan { rate: 0.0, seed: 1 };
        let always = Plan { rate: 1.0, seed: 1 };
        for i in 0..10_000 {
            assert_eq!(never.decide("f", i), Chaos::None);
            assert_ne!(always.decide("f", i), Chaos::None);
        }
    }

    #[test]
    fn trouble_comes_at_its_rate_and_in_equal_parts() {
        let plan = Plan {
            rate: 0.3,
            seed: 42,
        };
        let mut counts = [0_usize; 4];
        for i in 0..30_000 {
            counts[plan.decide(&format!("dir/file-{i}.md"), 0) as usize] += 1;
        }
        assert!((20_600..21_400).contains(&counts[0]), "{counts:?}");
        for kind in &counts[1..] {
            assert!((2_800..3_200).contains(kind), "{counts:?}");
        }
    }
}
