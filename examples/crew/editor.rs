//! Keeps the account of every file that was found, and assembles the report
//! when all have been answered for. Each file has one outcome: a second answer
//! is refused, and a file without any shows in the conservation line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::analysis::Analysis;
use crate::duplicates;
use crate::keywords::{Frequencies, Keywords, Overall};
use crate::read::Reason;
use crate::report::{
    Document, Duplicates, Failed, Keyword, Language, Latency, Report, Run, Totals,
};
use crate::scan::Link;

/// Keywords of the whole set.
const OVERALL: usize = 20;

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Outcome {
    Result(Analysis),
    Failure(Reason),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    entries: Vec<Entry>,
    links: Vec<Link>,
    answered: u32,
    /// Microseconds each.
    latencies: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    // Boxed, since a failure is small and 100,000 entries may be waiting.
    outcome: Option<Box<Outcome>>,
}

impl Editor {
    /// Opens the account of a file, which is known by the number returned.
    pub(crate) fn expect(&mut self, name: &str) -> u32 {
        self.entries.push(Entry {
            name: name.into(),
            outcome: None,
        });
        self.entries.len() as u32 - 1
    }

    /// Notes a link that is not followed.
    pub(crate) fn note(&mut self, link: Link) {
        self.links.push(link);
    }

    /// Takes the outcome of a file and how long it took. False, and nothing is
    /// changed, if the file is not expected or has an outcome.
    pub(crate) fn answer(&mut self, file: u32, outcome: Outcome, latency: Duration) -> bool {
        match self.entries.get_mut(file as usize) {
            Some(entry) if entry.outcome.is_none() => {
                entry.outcome = Some(Box::new(outcome));
                self.answered += 1;
                let micros = latency.as_micros().try_into().unwrap_or(u32::MAX);
                self.latencies.push(micros);
                true
            }
            _ => false,
        }
    }

    /// Files found so far.
    pub(crate) fn found(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Files that have an outcome.
    pub(crate) fn answered(&self) -> u32 {
        self.answered
    }

    /// Makes every file without an outcome a failure for this reason, for a
    /// run that ends early.
    pub(crate) fn settle(&mut self, rest: &Reason) {
        for entry in &mut self.entries {
            if entry.outcome.is_none() {
                entry.outcome = Some(Box::new(Outcome::Failure(rest.clone())));
                self.answered += 1;
            }
        }
    }

    /// Puts everything together, in the order of paths. How the run went is
    /// added with [`Report::of_run`].
    pub(crate) fn assemble(self) -> Report {
        let files = u64::from(self.found());
        let mut analyses = Vec::new();
        let mut failed = Vec::new();
        for Entry { name, outcome } in self.entries {
            match outcome.map(|outcome| *outcome) {
                Some(Outcome::Result(analysis)) => analyses.push((name, analysis)),
                Some(Outcome::Failure(reason)) => failed.push(Failed { path: name, reason }),
                None => {}
            }
        }
        analyses.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        failed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let mut links_not_followed = self.links;
        links_not_followed.sort_unstable();

        let duplicates = find_duplicates(&analyses);
        let totals = add_up(&analyses);
        let languages = count_languages(&analyses);
        let (documents, keywords) = find_keywords(analyses);

        let results = documents.len() as u64;
        let failures = failed.len() as u64;
        let adds_up = files == results + failures;
        let account = format!(
            "files {files} = results {results} + failures {failures}: {}",
            if adds_up { "holds" } else { "DOES NOT HOLD" }
        );
        Report {
            files,
            results,
            failures,
            restarts: 0,
            dead_letters: 0,
            conserved: adds_up,
            seconds: 0.0,
            directory: String::new(),
            run: Run {
                latency: Latency::of(self.latencies),
                conservation: vec![account],
                ..Run::default()
            },
            totals,
            languages,
            keywords,
            documents,
            failed,
            duplicates,
            links_not_followed,
        }
    }
}

fn find_duplicates(analyses: &[(Arc<str>, Analysis)]) -> Vec<Duplicates> {
    let signatures: Vec<_> = analyses
        .iter()
        .map(|(_, analysis)| analysis.signature.as_ref())
        .collect();
    duplicates::groups(&signatures)
        .into_iter()
        .map(|group| Duplicates {
            similarity: group.similarity,
            files: group
                .members
                .iter()
                .map(|index| Arc::clone(&analyses[*index as usize].0))
                .collect(),
        })
        .collect()
}

fn add_up(analyses: &[(Arc<str>, Analysis)]) -> Totals {
    let mut totals = Totals::default();
    for (_, analysis) in analyses {
        totals.bytes += u64::from(analysis.bytes);
        totals.words += u64::from(analysis.words);
        totals.sentences += u64::from(analysis.sentences);
        totals.links += u64::from(analysis.links);
        totals.broken_links += analysis.broken.len() as u64;
    }
    totals
}

fn count_languages(analyses: &[(Arc<str>, Analysis)]) -> Vec<Language> {
    let mut counts: BTreeMap<Option<&'static str>, (u64, &'static str)> = BTreeMap::new();
    for (_, analysis) in analyses {
        let sure = analysis.sure_language();
        let name = sure.map_or("uncertain", |language| language.eng_name());
        counts
            .entry(sure.map(|language| language.code()))
            .or_insert((0, name))
            .0 += 1;
    }
    let mut languages: Vec<Language> = counts
        .into_iter()
        .map(|(code, (files, name))| Language { code, name, files })
        .collect();
    // Stable, so the same number is in the order of codes.
    languages.sort_by_key(|language| std::cmp::Reverse(language.files));
    languages
}

