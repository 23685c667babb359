//! Randomness that a machine can carry with it.

use serde::{Deserialize, Serialize};

/// A generator of random numbers that is part of a machine's state: it is written
/// down with it, and goes on from there.
///
/// SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number
/// generators*, 2014). For choices and jitter, not for secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, evenly spread over all 64 bits.
    #[must_use]
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The next number in `[0, 1)`.
    #[must_use]
    pub fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The next number below `end`; 0 where `end` is.
    #[must_use]
    pub fn below(&mut self, end: usize) -> usize {
        // The high half of the product: no division, and a bias below 2^-32 for
        // all that is chosen among here.
        ((u128::from(self.roll()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        // From the C reference, seed 1234567.
        let mut dice = Dice::new(1_234_567);
        assert_eq!(dice.roll(), 6_457_827_717_110_365_317);
        assert_eq!(dice.roll(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn shares_and_choices_stay_within_their_bounds() {
        let mut dice = Dice::new(7);
        for _ in 0..1_000 {
            assert!((0.0..1.0).contains(&dice.share()));
            assert!(dice.below(3) < 3);
        }
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn dice_go_on_where_they_were_written_down() {
        let mut dice = Dice::new(1);
        let _ = dice.roll();
        let text = serde_json::to_string(&dice).unwrap();
        let mut back: Dice = serde_json::from_str(&text).unwrap();
        assert_eq!(back.roll(), dice.roll());
    }
}
