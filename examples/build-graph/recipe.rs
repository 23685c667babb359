//! The file as it is written.
//!
//! ```toml
//! [defaults]                  # all of it optional
//! timeout = "5m"
//! attempts = 1
//! dir = "."                   # relative to this file
//! env = { LANG = "C" }
//!
//! [task.compile]
//! run = "cc -c main.c"        # by the shell, or ["cc", "-c", "main.c"]
//! needs = ["configure"]
//! weight = 3                  # how long it takes, in any unit
//! attempts = 2
//! timeout = "30s"
//! env = { CFLAGS = "-O2" }
//! dir = "src"
//! ```

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) defaults: Defaults,
    #[serde(default)]
    pub(crate) task: BTreeMap<String, Recipe>,
}

/// What holds for tasks that do not say otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Defaults {
    pub(crate) weight: Option<NonZeroU32>,
    pub(crate) attempts: Option<NonZeroU32>,
    #[serde(with = "humantime_serde")]
    pub(crate) timeout: Option<Duration>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) env: BTreeMap<String, String>,
}

/// One task.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    pub(crate) run: Run,
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    pub(crate) weight: Option<NonZeroU32>,
    pub(crate) attempts: Option<NonZeroU32>,
    #[serde(default, with = "humantime_serde")]
    pub(crate) timeout: Option<Duration>,
    pub(crate) dir: Option<PathBuf>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
}

/// What a task runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a command as one string for the shell, or a list of a program and its arguments"
)]
pub(crate) enum Run {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments, as they are.
    Program(Vec<String>),
}

impl Run {
    /// The program and its arguments.
    pub(crate) fn words(&self) -> Vec<&str> {
        match self {
            Run::Shell(line) if cfg!(windows) => vec!["cmd", "/C", line],
            Run::Shell(line) => vec!["sh", "-c", line],
            Run::Program(words) => words.iter().map(String::as_str).collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Run::Shell(line) => line.trim().is_empty(),
            Run::Program(words) => words.first().is_none_or(|program| program.is_empty()),
        }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Run::Shell(line) => f.write_str(line.trim()),
            Run::Program(words) => write!(f, "{words:?}"),
        }
    }
}
