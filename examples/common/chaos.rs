//! Trouble on purpose: whether an attempt goes wrong is a pure function of seed,
//! name and attempt, so a run can be repeated.

use super::cli::rate;
use super::hash;

/// How often, and which. Also how it is asked for on a command line, where the
/// comments are what people read.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Plan {
    /// How often workers go wrong on purpose, which they must survive: 0 to 1.
    #[arg(long = "chaos", value_name = "P", default_value_t = 0.0, value_parser = rate)]
    pub(crate) rate: f64,

    /// Which attempts go wrong; the same seed, the same ones.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
}

impl Plan {
    /// Whether anything goes wrong at all.
    pub(crate) fn is_on(&self) -> bool {
        self.rate > 0.0
    }

    /// Whether the `attempt`th try at the thing called `name` goes wrong; then a
    /// random number to choose how.
    pub(crate) fn trouble(&self, name: &str, attempt: u32) -> Option<u64> {
        let roll = self.roll(name, attempt);
        // 53 bits are what an f64 holds exactly, so a rate of 1 is always and
        // a rate of 0 is never.
        let share = (roll >> 11) as f64 / (1_u64 << 53) as f64;
        (share < self.rate).then(|| hash::mix(roll))
    }

    /// The random number behind it.
    pub(crate) fn roll(&self, name: &str, attempt: u32) -> u64 {
        let name = hash::of_bytes(name.as_bytes());
        hash::mix(hash::mix(self.seed ^ name).wrapping_add(u64::from(attempt)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn troubles(rate: f64, seed: u64) -> Vec<Option<u64>> {
        let plan = Plan { rate, seed };
        (0..100).map(|i| plan.trouble("a.txt", i)).collect()
    }

    #[test]
    fn the_same_seed_name_and_attempt_decide_the_same() {
        assert_eq!(troubles(0.5, 7), troubles(0.5, 7));
        assert_ne!(troubles(0.5, 7), troubles(0.5, 8));
    }

    #[test]
    fn rate_zero_is_never_and_rate_one_is_always() {
        assert!(troubles(0.0, 1).iter().all(Option::is_none));
        assert!(troubles(1.0, 1).iter().all(Option::is_some));
    }
}
