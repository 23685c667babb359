//! The report as data, and as JSON. How it looks to people is in `markdown`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::analysis::Analysis;
use crate::keywords::Keywords;
use crate::publish;
use crate::read::Reason;
use crate::scan::Link;

/// The report for people.
const MARKDOWN: &str = "crew-report.md";

/// The report for programs.
const JSON: &str = "crew-report.json";

/// Whether a file of this name in the place of the reports is one of them,
/// finished or not.
pub(crate) fn is_ours(name: &str) -> bool {
    publish::is_of(MARKDOWN, name) || publish::is_of(JSON, name)
}

/// Everything the crew found out. Files are in the order of their paths.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) files: u64,
    pub(crate) results: u64,
    pub(crate) failures: u64,
    pub(crate) restarts: u64,
    pub(crate) dead_letters: u64,
    pub(crate) conserved: bool,
    pub(crate) seconds: f64,
    pub(crate) directory: String,
    pub(crate) totals: Totals,
    pub(crate) languages: Vec<Language>,
    pub(crate) keywords: Vec<Keyword>,
    pub(crate) documents: Vec<Document>,
    pub(crate) failed: Vec<Failed>,
    pub(crate) duplicates: Vec<Duplicates>,
    pub(crate) links_not_followed: Vec<Link>,
    pub(crate) run: Run,
}

/// Sums over all results.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) bytes: u64,
    pub(crate) words: u64,
    pub(crate) sentences: u64,
    pub(crate) links: u64,
    pub(crate) broken_links: u64,
}

/// How many files are in a language; without a code, in none that is sure.
#[derive(Debug, Serialize)]
pub(crate) struct Language {
    pub(crate) code: Option<&'static str>,
    pub(crate) name: &'static str,
    pub(crate) files: u64,
}

/// A keyword of the whole set.
#[derive(Debug, Serialize)]
pub(crate) struct Keyword {
    pub(crate) term: Box<str>,
    /// Its TF-IDF, added up over files.
    pub(crate) score: f32,
    /// Of how many files it is a keyword.
    pub(crate) files: u32,
}

/// A file that was analysed.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) path: Arc<str>,
    pub(crate) analysis: Analysis,
    pub(crate) keywords: Keywords,
}

/// A file that could not be.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    #[serde(serialize_with = "text")]
    pub(crate) path: Arc<str>,
    #[serde(serialize_with = "display")]
    pub(crate) reason: Reason,
}

/// Files that are nearly the same.
#[derive(Debug, Serialize)]
pub(crate) struct Duplicates {
    /// How much the one least like the first shares with it, 0 to 1.
    pub(crate) similarity: f32,
    #[serde(serialize_with = "texts")]
    pub(crate) files: Vec<Arc<str>>,
}

/// How the run went.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Run {
    pub(crate) mode: &'static str,
    pub(crate) interrupted: bool,
    pub(crate) files_per_second: f64,
    pub(crate) megabytes_per_second: f64,
    pub(crate) latency: Latency,
    /// The actors, one a line, children indented.
    pub(crate) tree: Vec<String>,
    /// By reason.
    pub(crate) dead_letters: BTreeMap<String, u64>,
    pub(crate) conservation: Vec<String>,
}

/// What is known about a run when it ends, but for the files.
#[derive(Debug)]
pub(crate) struct RunFacts {
    pub(crate) mode: &'static str,
    pub(crate) directory: String,
    pub(crate) interrupted: bool,
    /// From the start to the last answer; assembling comes after.
    pub(crate) seconds: f64,
    pub(crate) restarts: u64,
    pub(crate) tree: Vec<String>,
    pub(crate) dead_letters: BTreeMap<String, u64>,
    /// Further lines of account, and whether they all hold.
    pub(crate) accounts: Vec<String>,
    pub(crate) accounts_hold: bool,
}

impl Default for RunFacts {
    fn default() -> Self {
        RunFacts {
            mode: "",
            directory: String::new(),
            interrupted: false,
            seconds: 0.0,
            restarts: 0,
            tree: Vec::new(),
            dead_letters: BTreeMap::new(),
            accounts: Vec::new(),
            accounts_hold: true,
        }
    }
}

/// Percentiles of the time from opening a file to its checked answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: u32,
    pub(crate) p95_us: u32,
    pub(crate) p99_us: u32,
    pub(crate) max_us: u32,
}

