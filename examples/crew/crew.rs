//! The crew at work: who there is, how they are supervised, and how a run ends.
//!
//! ```text
//!  crew ─┬─ editor                            hears of files, takes outcomes, assembles
//!        ├─ checker                           looks at every answer
//!        ├─ analysts ─┬─ members ─ member-0.. an elastic pool behind a breaker
//!        │            └─ manager
//!        ├─ scout                             walks the directory when asked to
//!        └─ readers ─── reader-0..            see to one file after another
//!
//!                    ┌── found ──────────────────────────────▶ editor
//!  scout ◀── more? ── reader ── attempt ──▶ breaker ▶ analysts    ▲
//!                       ├───── right? ────▶ checker               │
//!                       └───── outcome ───────────────────────────┘
//! ```
//!
//! Everybody who works on a file waits for somebody, and whoever is waited for
//! answers, fails or runs out of time. A run is over when all readers have
//! ended, whatever became of files: those without an outcome are failures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use callboard::actor::DeadReason;
use callboard::prelude::*;
use callboard::supervision::{Interrupt, Node};
use tokio::sync::Semaphore;

use crate::analyst::{self, Analyst};
use crate::args::Args;
use crate::checker::Checker;
use crate::desk::{Desk, News};
use crate::editor::Editor;
use crate::progress::Progress;
use crate::read::Reason;
use crate::reader::{self, Reader};
use crate::report::{Report, RunFacts, is_ours};
use crate::scan;
use crate::scout::Scout;

/// Readers in a calm run, for each core: one reads while another's analyst works.
const READERS_PER_CORE: usize = 2;

/// Readers under chaos. Many of them wait for an analyst that hangs, which
/// costs time and nothing else.
const READERS_UNDER_CHAOS: usize = 128;

/// Large files in memory at a time.
const LARGE: usize = 4;

/// Time for an attempt at a small file. It takes a millisecond, but the machine
/// may have other things to do.
const PATIENCE: Duration = secs(30);

/// The same where analysts hang on purpose.
const PATIENCE_UNDER_CHAOS: Duration = ms(250);

/// After an interrupt, the time for files in hand.
const GRACE: Duration = secs(1);

/// Dead letters kept to count them by reason.
const LETTERS: usize = 20_000;

/// Siblings alike that are shown one by one.
const SHOWN: usize = 8;

/// Has the crew read, analyse and report what `args` ask for. Also says what
/// interrupted it, if anything did.
pub(crate) async fn run(args: &Args) -> Result<(Report, Option<Interrupt>), BoxError> {
    let is_chaos = args.chaos.is_on();
    if is_chaos {
        analyst::quieten_chaos();
    }
    let config = SystemConfig::default()
        .seed(args.chaos.seed)
        .dead_letters(LETTERS);
    let system = System::with("crew", config);
    let start = system.now();
    let crew = Crew::hire(&system, args).await?;

    let interrupt = tokio::select! {
        () = crew.finished() => None,
        Ok(interrupt) = system.interrupted() => Some(interrupt),
    };
    if interrupt.is_some() {
        for reader in &crew.readers {
            reader.stop();
        }
        // Who is still at it then is ended with the system.
        let _ = tokio::time::timeout(GRACE, crew.finished()).await;
    }
    let seconds = (system.now() - start).as_secs_f64();

    let rest = match interrupt {
        Some(_) => Reason::Interrupted,
        None => Reason::Crashed("its reader broke down".into()),
    };
    // It takes as long as it takes.
    let report = crew
        .editor
        .ask(|reply_to| News::Assemble { rest, reply_to })
        .no_deadline()
        .await
        .map_err(|error| format!("the editor broke down, and with it the report: {error}"))?;
    // A scout that is gone has not seen everything.
    let is_whole = !crew.scout.is_closed();
    let tree = fold(system.tree());
    let mut drawing: Vec<String> = tree.to_string().lines().map(str::to_owned).collect();
    drawing.extend(crew.analysts.breaker().map(drawn));
    let ended = system.shutdown(secs(5)).await?;
    let report = report.of_run(RunFacts {
        mode: "crew",
        directory: args.dir.display().to_string(),
        interrupted: interrupt.is_some(),
        seconds,
        restarts: restarts(&tree) + crew.analyst_restarts.load(Ordering::Relaxed),
        tree: drawing,
        dead_letters: dead_letters(&system),
        accounts: vec![format!("messages {}", ended.counts)],
        accounts_hold: is_whole && ended.counts.is_conserved(),
    });
    Ok((report, interrupt))
}

