//! Loads the summary service, and says how it stood it.
//!
//! ```text
//! cargo run --release -p callboard-apps --bin load -- --rate 1200 --for 10s
//! ```
//!
//! Exit code 1: nothing was answered. Exit code 2: wrong arguments.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use callboard_apps::load::{Client, Plan, open_loop};
use clap::Parser;
use clap::error::ErrorKind;
use humantime_serde::re::humantime::parse_duration;

const TEXT: &str = "A queue in front of something that is too slow makes everybody wait. \
     Nobody waits for the answers any more when they come. A bounded queue makes few wait, and \
     tells the others at once. The others can come again, or ask somebody else.";

/// Sends texts to be summed up, at times that are fixed in advance.
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Args {
    /// Who is asked.
    #[arg(default_value = "127.0.0.1:8080")]
    server: SocketAddr,

    /// Requests per second, on average.
    #[arg(long, value_name = "N", default_value = "100", value_parser = rate)]
    rate: f64,

    /// For how long.
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    lasts: Duration,

    /// What the times are drawn from; the same seed, the same times.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,

    /// How long an answer is waited for.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,

    /// The text to be summed up, in place of a short one.
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,

    /// Print one JSON object in place of a table.
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    match rate.is_finite() && rate > 0.0 {
        true => Ok(rate),
        false => Err("it must be positive".to_owned()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let text = match &args.text {
        None => TEXT.to_owned(),
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                let words = format!("cannot read {}: {error}\n", file.display());
                clap::Error::raw(ErrorKind::Io, words).exit()
            }
        },
    };
    let body = Bytes::from(serde_json::json!({ "text": text }).to_string());
    let client = Client::new(args.server, args.timeout);
    let plan = Plan::new(args.rate, args.lasts).seed(args.seed);
    let report = open_loop(&plan, || {
        let (client, body) = (client.clone(), body.clone());
        async move { client.post("/summarize", body).await }
    })
    .await;
    match args.json {
        false => println!("{report}"),
        true => match serde_json::to_string(&report) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("load: {error}"),
        },
    }
    match report.accepted.count + report.refused.count {
        0 => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