impl Latency {
    /// Of samples in microseconds; of none, all are zero.
    pub(crate) fn of(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        let at = |share: usize| {
            let rank = (micros.len() * share).div_ceil(100).max(1) - 1;
            micros.get(rank).copied().unwrap_or(0)
        };
        Latency {
            p50_us: at(50),
            p95_us: at(95),
            p99_us: at(99),
            max_us: at(100),
        }
    }
}

impl Report {
    /// The report of a run of which this is known.
    pub(crate) fn of_run(mut self, facts: RunFacts) -> Self {
        self.restarts = facts.restarts;
        self.dead_letters = facts.dead_letters.values().sum();
        self.conserved &= facts.accounts_hold;
        self.seconds = facts.seconds;
        self.directory = facts.directory;
        self.run.mode = facts.mode;
        self.run.interrupted = facts.interrupted;
        self.run.files_per_second = rate(self.files as f64, facts.seconds);
        self.run.megabytes_per_second = rate(self.totals.bytes as f64 / 1e6, facts.seconds);
        self.run.tree = facts.tree;
        self.run.dead_letters = facts.dead_letters;
        self.run.conservation.extend(facts.accounts);
        self
    }

    /// Writes both reports into `out`.
    pub(crate) fn publish(&self, out: &Path) -> io::Result<[PathBuf; 2]> {
        Ok([
            publish::publish(out, MARKDOWN, |file| self.write_markdown(file))?,
            publish::publish(out, JSON, |file| self.write_json(file))?,
        ])
    }

    fn write_json(&self, to: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *to, self)?;
        to.write_all(b"\n")
    }

    /// The one object that `--json` prints.
    pub(crate) fn brief(&self) -> serde_json::Value {
        serde_json::json!({
            "files": self.files,
            "results": self.results,
            "failures": self.failures,
            "restarts": self.restarts,
            "dead_letters": self.dead_letters,
            "conserved": self.conserved,
            "seconds": self.seconds,
            "words": self.totals.words,
            "interrupted": self.run.interrupted,
            "files_per_second": self.run.files_per_second,
            "latency": self.run.latency,
        })
    }
}

fn rate(amount: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { amount / seconds } else { 0.0 }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct View<'a> {
            path: &'a str,
            bytes: u32,
            words: u32,
            sentences: u32,
            language: Option<&'static str>,
            confidence: f32,
            keywords: Vec<&'a str>,
            summary: Vec<&'a str>,
            links: u32,
            broken_links: Vec<Broken<'a>>,
        }
        #[derive(Serialize)]
        struct Broken<'a> {
            line: u32,
            target: &'a str,
        }
        let analysis = &self.analysis;
        View {
            path: &self.path,
            bytes: analysis.bytes,
            words: analysis.words,
            sentences: analysis.sentences,
            language: analysis.language.map(|language| language.code()),
            confidence: analysis.confidence,
            keywords: self.keywords.iter().collect(),
            summary: analysis
                .summary
                .iter()
                .map(|sentence| &*sentence.text)
                .collect(),
            links: analysis.links,
            broken_links: analysis
                .broken
                .iter()
                .map(|link| Broken {
                    line: link.line,
                    target: &link.target,
                })
                .collect(),
        }
        .serialize(serializer)
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct View<'a> {
            path: &'a str,
            target: &'a str,
            is_loop: bool,
        }
        View {
            path: &self.name,
            target: &self.target,
            is_loop: self.is_loop,
        }
        .serialize(serializer)
    }
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn texts<S: Serializer>(texts: &[Arc<str>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(texts.iter().map(|text| &**text))
}

fn display<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::Editor;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let latency = Latency::of((1..=200).rev().collect());
        assert_eq!(
            latency,
            Latency {
                p50_us: 100,
                p95_us: 190,
                p99_us: 198,
                max_us: 200
            }
        );
        assert_eq!(Latency::of(vec![7]).p50_us, 7);
        assert_eq!(Latency::of(Vec::new()), Latency::default());
    }

    #[test]
    fn the_brief_has_the_promised_fields_in_the_promised_types() {
        let brief = Editor::default().assemble().brief();
        for field in ["files", "results", "failures", "restarts", "dead_letters"] {
            assert!(brief[field].is_u64(), "{field}");
        }
        assert_eq!(brief["conserved"], true);
        assert!(brief["seconds"].is_f64());
    }
}