/// What the run needs of those who are hired.
struct Crew {
    editor: ActorRef<News>,
    analysts: PoolRef<Analyst>,
    scout: ActorRef<crate::scout::More>,
    readers: Vec<ActorRef<reader::Errand>>,
    analyst_restarts: Arc<AtomicU64>,
}

impl Crew {
    async fn hire(system: &System, args: &Args) -> Result<Self, StartError> {
        let is_chaos = args.chaos.is_on();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let readers = match is_chaos {
            true => READERS_UNDER_CHAOS,
            false => READERS_PER_CORE * cores,
        };
        // Each account begins empty, so whoever keeps one is not restarted: a
        // run that lost it says so.
        let (dir, out) = (args.dir.clone(), args.out.clone());
        let editor = ChildSpec::new("editor", move || Desk {
            editor: Editor::default(),
            progress: Some(Progress::new()),
            dir: dir.clone(),
            out: out.clone(),
        });
        let editor = system
            .spawn(editor.restart(Restart::Temporary).mailbox(256))
            .await?;
        let checker = system.spawn(ChildSpec::new("checker", || Checker)).await?;

        let chaos = args.chaos;
        let analyst_restarts = Arc::new(AtomicU64::new(0));
        let make = {
            let restarts = Arc::clone(&analyst_restarts);
            move || Analyst::new(chaos, &restarts)
        };
        // As many as there may be readers, who each have one file in hand.
        let analysts = Pool::new("analysts", cores.min(readers)..=readers, make)
            .queue(readers)
            .intensity(10_000, secs(1))
            .breaker(
                Breaker::failure_rate(0.5)
                    .window(50)
                    .min_calls(20)
                    .open_for(ms(20))
                    .probes(4),
            )
            .start(system)
            .await?;

        let scout = {
            let (dir, out, editor) = (args.dir.clone(), args.out.clone(), editor.clone());
            let make = move || Scout {
                scan: scan::scan(&dir, &out, is_ours),
                editor: editor.clone(),
                files: 0,
            };
            ChildSpec::new("scout", make).restart(Restart::Temporary)
        };
        let scout = system.spawn(scout).await?;

        let reader = Reader {
            scout: scout.clone(),
            analysts: analysts.worker(),
            checker,
            editor: editor.clone(),
            patience: if is_chaos {
                PATIENCE_UNDER_CHAOS
            } else {
                PATIENCE
            },
            large: Arc::new(Semaphore::new(LARGE)),
        };
        let mut team = Supervisor::new("readers").intensity(10, secs(1));
        let mut refs = Vec::with_capacity(readers);
        for number in 0..readers {
            let reader = reader.clone();
            let spec = ChildSpec::new(format!("reader-{number}"), move || reader.clone())
                .restart(Restart::Transient)
                .mailbox(reader::MAILBOX);
            refs.push(spec.actor_ref());
            team = team.child(spec);
        }
        team.start(system).await?;
        Ok(Crew {
            editor,
            analysts,
            scout,
            readers: refs,
            analyst_restarts,
        })
    }

    /// Resolves when all readers have ended.
    async fn finished(&self) {
        for reader in &self.readers {
            reader.closed().await;
        }
    }
}

/// Restarts of everybody but the analysts, who count their own.
fn restarts(tree: &Node) -> u64 {
    tree.walk()
        .filter(|node| !node.path.contains("/members/"))
        .map(|node| u64::from(node.restarts))
        .sum()
}

fn dead_letters(system: &System) -> BTreeMap<String, u64> {
    let letters = system.dead_letters();
    let mut by_reason = BTreeMap::new();
    for letter in &letters.kept {
        let reason = match &letter.reason {
            DeadReason::Crashed(_) | DeadReason::Poison(_) => "crashed",
            DeadReason::Undelivered => "undelivered",
            DeadReason::Overflow => "overflow",
            DeadReason::Expired => "expired",
            _ => "other",
        };
        *by_reason.entry(reason.to_owned()).or_default() += 1;
    }
    if letters.dropped > 0 {
        by_reason.insert("no longer kept".to_owned(), letters.dropped);
    }
    by_reason
}

