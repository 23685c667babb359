//! A crew of actors that reads every text file under a directory and writes
//! `crew-report.md` and `crew-report.json`.
//!
//! ```text
//! cargo run --release --example crew -- [DIR] [--chaos P --seed S] [--json]
//! ```

mod analysis;
mod args;
mod baseline;
#[allow(dead_code, reason = "the actors that are disturbed come next")]
mod chaos;
mod check;
mod duplicates;
mod editor;
mod hash;
mod keywords;
mod links;
mod markdown;
mod progress;
mod publish;
mod read;
mod report;
mod scan;
mod stopwords;
mod summary;
#[cfg(test)]
mod testing;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::progress::say;
use crate::report::Report;

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

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

fn work(args: &Args) -> io::Result<ExitCode> {
    // Before the work rather than after it, if it cannot be.
    std::fs::create_dir_all(&args.out)?;
    if !args.baseline {
        return Err(io::Error::other(
            "the actors are not hired yet, use --baseline",
        ));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(baseline::run(args));
    let paths = report.publish(&args.out)?;
    show(args, &report);
    for path in paths {
        say(&format!("wrote {}", path.display()));
    }
    Ok(if !report.conserved {
        ExitCode::FAILURE
    } else if report.run.interrupted {
        ExitCode::from(INTERRUPTED)
    } else {
        ExitCode::SUCCESS
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
