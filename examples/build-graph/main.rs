//! Runs the commands of a TOML file, each after those that it needs and as many
//! side by side as may be.
//!
//! ```text
//! cargo run --release --example build-graph -- examples/build-graph/sample.toml
//! ```
//!
//! Exit code 0: all tasks are done. 1: some are not. 2: wrong arguments, or a file
//! that describes no graph. 130: interrupted; commands under way were killed, and
//! what was done is reported.

mod args;
mod board;
mod command;
#[path = "../common/mod.rs"]
mod common;
mod nearest;
mod plan;
mod recipe;
mod report;
mod run;
mod runner;
mod show;
mod tail;

use std::io::{self, Write};
use std::process::ExitCode;

use callboard::prelude::*;
use callboard::supervision::Interrupt;
use clap::Parser;

use crate::args::Args;
use crate::common::cli::{say, what_a_shell_says};
use crate::common::publish;
use crate::plan::Plan;
use crate::report::Report;

/// What wrong arguments end with, and files that describe no graph.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let plan = match Plan::load(&args.file) {
        Ok(plan) => plan,
        Err(error) => {
            say(&format!("build-graph: {}: {error}", args.file.display()));
            return ExitCode::from(WRONG_USAGE);
        }
    };
    match work(&args, &plan) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("build-graph: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn work(args: &Args, plan: &Plan) -> Result<ExitCode, BoxError> {
    if let Some(file) = &args.mermaid {
        // Better known before the work than after it.
        publish::prepare(publish::parent(file))?;
    }
    if args.dry_run {
        draw(args, &plan.mermaid())?;
        // A reader that went away is no failure.
        let _ = show::plan(&mut io::stdout().lock(), plan, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let (report, interrupt) = runtime.block_on(run::run(args, plan))?;
    draw(args, &report.mermaid)?;
    let _ = match args.json {
        true => writeln!(io::stdout(), "{}", report.json()),
        false => show::report(&mut io::stdout().lock(), &report),
    };
    Ok(ExitCode::from(code(&report, interrupt)))
}

fn draw(args: &Args, mermaid: &str) -> io::Result<()> {
    let Some(file) = &args.mermaid else {
        return Ok(());
    };
    publish::publish_at(file, |out| out.write_all(mermaid.as_bytes()))?;
    say(&format!("wrote {}", file.display()));
    Ok(())
}

fn code(report: &Report, interrupt: Option<Interrupt>) -> u8 {
    match interrupt {
        Some(interrupt) => what_a_shell_says(interrupt),
        None => u8::from(!report.is_complete()),
    }
}
