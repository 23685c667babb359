//! The system lane: words that no overflow rule and no full queue can touch.
//!
//! Most actors get one word in their life, and it is to stop. Such a plain word
//! is a bit beside the flags of the queue; only what has more to say, or comes
//! while another word waits, takes the heap.

use std::collections::VecDeque;

/// There is a word on the heap.
pub(super) const LANE: u32 = 1;
/// The incarnation is to end now.
pub(super) const KILL: u32 = 2;
/// The bit of plain word number 0; the others follow.
const PLAIN: u32 = 4;

/// What the lane asks of a word.
pub(crate) trait Word: Sized {
    /// The number of a word that says no more than its kind, below
    /// [`PLAIN_WORDS`].
    fn number(&self) -> Option<u32>;
    /// The word of this number.
    fn numbered(number: u32) -> Self;
}

/// So many kinds of plain words there can be.
pub(crate) const PLAIN_WORDS: u32 = 4;

/// The bits of all plain words.
const PLAIN_MASK: u32 = ((1 << PLAIN_WORDS) - 1) * PLAIN;

/// The bit that says this word, if it is plain.
pub(super) fn bit_of<S: Word>(word: &S) -> Option<u32> {
    let number = word.number()?;
    debug_assert!(number < PLAIN_WORDS, "there is a bit for it");
    Some(PLAIN << number)
}

/// Whether these flags say a plain word.
pub(super) fn is_plain(flags: u32) -> bool {
    flags & PLAIN_MASK != 0
}

/// The plain word these flags say, and its bit.
pub(super) fn plain_word<S: Word>(flags: u32) -> Option<(S, u32)> {
    if !is_plain(flags) {
        return None;
    }
    let number = (flags & PLAIN_MASK).trailing_zeros() - PLAIN.trailing_zeros();
    Some((S::numbered(number), PLAIN << number))
}

/// Words on the heap. There is a first one as long as there is a lane.
#[derive(Debug)]
pub(super) struct Lane<S> {
    pub(super) first: S,
    pub(super) rest: VecDeque<S>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Number(u32);

    impl Word for Number {
        fn number(&self) -> Option<u32> {
            (self.0 < PLAIN_WORDS).then_some(self.0)
        }

        fn numbered(number: u32) -> Self {
            Self(number)
        }
    }

    #[test]
    fn a_plain_word_is_what_its_bit_says() {
        for number in 0..PLAIN_WORDS {
            let bit = bit_of(&Number(number)).expect("it is plain");
            assert_eq!(bit & (LANE | KILL), 0);
            assert_eq!(plain_word(LANE | KILL | bit), Some((Number(number), bit)));
        }
        assert_eq!(bit_of(&Number(PLAIN_WORDS)), None);
        assert_eq!(plain_word::<Number>(LANE | KILL), None);
    }
}