/// The keywords of each file and of all. The terms they are chosen from are
/// given back file by file.
fn find_keywords(analyses: Vec<(Arc<str>, Analysis)>) -> (Vec<Document>, Vec<Keyword>) {
    let frequencies = Frequencies::count(analyses.iter().map(|(_, analysis)| &analysis.terms));
    let mut overall = Overall::default();
    let documents: Vec<Document> = (0..)
        .zip(analyses)
        .map(|(index, (path, mut analysis))| {
            let terms = std::mem::take(&mut analysis.terms);
            let best = frequencies.best(&terms, analysis.words);
            overall.add(index, &best);
            Document {
                path,
                keywords: Keywords::new(&best),
                analysis,
            }
        })
        .collect();
    let spelt = |file: u32, rank: u8| {
        let mut keywords = documents[file as usize].keywords.iter();
        keywords.nth(usize::from(rank)).unwrap_or_default().into()
    };
    let keywords = overall
        .best(OVERALL)
        .into_iter()
        .map(|(score, files, file, rank)| Keyword {
            term: spelt(file, rank),
            score,
            files,
        })
        .collect();
    (documents, keywords)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analyser;
    use crate::report::RunFacts;
    use std::path::Path;

    fn result(text: &str) -> Outcome {
        Outcome::Result(Analyser::new().analyse(Path::new("a.txt"), text))
    }

    fn answered(texts: &[(&str, &str)]) -> Editor {
        let mut editor = Editor::default();
        for (name, text) in texts {
            let file = editor.expect(name);
            assert!(editor.answer(file, result(text), Duration::from_millis(1)));
        }
        editor
    }

    #[test]
    fn a_second_answer_and_an_unexpected_one_are_refused() {
        let mut editor = answered(&[("a", "text")]);
        assert!(!editor.answer(0, Outcome::Failure(Reason::TimedOut), Duration::ZERO));
        assert!(!editor.answer(1, result("more"), Duration::ZERO));
        let report = editor.assemble();
        assert_eq!((report.files, report.results, report.failures), (1, 1, 0));
        assert!(report.conserved);
    }

    #[test]
    fn a_file_without_an_answer_breaks_conservation() {
        let mut editor = answered(&[("a", "text")]);
        editor.expect("lost");
        let report = editor.assemble();
        assert!(!report.conserved);
        assert_eq!(
            report.run.conservation[0],
            "files 2 = results 1 + failures 0: DOES NOT HOLD"
        );
    }

    #[test]
    fn an_interrupted_run_fails_what_is_open_and_is_conserved() {
        let mut editor = answered(&[("a", "text")]);
        editor.expect("open");
        editor.settle(&Reason::Interrupted);
        let report = editor.assemble();
        assert!(report.conserved);
        assert_eq!(report.failed[0].reason, Reason::Interrupted);
    }

    #[test]
    fn the_runtimes_own_accounts_count_too() {
        let facts = RunFacts {
            accounts_hold: false,
            ..RunFacts::default()
        };
        assert!(!answered(&[]).assemble().of_run(facts).conserved);
    }

    #[test]
    fn the_order_of_answers_does_not_show() {
        let texts = [
            (
                "b.txt",
                "Mailboxes are bounded. Every mailbox is typed and bounded.",
            ),
            (
                "a.txt",
                "Supervisors restart actors. A supervisor restarts what fails.",
            ),
            (
                "c.txt",
                "Mailboxes are bounded. Every mailbox is typed and bounded.",
            ),
        ];
        let mut turned = texts;
        turned.reverse();
        let json = |texts| {
            let report = answered(texts).assemble();
            serde_json::to_string(&report).expect("a report")
        };
        assert_eq!(json(&texts), json(&turned));
    }

    #[test]
    fn keywords_languages_and_duplicates_are_found_over_all_files() {
        let english = "The supervisor restarts the actor whenever the actor fails with a panic.";
        let german =
            "Der Aufseher startet den Akteur neu, sobald dieser wegen eines Fehlers endet.";
        let report =
            answered(&[("x", english), ("y", german), ("z", english), ("e", "")]).assemble();
        let languages: Vec<_> = report.languages.iter().map(|l| (l.code, l.files)).collect();
        assert_eq!(languages, [(Some("eng"), 2), (None, 1), (Some("deu"), 1)]);
        assert_eq!(report.duplicates.len(), 1);
        assert_eq!(&*report.duplicates[0].files[1], "z");
        assert!(
            report.documents[2]
                .keywords
                .iter()
                .any(|term| term == "aufseher")
        );
        assert!(
            report
                .keywords
                .iter()
                .any(|keyword| &*keyword.term == "actor" && keyword.files == 2)
        );
    }
}
