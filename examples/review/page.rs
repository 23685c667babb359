//! A file on its way through the pipeline.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::read::Reason;
use crate::finding::Finding;
use crate::language::Language;
use crate::reviewers::Duty;

/// A file that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Relative to where the walk began, with `/` between names.
    pub(crate) name: Arc<str>,
    /// Of readers, with all of its copies.
    pub(crate) tries: Tries,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) name: Arc<str>,
    pub(crate) language: Language,
    pub(crate) text: String,
    /// Of each reviewer.
    pub(crate) tries: [Tries; Duty::ALL.len()],
}

/// How often a job was begun: it is the same count in all copies of the job, so
/// that another attempt is another roll of the dice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tries(Arc<AtomicU32>);

impl Tries {
    /// The number of this attempt, from 0.
    pub(crate) fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// What one reviewer says of a page.
#[derive(Clone, Debug)]
pub(crate) struct Opinion {
    pub(crate) page: Arc<Page>,
    pub(crate) said: Said,
}

/// See [`Opinion`].
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Findings(Vec<Finding>),
    Complexity(Complexity, Vec<Finding>),
    Documentation(Documentation, Vec<Finding>),
    Licence(Option<Licence>),
    Prints(Vec<Print>),
}

/// The measures of a file's complexity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Complexity {
    /// Functions with a name.
    pub(crate) functions: u32,
    /// Lines of the longest.
    pub(crate) longest: u32,
    /// Branches of the one with most.
    pub(crate) branches: u32,
    /// Levels inside the deepest.
    pub(crate) depth: u32,
}

/// The measures of a file's documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Documentation {
    /// Public items.
    pub(crate) public: u32,
    /// Those of them that have a comment of their own.
    pub(crate) documented: u32,
    /// Lines with a comment on them.
    pub(crate) comment_lines: u32,
    /// Lines that are not blank.
    pub(crate) full_lines: u32,
}

/// A licence header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Licence {
    pub(crate) name: Arc<str>,
    pub(crate) line: u32,
}

/// The hash of a few lines in a row, as they are without their white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Print {
    pub(crate) hash: u64,
    /// Which run of lines of the file this is, from 0.
    pub(crate) at: u32,
    /// The lines in the file where it begins and ends.
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// A file that all reviewers have seen.
#[derive(Clone, Debug)]
pub(crate) struct Reviewed {
    pub(crate) name: Arc<str>,
    pub(crate) language: Language,
    pub(crate) lines: u32,
    pub(crate) complexity: Complexity,
    pub(crate) documentation: Documentation,
    pub(crate) licence: Option<Licence>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) prints: Arc<[Print]>,
}

/// Why a file was not reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreviewed {
    /// It is not for reviewers, and that is all right.
    Skipped(String),
    /// It should have been.
    Failed(String),
}

impl From<Reason> for Unreviewed {
    fn from(reason: Reason) -> Self {
        let words = reason.to_string();
        match reason {
            Reason::Binary | Reason::NotUtf8 | Reason::TooLarge { .. } | Reason::NotRegular => {
                Self::Skipped(words)
            }
            _ => Self::Failed(words),
        }
    }
}

impl fmt::Display for Unreviewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped(why) | Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Unreviewed {}
