//! All files together: what became of each, and what only shows when they are
//! seen side by side.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use callboard::prelude::*;

use crate::duplicates::{self, Copy, MOST_COPIES, Shared};
use crate::finding::{Finding, Rule};
use crate::page::{Found, Licence, Print, Reviewed, Unreviewed};
use crate::report::{
    CopyReport, Counts, FileReport, LanguageReport, LeftOut, LicenceReport, Place, Report,
    RuleReport,
};

/// Why a file was not reviewed that an interrupted run did not get to.
pub(crate) const NOT_REACHED: &str = "interrupted";

/// Files that another is told to have copied from.
const MOST_ORIGINALS: usize = 20;

/// See the module. Files are in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    found: Vec<Found>,
    reviewed: Vec<Option<Reviewed>>,
    left: Vec<(Arc<str>, Unreviewed)>,
    /// Those of them that were left before anybody read them.
    left_early: usize,
    links: u64,
    /// Whether there are more files than are reviewed.
    is_cut: bool,
    notes: Vec<String>,
}

/// What the comparison of all files came to.
#[derive(Debug)]
pub(crate) enum Compared {
    /// The copies, and how many files were left out.
    All(Vec<Copy>, usize),
    /// There was none, and why.
    Not(String),
}

impl Corpus {
    /// Files that were found.
    pub(crate) fn len(&self) -> usize {
        self.found.len() + self.left_early
    }

    pub(crate) fn find(&mut self, found: Found) {
        self.found.push(found);
    }

    /// A file was found that nobody has to read.
    pub(crate) fn leave(&mut self, name: Arc<str>, why: Unreviewed) {
        self.left.push((name, why));
        self.left_early += 1;
    }

    pub(crate) fn note_link(&mut self) {
        self.links += 1;
    }

    /// There are more files than are reviewed.
    pub(crate) fn cut_at(&mut self, most: usize) {
        let note = format!("there are more than {most} files: the rest was not looked at");
        self.notes.push(note);
        self.is_cut = true;
    }

    pub(crate) fn sort(&mut self) {
        self.found.sort_by(|a, b| a.name.cmp(&b.name));
        self.reviewed.resize_with(self.found.len(), || None);
    }

    /// What is to be reviewed, in the order in which [`Corpus::take`] counts.
    pub(crate) fn to_review(&self) -> Vec<Found> {
        self.found.clone()
    }

    /// What became of the file at this position.
    pub(crate) fn take(&mut self, at: usize, outcome: Result<Reviewed, Fault>) {
        match outcome {
            Ok(reviewed) => self.reviewed[at] = Some(reviewed),
            Err(fault) => {
                let why = match fault.cause::<Unreviewed>() {
                    Some(why) => why.clone(),
                    None => Unreviewed::Failed(fault.message().to_owned()),
                };
                let name = Arc::clone(&self.found[at].name);
                self.left.push((name, why));
            }
        }
    }

    /// The prints of all files, by their positions.
    pub(crate) fn prints(&self) -> impl Iterator<Item = (u32, Arc<[Print]>)> {
        let reviewed = (0..).zip(&self.reviewed);
        reviewed.filter_map(|(at, file)| Some((at, Arc::clone(&file.as_ref()?.prints))))
    }

    /// Puts the report together. Files that nothing is known of were not reached.
    pub(crate) fn report(
        mut self,
        directory: String,
        compared: Compared,
        interrupted: bool,
    ) -> Report {
        let is_compared = matches!(compared, Compared::All(..));
        let copies = match compared {
            Compared::All(copies, 0) => copies,
            Compared::All(copies, left_out) => {
                let note = format!("{left_out} files were not compared: there is too much text");
                self.notes.push(note);
                copies
            }
            Compared::Not(why) => {
                self.notes
                    .push(format!("copies were not looked for: {why}"));
                Vec::new()
            }
        };
        if interrupted {
            self.settle();
        }
        if copies.len() > MOST_COPIES {
            let note = format!("of {} copies the longest are listed", copies.len());
            self.notes.push(note);
        }
        self.blame(&copies);
        let licence = self.licences();
        if !interrupted && !self.found.is_empty() && !self.has_readme() {
            let note = "there is no README: say what this is, and how to begin";
            self.notes.push(note.to_owned());
        }
        let left = |skipped: bool| {
            let left = self.left.iter();
            let of_kind = left.filter(|(_, why)| matches!(why, Unreviewed::Skipped(_)) == skipped);
            let mut left: Vec<_> = of_kind.map(|(name, why)| left_out(name, why)).collect();
            left.sort_by(|a, b| a.path.cmp(&b.path));
            left
        };
        let (skipped, failed) = (left(true), left(false));
        let known = self.reviewed.iter().flatten();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let counts = Counts {
            found: count(self.len()),
            reviewed: count(known.clone().count()),
            skipped: count(skipped.len()),
            failed: count(failed.len()),
            links: self.links,
            lines: known.clone().map(|file| u64::from(file.lines)).sum(),
        };
        let copies_told = copies.iter().take(MOST_COPIES).map(|copy| self.told(copy));
        Report {
            directory,
            interrupted,
            is_complete: is_compared && !interrupted && !self.is_cut && failed.is_empty(),
            compared: is_compared,
            files: counts,
            notes: self.notes.clone(),
            rules: rules(known.clone()),
            languages: languages(known.clone()),
            licence,
            copies: copies_told.collect(),
            reviewed: files(known),
            skipped,
            failed,
        }
    }

