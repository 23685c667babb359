//! Reviews a source tree and writes `review.md`, `review.json` and `review.mmd`.
//!
//! ```text
//! cargo run --release --example review -- DIR [--out DIR] [--chaos P --seed S] [--json]
//! ```
//!
//! Every text file goes through a pipeline: it is read, then reviewed by five
//! pools of reviewers side by side, and what they say is put together. When all
//! files are through, copies are looked for across all of them.
//!
//! The same tree gives the same reports, to the byte, whatever was finished first
//! and whoever crashed on the way; how the run went is printed, not written.
//!
//! Exit code 0: every file was reviewed or skipped for a reason. 1: some could
//! not be, or the reports not written. 2: wrong arguments. 130: interrupted; the
//! reports say what was reviewed until then. What is found changes nothing: a
//! review is no gate.

mod args;
#[path = "../common/mod.rs"]
mod common;
mod corpus;
mod drawing;
mod duplicates;
mod finding;
mod language;
mod line;
mod markdown;
mod page;
mod report;
mod reviewers;
mod run;
mod source;
mod staff;

use std::io::{self, Write};
use std::process::ExitCode;

use callboard::prelude::*;
use clap::Parser;

use crate::args::Args;
use crate::common::cli::{say, what_a_shell_says};
use crate::common::publish;
use crate::run::Ran;

fn main() -> ExitCode {
    let args = match Args::try_parse().and_then(Args::check) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    match work(&args) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("review: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn work(args: &Args) -> Result<ExitCode, BoxError> {
    publish::prepare(&args.out)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ran = runtime.block_on(run::run(args))?;
    for path in ran.report.publish(&args.out)? {
        say(&format!("wrote {}", path.display()));
    }
    show(args, &ran);
    let is_well = ran.is_conserved && ran.report.is_complete;
    Ok(ExitCode::from(match ran.interrupt {
        Some(interrupt) => what_a_shell_says(interrupt),
        None => u8::from(!is_well),
    }))
}

/// Prints how the run went. A reader that went away is no failure of the run.
fn show(args: &Args, ran: &Ran) {
    let mut stdout = io::stdout().lock();
    let _ = if args.json {
        writeln!(stdout, "{}", ran.brief())
    } else {
        ran.write(&mut stdout)
    };
}
