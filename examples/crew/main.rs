//! A crew of actors that reads every text file under a directory and writes
//! `crew-report.md` and `crew-report.json`.
//!
//! ```text
//! cargo run --release --example crew -- [DIR] [--chaos P --seed S] [--json]
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "some tests look how long work takes"
    )
)]

mod analysis;
mod analyst;
mod args;
#[expect(
    clippy::disallowed_methods,
    reason = "it is what the library is measured against"
)]
mod baseline;
mod chaos;
mod check;
mod checker;
#[path = "../common/mod.rs"]
mod common;
mod crew;
mod desk;
mod duplicates;
mod editor;
mod keywords;
mod links;
mod markdown;
mod reader;
mod report;
mod scout;
mod stopwords;
mod summary;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use callboard::prelude::BoxError;
use clap::Parser;
use common::cli::{say, what_a_shell_says};
#[cfg(test)]
use common::testing;
use common::{hash, progress, publish, read, scan};

use crate::args::Args;
use crate::report::Report;

fn main() -> ExitCode {
    let args = match Args::try_parse().and_then(Args::check) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    match work(&args) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("crew: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn work(args: &Args) -> Result<ExitCode, BoxError> {
    publish::prepare(&args.out)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let (report, interrupt) = runtime.block_on(async {
        if args.baseline {
            Ok(baseline::run(args).await)
        } else {
            crew::run(args).await
        }
    })?;
    let paths = report.publish(&args.out)?;
    show(args, &report);
    for path in paths {
        say(&format!("wrote {}", path.display()));
    }
    Ok(if report.conserved {
        ExitCode::from(interrupt.map_or(0, what_a_shell_says))
    } else {
        ExitCode::FAILURE
    })
}

/// Prints how the run went. A reader that went away is no failure of the run.
fn show(args: &Args, report: &Report) {
    let mut stdout = io::stdout().lock();
    let _ = if args.json {
        writeln!(stdout, "{}", report.brief())
    } else {
        report.write_run(&mut stdout)
    };
}
