//! One run: find the files, send them along the line, compare, report.

use std::io::{self, Write};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use callboard::prelude::*;
use callboard::supervision::Interrupt;
use callboard::testing::quiet_panics;

use crate::args::Args;
use crate::common::cli::{interrupted, say};
use crate::common::progress::Progress;
use crate::common::scan::{self, Sighting};
use crate::corpus::{Compared, Corpus};
use crate::duplicates;
use crate::line::{Staff, comparison, panel, way};
use crate::page::{Found, Unreviewed};
use crate::report::{Report, is_ours};

/// Files in one review; a larger tree is reviewed in parts.
const MOST_FILES: usize = 200_000;

/// Files under way in a calm run, for each core.
const FILES_PER_CORE: usize = 4;

/// Files under way under chaos: most of them wait for a worker that hangs, which
/// costs time and nothing else.
const FILES_UNDER_CHAOS: usize = 64;

/// After an interrupt, the time for files in hand.
const GRACE: Duration = secs(2);

/// What a run came to: the report, which is the same for the same tree, and what
/// is not.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) report: Report,
    pub(crate) interrupt: Option<Interrupt>,
    pub(crate) seconds: f64,
    /// Workers that were started again.
    pub(crate) restarts: u64,
    /// Whether all files and all messages between actors are accounted for.
    pub(crate) is_conserved: bool,
    messages: String,
}

/// Reviews what `args` ask for.
pub(crate) async fn run(args: &Args) -> Result<Ran, BoxError> {
    if args.chaos.is_on() {
        quiet_panics();
    }
    let config = SystemConfig::default()
        .seed(args.chaos.seed)
        // Each attempt has a deadline of its own.
        .ask_deadline(None)
        .restart_budget(None);
    let system = System::with("review", config);
    let began = system.now();
    let mut ctrl_c = pin!(interrupted(&system));

    let (mut corpus, mut interrupt) = walk(args, ctrl_c.as_mut()).await?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let most = match args.chaos.is_on() {
        true => FILES_UNDER_CHAOS,
        false => FILES_PER_CORE * cores,
    };
    let staff = Staff::hire(&system, cores.min(most)..=most, args.chaos).await?;
    if interrupt.is_none() {
        interrupt = review(&system, &staff, most, &mut corpus, ctrl_c.as_mut()).await?;
    }
    let mut compared = Compared::Not("the review was interrupted".to_owned());
    if interrupt.is_none() {
        // An interrupt is looked for first: whoever asks for the end gets it.
        tokio::select! {
            biased;
            caught = ctrl_c => interrupt = Some(caught),
            found = compare(&system, &staff, &corpus) => compared = found?,
        }
    }
    let seconds = (system.now() - began).as_secs_f64();
    let restarts = system.restarts();
    let ended = system.shutdown(secs(5)).await?;
    let directory = args.dir.display().to_string();
    let report = corpus.report(directory, compared, interrupt.is_some());
    Ok(Ran {
        is_conserved: report.files.conserved() && ended.counts.is_conserved(),
        report,
        interrupt,
        seconds,
        restarts,
        messages: ended.counts.to_string(),
    })
}

/// Finds the files; after an interrupt, those that were found until then.
async fn walk(
    args: &Args,
    ctrl_c: Pin<&mut impl Future<Output = Interrupt>>,
) -> Result<(Corpus, Option<Interrupt>), BoxError> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut walk = {
        let (dir, out, stop) = (args.dir.clone(), args.out.clone(), Arc::clone(&stop));
        tokio::task::spawn_blocking(move || find(&dir, &out, &stop))
    };
    tokio::select! {
        biased;
        interrupt = ctrl_c => {
            stop.store(true, Ordering::Relaxed);
            Ok((walk.await?, Some(interrupt)))
        }
        walked = &mut walk => Ok((walked?, None)),
    }
}

