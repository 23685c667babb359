//! Trouble on purpose: an analyst panics, hangs or answers nonsense.

use crate::analysis::{Analysis, Sentence};
pub(crate) use crate::common::chaos::Plan;

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

impl Plan {
    /// Decides the `attempt`th try at the file called `name`.
    pub(crate) fn decide(&self, name: &str, attempt: u32) -> Chaos {
        match self.trouble(name, attempt) {
            None => Chaos::None,
            Some(which) => match which % 3 {
                0 => Chaos::Panic,
                1 => Chaos::Hang,
                _ => Chaos::Invalid,
            },
        }
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
