//! The summary service on a port.
//!
//! ```text
//! cargo run --release -p callboard-apps --bin service -- --workers 8 --work 20
//! curl -d '{"text": "..."}' -H 'content-type: application/json' localhost:8080/summarize
//! ```
//!
//! It ends with Ctrl-C or SIGTERM and exit code 0, having finished what it
//! accepted. Exit code 1: it could not run, for example since the port is taken.
//! Exit code 2: wrong arguments or settings.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use callboard::prelude::*;
use callboard::testing::quiet_panics;
use callboard_apps::service::{InvalidSettings, Report, RunError, Server, Settings};
use clap::Parser;

/// Sums up texts over HTTP, and keeps its answers quick when too many ask.
#[derive(Debug, Parser)]
#[command(name = "service")]
struct Args {
    /// Settings as JSON; what is given here beside it counts more.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// How many workers there are [default: 8]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,

    /// How long each job takes on top: milliseconds, or with a unit [default: 20]
    #[arg(long, value_name = "TIME", value_parser = millis)]
    work: Option<Duration>,

    /// The share of jobs that crash their worker, 0 to 1 [default: 0]
    #[arg(long, value_name = "SHARE")]
    crash: Option<f64>,

    /// Which of them do [default: 0]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// How long accepted requests may take at the end: seconds, or with a unit
    /// [default: 10]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    grace: Option<Duration>,
}

impl Args {
    fn settings(self) -> Result<Settings, InvalidSettings> {
        let mut settings = match &self.config {
            Some(file) => Settings::load(file)?,
            None => Settings::default(),
        };
        settings.listen = self.listen.unwrap_or(settings.listen);
        settings.workers = self.workers.unwrap_or(settings.workers);
        settings.work = self.work.unwrap_or(settings.work);
        settings.crash = self.crash.unwrap_or(settings.crash);
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.grace = self.grace.unwrap_or(settings.grace);
        settings.validate()?;
        Ok(settings)
    }
}

fn millis(text: &str) -> Result<Duration, String> {
    duration(text, ms)
}

fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, secs)
}

fn duration(text: &str, of: fn(u64) -> Duration) -> Result<Duration, String> {
    if let Ok(number) = text.parse() {
        return Ok(of(number));
    }
    humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let settings = match Args::parse().settings() {
        Ok(settings) => settings,
        Err(error) => return complain(&error, 2),
    };
    if settings.crash > 0.0 {
        quiet_panics();
    }
    match serve(settings) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => complain(&*error, 1),
    }
}

fn serve(settings: Settings) -> Result<Report, BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served: Result<Report, RunError> = runtime.block_on(async {
        let server = Server::bind(settings).await?;
        let system = server.service().system().clone();
        let stop = async move {
            if let Err(error) = system.interrupted().await {
                eprintln!("service: it can only be killed: {error}");
                std::future::pending::<()>().await;
            }
        };
        let is_up = |address| println!("ready on http://{address}");
        server.run(stop, is_up).await
    });
    // Whoever did not end in time is not waited for.
    runtime.shutdown_background();
    Ok(served?)
}

/// One line with all causes.
fn complain(error: &dyn Error, code: u8) -> ExitCode {
    let mut line = format!("service: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(&format!(": {error}"));
        cause = error.source();
    }
    eprintln!("{line}");
    ExitCode::from(code)
}
