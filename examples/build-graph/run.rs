//! One run: the graph of tasks, the runners behind it, and how it ends.
//!
//! ```text
//!  graph ─ task ─▶ retrier ─▶ runners ─┬─ runner-0 ─▶ command
//!    │               tries again        └─ runner-1 ─▶ command
//!    │               what runners lose
//!    └─ tries again commands that fail, as often as the file says
//!                          all of them ─── news ───▶ board ─▶ report
//! ```

use std::num::NonZeroUsize;
use std::thread;

use callboard::coordination::graph::OnFailure;
use callboard::policy::retry::Retry;
use callboard::prelude::*;
use callboard::supervision::Interrupt;
use callboard::testing::quiet_panics;

use crate::args::Args;
use crate::board::{Board, News};
use crate::common::cli::{interrupted, say};
use crate::plan::Plan;
use crate::report::Report;
use crate::runner::{Runner, doer};

/// Runners that a task may lose before it is a failure.
const RUNNERS: u32 = 10;

/// The wait for another runner.
const PAUSE: Duration = ms(5);

/// Runs the tasks of `plan`. Also says what interrupted it, if anything did.
pub(crate) async fn run(args: &Args, plan: &Plan) -> Result<(Report, Option<Interrupt>), BoxError> {
    if args.chaos.is_on() {
        quiet_panics();
    }
    let config = SystemConfig::default()
        .seed(args.chaos.seed)
        // A command takes as long as it takes, and as its timeout says.
        .ask_deadline(None)
        .restart_budget(None);
    let system = System::with("build-graph", config);
    // What it knows is the run, so it does not begin anew.
    let board = ChildSpec::new("board", Board::default).restart(Restart::Temporary);
    let board = system.spawn(board.mailbox(256)).await?;

    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok());
    let jobs = jobs.map_or(1, NonZeroUsize::get).min(plan.steps.len());
    let make = {
        let (chaos, board) = (args.chaos, board.clone());
        move || Runner {
            chaos,
            board: board.clone(),
        }
    };
    let runners = Pool::new("runners", jobs..=jobs, make)
        .intensity(10_000, secs(1))
        .shutdown(After(ms(500)))
        .start(&system)
        .await?;
    let retrier = Retrier::new("runners", Retry::constant(PAUSE).attempts(RUNNERS));
    let runners = retrier.seeded(args.chaos.seed).guard(&runners.worker());

    let on_failure = match args.keep_going {
        true => OnFailure::GoOn,
        false => OnFailure::Stop,
    };
    let tasks = plan
        .graph(|step| doer(step, &runners, &board))
        .concurrency(jobs)
        .on_failure(on_failure)
        .build()?
        .start(&system)
        .await?;

    let began = system.now();
    // An interrupt is looked for first: whoever asks for the end gets it.
    let interrupt = tokio::select! {
        biased;
        interrupt = interrupted(&system) => Some(interrupt),
        // What came of it is on the board, also where it was stopped.
        _ = tasks.ask(()) => None,
    };
    let seconds = (system.now() - began).as_secs_f64();
    if interrupt.is_some() {
        say("interrupted, killing the commands under way");
    }
    let entries = board
        .ask(News::Read)
        .await
        .map_err(|error| format!("the board is gone, and with it the report: {error}"))?;
    // Ends the runners, and with them the commands that nobody waits for.
    let ended = system.shutdown(secs(5)).await?;
    let is_kept = ended.counts.is_conserved();
    let report = Report::new(plan, &entries, seconds, interrupt.is_some());
    let report = report.of_system(system.restarts(), is_kept);
    Ok((report, interrupt))
}
