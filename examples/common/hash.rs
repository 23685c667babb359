//! Hashes that are the same on every machine and in every run: reports and
//! chaos must be reproducible, so nothing here is seeded by the process.

use std::hash::{BuildHasherDefault, Hasher};

/// Spreads every input bit over the whole word (the finaliser of splitmix64).
#[inline]
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Hashes a word, eight bytes a step.
#[inline]
pub(crate) fn of_bytes(bytes: &[u8]) -> u64 {
    let mut hash = fold(bytes.len() as u64);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
        hash = fold(hash ^ word);
    }
    let mut rest = 0;
    for &byte in chunks.remainder() {
        rest = rest << 8 | u64::from(byte);
    }
    mix(hash ^ rest)
}

/// Both halves of a product depend on all bits, so what differs in high bits
/// alone is spread too.
#[inline]
const fn fold(x: u64) -> u64 {
    let product = (x ^ 0x2d35_8dcc_aa6c_78a5) as u128 * 0x8bb8_4b93_962e_acc9;
    (product >> 64) as u64 ^ product as u64
}

/// For maps whose keys are hashes already.
#[derive(Clone, Copy, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys are hashed as they are");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Builds [`AsIs`].
pub(crate) type ByHash = BuildHasherDefault<AsIs>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn similar_words_have_different_hashes() {
        let words: Vec<String> = (0..50_000).map(|i| format!("word{i}")).collect();
        let hashes: HashSet<u64> = words.iter().map(|w| of_bytes(w.as_bytes())).collect();
        assert_eq!(hashes.len(), words.len());
    }

    #[test]
    fn a_trailing_zero_changes_the_hash() {
        assert_ne!(of_bytes(b"ab"), of_bytes(b"ab\0"));
        assert_ne!(of_bytes(b""), of_bytes(b"\0"));
    }
}
