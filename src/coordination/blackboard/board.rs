//! The board: who wrote what about what, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Something that a source writes on the board.
#[derive(Clone, PartialEq)]
pub struct Note<V> {
    /// What it is about.
    pub about: Arc<str>,
    /// What is so.
    pub value: V,
}

impl<V> Note<V> {
    /// About this, that.
    pub fn new(about: impl Into<Arc<str>>, value: V) -> Self {
        Self {
            about: about.into(),
            value,
        }
    }
}

// By hand: values are not printed.
impl<V> fmt::Debug for Note<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({:?})", self.about)
    }
}

/// A note on the board, who wrote it, and at which step.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry<V> {
    /// What is so.
    pub note: Note<V>,
    /// Who wrote it; empty for what the asker began with.
    pub author: Arc<str>,
    /// At which step, from 1; 0 for what the asker began with.
    pub step: u32,
}

impl<V> fmt::Debug for Entry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (about, author, step) = (&self.note.about, &self.author, self.step);
        write!(f, "Entry({about:?} by {author:?} at step {step})")
    }
}

/// All that was written, in its order. Nothing is taken back: what contradicts each
/// other stays side by side.
#[derive(Clone)]
pub struct Board<V> {
    entries: Vec<Arc<Entry<V>>>,
    most: usize,
    step: u32,
    dropped: usize,
}

impl<V: PartialEq> Board<V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            entries: Vec::new(),
            most,
            step: 0,
            dropped: 0,
        }
    }

    /// Writes one step's notes. What is there already in the same words, by whomever,
    /// is not written again; what does not fit is counted.
    pub(super) fn written(&self, step: u32, notes: Vec<(Arc<str>, Vec<Note<V>>)>) -> Self {
        let mut board = Self {
            entries: self.entries.clone(),
            step,
            ..*self
        };
        for (author, notes) in notes {
            for note in notes {
                if board.holds(&note) {
                    continue;
                }
                if board.entries.len() >= board.most {
                    board.dropped += 1;
                    continue;
                }
                let author = Arc::clone(&author);
                board.entries.push(Arc::new(Entry { note, author, step }));
            }
        }
        board
    }

    /// Whether this is on the board already, by whomever.
    #[must_use]
    pub fn holds(&self, note: &Note<V>) -> bool {
        self.about(&note.about).any(|it| it.note == *note)
    }

    /// What is written differently about one thing, by what it is about.
    #[must_use]
    pub fn contradictions(&self) -> BTreeMap<&str, Vec<&Entry<V>>> {
        let about = self.entries.iter().map(|it| &*it.note.about);
        let about: BTreeSet<&str> = about.collect();
        let all = about.into_iter().map(|it| (it, self.about(it).collect()));
        // The same is not written twice, so two entries are two opinions.
        all.filter(|(_, entries): &(_, Vec<_>)| entries.len() > 1)
            .collect()
    }
}

impl<V> Board<V> {
    /// All entries, in the order in which they were written.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<V>> + '_ {
        self.entries.iter().map(|entry| &**entry)
    }

    /// The entries about this, in the order in which they were written.
    pub fn about(&self, what: &str) -> impl Iterator<Item = &Entry<V>> {
        self.entries().filter(move |it| *it.note.about == *what)
    }

    /// What was written about this last.
    #[must_use]
    pub fn latest(&self, what: &str) -> Option<&V> {
        Some(&self.about(what).last()?.note.value)
    }

    /// Whether anything is written about this.
    #[must_use]
    pub fn has(&self, what: &str) -> bool {
        self.about(what).next().is_some()
    }

    /// Steps so far.
    #[must_use]
    pub fn step(&self) -> u32 {
        self.step
    }

    /// Notes that there was no room for.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Whether there is no room for another entry.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.most
    }
}

impl<V> fmt::Debug for Board<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board")
            .field("entries", &self.entries)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
