//! The same member for the same key, whoever else comes and goes.

/// Chooses a member for a key, or `None` if there is none.
///
/// Each member is given by its place in whatever list the caller has and by an
/// id that stays with it. The choice depends on the key and the ids alone, not on
/// their order. When a member leaves, only its own keys move, and when one
/// comes, one key in `n` moves to it, `n` counting the newcomer.
///
/// Highest random weight: Thaler and Ravishankar, *Using Name-Based Mappings to
/// Increase Hit Rates*, 1998. One pass, no allocation.
///
/// # Examples
///
/// ```
/// use callboard::policy::choice::rendezvous;
///
/// let three = [(0, 10), (1, 11), (2, 12)];
/// let home = rendezvous(7, three).unwrap();
/// let without_another = three.into_iter().filter(|(at, _)| *at == home || *at == 0);
/// assert_eq!(rendezvous(7, without_another), Some(home));
/// ```
#[must_use]
pub fn rendezvous(key: u64, members: impl IntoIterator<Item = (usize, u64)>) -> Option<usize> {
    let key = mix(key);
    members
        .into_iter()
        .max_by_key(|(_, id)| (mix(key ^ mix(*id)), *id))
        .map(|(at, _)| at)
}

/// 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Every bit of the result depends on every bit of `x`: the finaliser of
/// Steele, Lea and Flood's SplitMix, 2014.
const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(STEP);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// SplitMix64: numbers that look random, from a seed. For choices, not for
/// secrets.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        let number = mix(self.0);
        self.0 = self.0.wrapping_add(STEP);
        number
    }
}
