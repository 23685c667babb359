//! The report as data, and as JSON. How it looks to people is in `markdown`, the
//! picture in `drawing`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::common::publish;
use crate::corpus::NOT_REACHED;
use crate::drawing;
use crate::finding::{Finding, Rule, Severity};
use crate::language::Language;
use crate::page::{Complexity, Documentation, Reviewed};

/// The report for people, the one for programs, and the picture.
const NAMES: [&str; 3] = ["review.md", "review.json", "review.mmd"];

/// Whether a file of this name in the place of the reports is one of them,
/// finished or not.
pub(crate) fn is_ours(name: &str) -> bool {
    NAMES.iter().any(|report| publish::is_of(report, name))
}

/// A review: the same for the same tree.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) directory: String,
    /// Whether it ended before all was reviewed.
    pub(crate) interrupted: bool,
    /// Whether every file was looked at, and compared with the others.
    pub(crate) is_complete: bool,
    /// Whether copies were looked for.
    pub(crate) compared: bool,
    pub(crate) files: Counts,
    /// What is to be said of the tree as a whole.
    pub(crate) notes: Vec<String>,
    /// What was found, by what was looked for; the most serious first.
    pub(crate) rules: Vec<RuleReport>,
    pub(crate) languages: Vec<LanguageReport>,
    pub(crate) licence: LicenceReport,
    /// Lines that are there twice, the longest copy first; at most 1,000.
    pub(crate) copies: Vec<CopyReport>,
    /// The files that were reviewed, the worst first.
    pub(crate) reviewed: Vec<FileReport>,
    /// Files that are not for reviewers: binary, too large, generated.
    pub(crate) skipped: Vec<LeftOut>,
    /// Files that should have been reviewed and were not.
    pub(crate) failed: Vec<LeftOut>,
}

/// How many files became what: `found = reviewed + skipped + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) found: u64,
    pub(crate) reviewed: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    /// Symbolic links, which are not followed and not counted as files.
    pub(crate) links: u64,
    /// Lines of the files that were reviewed.
    pub(crate) lines: u64,
}

impl Counts {
    pub(crate) fn conserved(&self) -> bool {
        self.found == self.reviewed + self.skipped + self.failed
    }

    /// The account in a line.
    pub(crate) fn account(&self, holds: bool) -> String {
        format!(
            "files {} = reviewed {} + skipped {} + failed {}: {}",
            self.found,
            self.reviewed,
            self.skipped,
            self.failed,
            if holds { "holds" } else { "DOES NOT HOLD" }
        )
    }
}

/// What was found by one rule.
#[derive(Debug, Serialize)]
pub(crate) struct RuleReport {
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    pub(crate) findings: u64,
    /// In how many files.
    pub(crate) files: u64,
    /// What to do about it.
    pub(crate) advice: &'static str,
}

/// All files in one language.
#[derive(Debug, Serialize)]
pub(crate) struct LanguageReport {
    pub(crate) language: Language,
    pub(crate) files: u64,
    pub(crate) lines: u64,
    pub(crate) functions: u64,
    pub(crate) public: u64,
    /// Public items with a comment.
    pub(crate) documented: u64,
    pub(crate) comment_lines: u64,
    pub(crate) full_lines: u64,
}

impl LanguageReport {
    pub(crate) fn new(language: Language) -> Self {
        Self {
            language,
            files: 0,
            lines: 0,
            functions: 0,
            public: 0,
            documented: 0,
            comment_lines: 0,
            full_lines: 0,
        }
    }

    pub(crate) fn add(&mut self, file: &Reviewed) {
        self.files += 1;
        self.lines += u64::from(file.lines);
        self.functions += u64::from(file.complexity.functions);
        self.public += u64::from(file.documentation.public);
        self.documented += u64::from(file.documentation.documented);
        self.comment_lines += u64::from(file.documentation.comment_lines);
        self.full_lines += u64::from(file.documentation.full_lines);
    }
}

/// Licence headers of source files.
#[derive(Debug, Serialize)]
pub(crate) struct LicenceReport {
    /// What more than half of the files say.
    pub(crate) majority: String,
    /// How many files say what.
    pub(crate) headers: BTreeMap<String, u64>,
}

/// Lines that are the same in two files.
#[derive(Debug, Serialize)]
pub(crate) struct CopyReport {
    /// Without blank lines, braces and imports.
    pub(crate) lines: u32,
    pub(crate) original: Place,
    pub(crate) copy: Place,
}

/// Lines of a file.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// A file that was reviewed.
#[derive(Debug, Serialize)]
pub(crate) struct FileReport {
    pub(crate) path: String,
    pub(crate) language: Language,
    pub(crate) lines: u32,
    /// Its findings by weight: a note counts 1, a warning 3, what is serious 10.
    pub(crate) score: u64,
    pub(crate) complexity: Complexity,
    pub(crate) documentation: Documentation,
    pub(crate) licence: Option<String>,
    /// By their lines.
    pub(crate) findings: Vec<Finding>,
}

impl FileReport {
    pub(crate) fn of(file: &Reviewed) -> Self {
        let mut findings = file.findings.clone();
        findings.sort();
        let weight = |it: &Finding| it.rule.severity().weight() * u64::from(it.times);
        Self {
            path: file.name.to_string(),
            language: file.language,
            lines: file.lines,
            score: findings.iter().map(weight).sum(),
            complexity: file.complexity,
            documentation: file.documentation,
            licence: file
                .licence
                .as_ref()
                .map(|licence| licence.name.to_string()),
            findings,
        }
    }

    /// How many findings are of this severity.
    pub(crate) fn count(&self, severity: Severity) -> u32 {
        let findings = self.findings.iter();
        let of_it = findings.filter(|finding| finding.rule.severity() == severity);
        of_it.map(|finding| finding.times).sum()
    }
}

/// A file that was not reviewed, and why.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Report {
    /// Files that failed, but for those that an interrupted run did not get to; and
    /// how many those are.
    pub(crate) fn failures(&self) -> (Vec<&LeftOut>, usize) {
        let tried = self.failed.iter().filter(|file| file.reason != NOT_REACHED);
        let tried: Vec<_> = tried.collect();
        let rest = self.failed.len() - tried.len();
        (tried, rest)
    }

    /// How much was found.
    pub(crate) fn findings(&self) -> u64 {
        self.rules.iter().map(|rule| rule.findings).sum()
    }

    /// Files with findings, the worst first.
    pub(crate) fn worst(&self) -> impl Iterator<Item = &FileReport> + Clone {
        self.reviewed.iter().filter(|file| file.score > 0)
    }

    /// Writes the three reports into `out`.
    pub(crate) fn publish(&self, out: &Path) -> io::Result<[PathBuf; 3]> {
        let [markdown, json, picture] = NAMES;
        Ok([
            publish::publish(out, markdown, |file| self.write_markdown(file))?,
            publish::publish(out, json, |file| {
                serde_json::to_writer_pretty(&mut *file, self)?;
                file.write_all(b"\n")
            })?,
            publish::publish(out, picture, |file| {
                file.write_all(drawing::of(self).as_bytes())
            })?,
        ])
    }
}