/// Sends all files along the line. After an interrupt no more are sent, and those
/// under way have a moment.
async fn review(
    system: &System,
    staff: &Staff,
    most: usize,
    corpus: &mut Corpus,
    ctrl_c: Pin<&mut impl Future<Output = Interrupt>>,
) -> Result<Option<Interrupt>, BoxError> {
    let panel = panel(staff.reviewers.clone()).requests(most);
    let panel = panel.start(system, "panel").await?;
    let line = way(("read", staff.readers.clone()), ("review", panel)).concurrency(most);
    let line = line.start(system).await?;

    let files = corpus.to_review();
    let expected = u32::try_from(files.len()).unwrap_or(u32::MAX);
    let mut progress = Progress::new();
    progress.expect(expected);
    let mut done = 0;
    let stop = AtomicBool::new(false);
    let files = files.into_iter();
    let files = files.take_while(|_| !stop.load(Ordering::Relaxed));
    let interrupt = {
        let reviewing = line.stream(files).concurrency(most);
        let mut reviewing = pin!(reviewing.for_each(|at, outcome| {
            corpus.take(at, outcome);
            done += 1;
            progress.at(expected, done);
        }));
        let interrupt = tokio::select! {
            biased;
            interrupt = ctrl_c => Some(interrupt),
            () = &mut reviewing => None,
        };
        if interrupt.is_some() {
            say("interrupted, finishing the files in hand");
            stop.store(true, Ordering::Relaxed);
            let _ = tokio::time::timeout(GRACE, reviewing).await;
        }
        interrupt
    };
    progress.finish(expected, done);
    Ok(interrupt)
}

/// Looks for copies across all files.
async fn compare(system: &System, staff: &Staff, corpus: &Corpus) -> Result<Compared, StartError> {
    let (prints, left_out) = duplicates::bounded(corpus.prints());
    let comparison = comparison(staff.comparers.clone());
    let comparison = comparison.start(system, "comparison").await?;
    Ok(match comparison.ask(duplicates::shards(prints)).await {
        Ok(served) => Compared::All(duplicates::copies(served.value), left_out),
        Err(fault) => Compared::Not(fault.to_string()),
    })
}

/// The files below `dir`, until somebody says stop.
fn find(dir: &Path, out: &Path, stop: &AtomicBool) -> Corpus {
    let mut corpus = Corpus::default();
    for sighting in scan::scan(dir, out, is_ours) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if corpus.len() >= MOST_FILES {
            corpus.cut_at(MOST_FILES);
            break;
        }
        match sighting {
            Sighting::File(found) => corpus.find(Found {
                name: tidy(&found.name),
                path: found.path,
                tries: Default::default(),
            }),
            Sighting::Failure(found, reason) => {
                corpus.leave(tidy(&found.name), Unreviewed::from(reason));
            }
            Sighting::Link(_) => corpus.note_link(),
        }
    }
    corpus.sort();
    corpus
}

/// Names are the same on every system.
fn tidy(name: &str) -> Arc<str> {
    match cfg!(windows) {
        true => name.replace('\\', "/").into(),
        false => name.into(),
    }
}

impl Ran {
    /// The one object that `--json` prints.
    pub(crate) fn brief(&self) -> serde_json::Value {
        let files = &self.report.files;
        serde_json::json!({
            "files": files.found,
            "reviewed": files.reviewed,
            "skipped": files.skipped,
            "failed": files.failed,
            "findings": self.report.findings(),
            "copies": self.report.copies.len(),
            "restarts": self.restarts,
            "seconds": self.seconds,
            "interrupted": self.interrupt.is_some(),
            "conserved": self.is_conserved,
        })
    }

    /// How the run went. The last line is the account.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let report = &self.report;
        let files = &report.files;
        writeln!(
            out,
            "findings {}, lines {}, copies {}",
            report.findings(),
            files.lines,
            report.copies.len(),
        )?;
        for worst in report.worst().take(5) {
            writeln!(out, "  {:5}  {}", worst.score, worst.path)?;
        }
        let (failed, not_reached) = report.failures();
        for failed in failed.iter().take(10) {
            writeln!(out, "failed: {}: {}", failed.path, failed.reason)?;
        }
        if self.interrupt.is_some() {
            writeln!(out, "files that were not reached: {not_reached}")?;
            writeln!(
                out,
                "interrupted: the reports say what was reviewed until then"
            )?;
        }
        let per_second = files.reviewed as f64 / self.seconds.max(1e-6);
        writeln!(
            out,
            "took {:.2} s ({per_second:.0} files/s), workers restarted {}",
            self.seconds, self.restarts
        )?;
        writeln!(out, "messages {}", self.messages)?;
        writeln!(out, "{}", files.account(self.is_conserved))
    }
}