    /// Whatever has no outcome was not reached.
    fn settle(&mut self) {
        let left: std::collections::BTreeSet<Arc<str>> =
            self.left.iter().map(|(name, _)| Arc::clone(name)).collect();
        for (found, reviewed) in self.found.iter().zip(&self.reviewed) {
            if reviewed.is_none() && !left.contains(&found.name) {
                let why = Unreviewed::Failed(NOT_REACHED.to_owned());
                self.left.push((Arc::clone(&found.name), why));
            }
        }
    }

    /// Adds copies to the findings of the files that hold them: one for each file
    /// that something comes from, up to a bound.
    fn blame(&mut self, copies: &[Copy]) {
        for Shared { lines, longest } in duplicates::by_pair(copies) {
            let Some(original) = self.name(longest.original) else {
                continue;
            };
            let (from, to) = longest.original_lines;
            let message =
                format!("{lines} lines as in {original}, most of them in {from}-{to} there");
            let Some(Some(file)) = self.reviewed.get_mut(longest.copy as usize) else {
                continue;
            };
            let copied = file.findings.iter().filter(|it| it.rule == Rule::Copied);
            if copied.count() < MOST_ORIGINALS {
                file.findings.push(Finding {
                    line: longest.copy_lines.0,
                    rule: Rule::Copied,
                    message,
                    times: 1,
                });
            }
        }
    }

    fn name(&self, file: u32) -> Option<Arc<str>> {
        let found = self.found.get(file as usize)?;
        Some(Arc::clone(&found.name))
    }

    fn told(&self, copy: &Copy) -> CopyReport {
        let place = |file: u32, (first, last): (u32, u32)| Place {
            path: self.name(file).unwrap_or_default().to_string(),
            first,
            last,
        };
        CopyReport {
            lines: copy.lines,
            original: place(copy.original, copy.original_lines),
            copy: place(copy.copy, copy.copy_lines),
        }
    }

    /// What the majority of source files has, and who differs from it.
    fn licences(&mut self) -> LicenceReport {
        let source = |file: &&Reviewed| file.language.is_source();
        let mut headers: BTreeMap<Option<Arc<str>>, u64> = BTreeMap::new();
        for file in self.reviewed.iter().flatten().filter(source) {
            let name = file
                .licence
                .as_ref()
                .map(|licence| Arc::clone(&licence.name));
            *headers.entry(name).or_default() += 1;
        }
        let files: u64 = headers.values().sum();
        let most = headers
            .iter()
            .max_by_key(|(name, count)| (**count, Reverse(*name)));
        // Less than half is no custom that others have to follow.
        let majority = most.filter(|(_, count)| **count * 2 > files);
        let majority = majority.map(|(name, _)| name.clone());
        if let Some(majority) = &majority {
            for file in self.reviewed.iter_mut().flatten() {
                if file.language.is_source() {
                    let differs = licence_finding(file.licence.as_ref(), majority.as_deref());
                    file.findings.extend(differs);
                }
            }
        }
        LicenceReport {
            majority: match &majority {
                None => "none that most files share".to_owned(),
                Some(None) => "no header".to_owned(),
                Some(Some(name)) => name.to_string(),
            },
            headers: headers
                .into_iter()
                .map(|(name, files)| (name.as_deref().unwrap_or("no header").to_owned(), files))
                .collect(),
        }
    }

    fn has_readme(&self) -> bool {
        let is_readme = |found: &Found| {
            let name = found.name.to_lowercase();
            name == "readme" || name.starts_with("readme.")
        };
        self.found.iter().any(is_readme)
    }
}

fn licence_finding(own: Option<&Licence>, majority: Option<&str>) -> Option<Finding> {
    let (rule, line, message) = match (own, majority) {
        (None, Some(majority)) => (Rule::NoLicence, 1, format!("most files say {majority}")),
        (Some(own), _) if Some(&*own.name) != majority => {
            let others = majority.unwrap_or("nothing");
            let message = format!("it says {}, most files say {others}", own.name);
            (Rule::OtherLicence, own.line, message)
        }
        _ => return None,
    };
    Some(Finding {
        line,
        rule,
        message,
        times: 1,
    })
}

fn left_out(name: &Arc<str>, why: &Unreviewed) -> LeftOut {
    LeftOut {
        path: name.to_string(),
        reason: why.to_string(),
    }
}

/// The files, worst first.
fn files<'a>(known: impl Iterator<Item = &'a Reviewed>) -> Vec<FileReport> {
    let mut files: Vec<FileReport> = known.map(FileReport::of).collect();
    files.sort_by(|a, b| (Reverse(a.score), &a.path).cmp(&(Reverse(b.score), &b.path)));
    files
}

fn rules<'a>(known: impl Iterator<Item = &'a Reviewed>) -> Vec<RuleReport> {
    let mut rules: BTreeMap<Rule, (u64, u64)> = BTreeMap::new();
    for file in known {
        let mut in_file: BTreeMap<Rule, u64> = BTreeMap::new();
        for finding in &file.findings {
            *in_file.entry(finding.rule).or_default() += u64::from(finding.times);
        }
        for (rule, times) in in_file {
            let (findings, files) = rules.entry(rule).or_default();
            *findings += times;
            *files += 1;
        }
    }
    let report = |(rule, (findings, files)): (Rule, (u64, u64))| RuleReport {
        rule,
        severity: rule.severity(),
        findings,
        files,
        advice: rule.advice(),
    };
    rules.into_iter().map(report).collect()
}

fn languages<'a>(known: impl Iterator<Item = &'a Reviewed>) -> Vec<LanguageReport> {
    let mut languages = BTreeMap::new();
    for file in known {
        let report = languages
            .entry(file.language)
            .or_insert_with(|| LanguageReport::new(file.language));
        report.add(file);
    }
    languages.into_values().collect()
}
