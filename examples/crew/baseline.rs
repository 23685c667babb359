//! The same work in a plain bounded loop: one task finds, as many as there are
//! cores read, analyse and check, and the caller collects. It is what the
//! actors are measured against, so it uses the same functions in the same
//! order, and of the library only the name of an interrupt.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use callboard::supervision::Interrupt;
use tokio::sync::{Mutex, mpsc};

use crate::analysis::Analyser;
use crate::args::Args;
use crate::check::check;
use crate::editor::{Editor, Outcome};
use crate::progress::Progress;
use crate::read::{self, Reason};
use crate::reader::LIMIT;
use crate::report::{Report, RunFacts, is_ours};
use crate::scan::{self, Found, Link, Sighting};

/// Files that are found and not yet taken, and answers not yet collected.
const QUEUE: usize = 256;

enum Event {
    Found(Box<str>),
    Noted(Link),
    Answered(u32, Outcome, Duration),
}

/// Reads, analyses and reports what `args` ask for.
pub(crate) async fn run(args: &Args) -> (Report, Option<Interrupt>) {
    let start = Instant::now();
    let stopping = Arc::new(AtomicBool::new(false));
    let (files_tx, files_rx) = mpsc::channel::<(u32, Found)>(QUEUE);
    let (events_tx, mut events) = mpsc::channel::<Event>(QUEUE);

    let scout = {
        let (dir, out) = (args.dir.clone(), args.out.clone());
        let (events, stopping) = (events_tx.clone(), Arc::clone(&stopping));
        tokio::task::spawn_blocking(move || find(&dir, &out, &files_tx, &events, &stopping))
    };
    let files = Arc::new(Mutex::new(files_rx));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..workers {
        let (files, events) = (Arc::clone(&files), events_tx.clone());
        let stopping = Arc::clone(&stopping);
        tokio::spawn(work(files, events, stopping));
    }
    // The workers and the scout have theirs; when they end, so do the events.
    drop(events_tx);

    let mut editor = Editor::default();
    let mut progress = Progress::new();
    let mut interrupted = false;
    let interrupt = tokio::signal::ctrl_c();
    tokio::pin!(interrupt);
    loop {
        let event = tokio::select! {
            biased; // An answer that is there is taken before the end.
            event = events.recv() => event,
            Ok(()) = &mut interrupt, if !interrupted => {
                interrupted = true;
                stopping.store(true, Ordering::Relaxed);
                continue;
            }
        };
        match event {
            Some(Event::Found(name)) => {
                editor.expect(&name);
            }
            Some(Event::Noted(link)) => editor.note(link),
            Some(Event::Answered(file, outcome, latency)) => {
                editor.answer(file, outcome, latency);
            }
            None => break,
        }
        progress.at(editor.found(), editor.answered());
    }
    // It has dropped its sender already, so this only looks how it ended.
    let scanned = scout.await.is_ok();
    if interrupted {
        editor.settle(&Reason::Interrupted);
    }
    progress.finish(editor.found(), editor.answered());
    let report = editor.assemble().of_run(RunFacts {
        mode: "baseline",
        directory: args.dir.display().to_string(),
        interrupted,
        seconds: start.elapsed().as_secs_f64(),
        tree: vec![format!("a plain loop: 1 scout, {workers} workers")],
        accounts_hold: scanned,
        ..RunFacts::default()
    });
    (report, interrupted.then_some(Interrupt::CtrlC))
}

fn find(
    dir: &Path,
    out: &Path,
    files: &mpsc::Sender<(u32, Found)>,
    events: &mpsc::Sender<Event>,
    stopping: &AtomicBool,
) {
    let mut next = 0;
    for sighting in scan::scan(dir, out, is_ours) {
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        let sent = match sighting {
            Sighting::Link(link) => events.blocking_send(Event::Noted(link)).is_ok(),
            Sighting::File(found) => {
                let told = events.blocking_send(Event::Found(found.name.clone()));
                next += 1;
                told.is_ok() && files.blocking_send((next - 1, found)).is_ok()
            }
            Sighting::Failure(found, reason) => {
                let told = events.blocking_send(Event::Found(found.name));
                let failed = Event::Answered(next, Outcome::Failure(reason), Duration::ZERO);
                next += 1;
                told.is_ok() && events.blocking_send(failed).is_ok()
            }
        };
        if !sent {
            return;
        }
    }
}

async fn work(
    files: Arc<Mutex<mpsc::Receiver<(u32, Found)>>>,
    events: mpsc::Sender<Event>,
    stopping: Arc<AtomicBool>,
) {
    let mut analyser = Analyser::new();
    loop {
        let next = files.lock().await.recv().await;
        let Some((file, found)) = next else { return };
        if stopping.load(Ordering::Relaxed) {
            // Go on taking, so that the scout is not left waiting for room.
            continue;
        }
        let start = Instant::now();
        let outcome = outcome(&mut analyser, &found);
        let answered = Event::Answered(file, outcome, start.elapsed());
        if events.send(answered).await.is_err() {
            return;
        }
    }
}

fn outcome(analyser: &mut Analyser, found: &Found) -> Outcome {
    let text = match read::read(&found.path, LIMIT) {
        Ok(text) => text,
        Err(reason) => return Outcome::Failure(reason),
    };
    let analysis = analyser.analyse(&found.path, &text);
    match check(&text, &analysis) {
        Ok(()) => Outcome::Result(analysis),
        Err(invalid) => Outcome::Failure(Reason::Invalid(invalid.to_string().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use clap::Parser;

    async fn report(dir: &TempDir) -> Report {
        let path = dir.path().to_str().expect("UTF-8");
        run(&Args::parse_from([
            "crew",
            "--baseline",
            "--out",
            path,
            path,
        ]))
        .await
        .0
    }

    #[tokio::test]
    async fn every_file_is_a_result_or_a_failure_with_its_reason() {
        let dir = TempDir::new();
        dir.file("a.md", b"# A page\n\nIt links to [nothing](gone.md).");
        dir.file("sub/empty.txt", b"");
        dir.file("image.bin", b"\x89PNG\0\0");
        dir.file("latin1.txt", b"caf\xe9");
        let report = report(&dir).await;
        assert_eq!((report.files, report.results, report.failures), (4, 2, 2));
        assert!(report.conserved);
        assert_eq!(report.totals.broken_links, 1);
        let reasons: Vec<String> = report.failed.iter().map(|f| f.reason.to_string()).collect();
        assert_eq!(reasons, ["binary", "not UTF-8 text"]);
    }

    #[tokio::test]
    async fn a_second_run_does_not_read_the_reports_of_the_first() {
        let dir = TempDir::new();
        dir.file("a.txt", b"Some text.");
        let first = report(&dir).await;
        first.publish(dir.path()).expect("published");
        let json = std::fs::read(dir.path().join("crew-report.json")).expect("a report");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["documents"][0]["path"], "a.txt");
        assert_eq!(report(&dir).await.files, 1);
    }

    #[tokio::test]
    async fn an_empty_directory_is_reported_as_such() {
        let report = report(&TempDir::new()).await;
        assert_eq!(report.files, 0);
        assert!(report.conserved);
    }
}