/// The breaker is no actor; its line comes below the tree.
fn drawn(breaker: &Breaker) -> String {
    let stats = breaker.stats();
    format!(
        "breaker before analysts [{:?}] admitted {} refused {}",
        stats.state, stats.admitted, stats.not_permitted
    )
    .to_lowercase()
}

/// The tree with crowds of siblings folded into a last line that adds them up.
fn fold(mut node: Node) -> Node {
    node.children = node.children.into_iter().map(fold).collect();
    if node.children.len() > SHOWN + 1 {
        let rest = node.children.split_off(SHOWN);
        let mut sum = rest[0].clone();
        sum.name = format!("and {} more", rest.len());
        sum.last_error = None;
        for other in &rest[1..] {
            sum.restarts += other.restarts;
            sum.depth += other.depth;
            sum.handled += other.handled;
            sum.high_water = sum.high_water.max(other.high_water);
            if other.state != sum.state {
                sum.state = "various".to_owned();
            }
        }
        node.children.push(sum);
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use clap::Parser;

    async fn report(dir: &TempDir, more: &[&str]) -> Report {
        let path = dir.path().to_str().expect("UTF-8");
        let args = ["crew", "--out", path, path];
        let args = Args::parse_from(args.iter().chain(more));
        let (report, interrupt) = run(&args).await.expect("a report");
        assert_eq!(interrupt, None);
        report
    }

    fn pages(count: usize) -> TempDir {
        let dir = TempDir::new();
        for page in 0..count {
            let text = format!("# Page {page}\n\nIt says that {page} is a number.");
            dir.file(&format!("page-{page}.md"), text.as_bytes());
        }
        dir
    }

    fn reasons(report: &Report) -> Vec<String> {
        let failed = report.failed.iter();
        failed.map(|failed| failed.reason.to_string()).collect()
    }

    #[tokio::test]
    async fn every_file_is_a_result_or_a_failure_with_its_reason() {
        let dir = pages(20);
        dir.file("image.bin", b"\x89PNG\0\0");
        dir.file("latin1.txt", b"caf\xe9");
        dir.file("large.txt", "many words ".repeat(50_000).as_bytes());
        let report = report(&dir, &[]).await;
        assert_eq!((report.files, report.results, report.failures), (23, 21, 2));
        assert_eq!(reasons(&report), ["binary", "not UTF-8 text"]);
        assert_eq!((report.restarts, report.dead_letters), (0, 0));
        assert!(report.conserved, "{:?}", report.run.conservation);
    }

    #[tokio::test]
    async fn a_crew_finds_what_the_plain_loop_finds() {
        let dir = pages(30);
        let path = dir.path().to_str().expect("UTF-8");
        let args = Args::parse_from(["crew", "--baseline", "--out", path, path]);
        let (plain, _) = crate::baseline::run(&args).await;
        let json = |report: &Report| serde_json::to_value(&report.documents).expect("JSON");
        assert_eq!(json(&report(&dir, &[]).await), json(&plain));
    }

    #[tokio::test]
    async fn an_empty_directory_is_reported_as_such() {
        let report = report(&TempDir::new(), &[]).await;
        assert_eq!(report.files, 0);
        assert!(report.conserved);
    }

    #[tokio::test]
    async fn where_every_attempt_goes_wrong_every_file_is_a_failure() {
        let report = report(&pages(12), &["--chaos", "1"]).await;
        assert_eq!((report.results, report.failures), (0, 12));
        assert!(report.conserved, "{:?}", report.run.conservation);
    }

    #[tokio::test]
    async fn the_same_seed_fails_the_same_files() {
        let dir = pages(60);
        let args = ["--chaos", "0.5", "--seed", "3"];
        let (first, second) = (report(&dir, &args).await, report(&dir, &args).await);
        let failed = |report: &Report| -> Vec<_> {
            let failed = report.failed.iter();
            failed.map(|f| (f.path.clone(), f.reason.clone())).collect()
        };
        assert!(first.failures > 0 && first.results > 0 && first.restarts > 0);
        assert_eq!(failed(&first), failed(&second));
    }

    #[tokio::test]
    async fn a_crowd_is_folded_into_its_sum() {
        let dir = pages(40);
        let report = report(&dir, &["--chaos", "0.3"]).await;
        let tree = report.run.tree.join("\n");
        assert!(tree.contains("reader-7 ["), "{tree}");
        assert!(tree.contains("and 120 more [shutdown]"), "{tree}");
        assert!(!tree.contains("reader-8 "), "{tree}");
    }
}
