//! What was said, as data.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::actor::{Fault, FaultClass};

/// Who has made an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum By {
    /// A speaker, by its position.
    Speaker(usize),
    /// The judge or the manager.
    Chair,
}

/// What came of asking somebody to speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Said<S> {
    /// A statement.
    Statement(S),
    /// It failed.
    Fault {
        /// What kind of failure it was.
        class: FaultClass,
        /// In words.
        message: String,
    },
}

impl<S> Said<S> {
    fn of(said: Result<S, Fault>) -> Self {
        match said {
            Ok(statement) => Self::Statement(statement),
            Err(fault) => Self::Fault {
                class: fault.class(),
                message: fault.message().to_owned(),
            },
        }
    }
}

/// One entry of a [`Transcript`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry<S> {
    /// How many turns its speaker has had with this one: in a debate, the round. Of
    /// the chair, how many entries it has made.
    pub round: u32,
    /// Who.
    pub by: By,
    /// What.
    pub said: Said<S>,
}

impl<S> Entry<S> {
    /// The statement, unless it is a fault.
    pub fn statement(&self) -> Option<&S> {
        match &self.said {
            Said::Statement(statement) => Some(statement),
            Said::Fault { .. } => None,
        }
    }
}

/// What was said, in order. Only the last entries are kept; the others are counted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Transcript<T, S> {
    /// What it is about.
    pub topic: T,
    /// The names of the speakers, by their positions.
    pub speakers: Vec<Arc<str>>,
    /// What was said, the earliest first.
    pub entries: VecDeque<Entry<S>>,
    /// Earlier entries that are not kept.
    pub dropped: u64,
    /// Entries of each speaker so far, and of the chair.
    turns: Vec<u32>,
    keep: usize,
}

impl<T, S> Transcript<T, S> {
    pub(super) fn new(topic: T, speakers: Vec<Arc<str>>, keep: usize) -> Self {
        Self {
            topic,
            turns: vec![0; speakers.len() + 1],
            speakers,
            entries: VecDeque::new(),
            dropped: 0,
            keep,
        }
    }

    /// The position of the speaker of this name.
    #[must_use]
    pub fn speaker(&self, name: &str) -> Option<usize> {
        self.speakers.iter().position(|known| &**known == name)
    }

    /// The statements that are kept, with their speakers, the earliest first.
    pub fn statements(&self) -> impl DoubleEndedIterator<Item = (usize, &S)> {
        self.entries
            .iter()
            .filter_map(|entry| match (entry.by, entry.statement()) {
                (By::Speaker(speaker), Some(statement)) => Some((speaker, statement)),
                _ => None,
            })
    }

    /// The faults that are kept, the earliest first.
    pub fn faults(&self) -> impl DoubleEndedIterator<Item = &Entry<S>> {
        let entries = self.entries.iter();
        entries.filter(|entry| entry.statement().is_none())
    }

    /// Turns that a speaker has had.
    #[must_use]
    pub fn turns(&self, speaker: usize) -> u32 {
        self.turns.get(speaker).copied().unwrap_or_default()
    }

    pub(super) fn enter(&mut self, by: By, said: Result<S, Fault>) {
        let at = match by {
            By::Speaker(speaker) => speaker,
            By::Chair => self.speakers.len(),
        };
        let Some(round) = self.turns.get_mut(at) else {
            return;
        };
        *round = round.saturating_add(1);
        self.entries.push_back(Entry {
            round: *round,
            by,
            said: Said::of(said),
        });
        while self.entries.len() > self.keep {
            self.entries.pop_front();
            self.dropped += 1;
        }
    }
}

// By hand: payloads are not printed.
impl<T, S> fmt::Debug for Transcript<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript")
            .field("speakers", &self.speakers)
            .field("entries", &self.entries.len())
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// What somebody is asked who is to speak.
pub struct Turn<T, S> {
    /// Who it speaks as, by its position.
    pub speaker: usize,
    /// How many turns it has had with this one: in a debate, the round.
    pub round: u32,
    /// What was said so far.
    pub transcript: Arc<Transcript<T, S>>,
}

impl<T, S> Turn<T, S> {
    pub(super) fn of(speaker: usize, transcript: Arc<Transcript<T, S>>) -> Self {
        Self {
            speaker,
            round: transcript.turns(speaker).saturating_add(1),
            transcript,
        }
    }

    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> &T {
        &self.transcript.topic
    }

    /// The name it speaks under: in a debate, its side.
    #[must_use]
    pub fn side(&self) -> &str {
        let name = self.transcript.speakers.get(self.speaker);
        name.map_or("", |name| name)
    }
}

impl<T, S> Clone for Turn<T, S> {
    fn clone(&self) -> Self {
        Self {
            speaker: self.speaker,
            round: self.round,
            transcript: Arc::clone(&self.transcript),
        }
    }
}

impl<T, S> fmt::Debug for Turn<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("side", &self.side())
            .field("round", &self.round)
            .field("transcript", &self.transcript)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_transcript_keeps_the_last_entries_and_counts_the_others(
            by in prop::collection::vec(0_usize..3, 0..40),
            keep in 0_usize..10,
        ) {
            let names = ["a", "b"].map(Arc::from).to_vec();
            let mut transcript = Transcript::new((), names, keep);
            for (at, who) in by.iter().enumerate() {
                let by = if *who < 2 { By::Speaker(*who) } else { By::Chair };
                transcript.enter(by, Ok(at));
            }
            prop_assert!(transcript.entries.len() <= keep);
            prop_assert_eq!(transcript.entries.len() + transcript.dropped as usize, by.len());
            let kept: Vec<_> = transcript.entries.iter().filter_map(Entry::statement).collect();
            prop_assert!(kept.iter().rev().zip((0..by.len()).rev()).all(|(a, b)| **a == b));
            for speaker in 0..2 {
                let turns = by.iter().filter(|who| **who == speaker).count();
                prop_assert_eq!(transcript.turns(speaker) as usize, turns);
            }
        }
    }
}
