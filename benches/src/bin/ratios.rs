//! What must hold beside the peers, measured in one run and judged.
//!
//! ```text
//! cargo run --release -p callboard-benches --bin ratios -- [--json] [--runs N] [FILTER]
//! ```
//!
//! One line a row: callboard's median, the peer's, their ratio, what it must be
//! and whether it is. `FILTER` keeps the rows whose name contains it. Ends with
//! 1 where something that must hold does not, or could not be measured.
#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;
use std::thread;

use callboard_benches::counting::CountingAllocator;
use callboard_benches::crash::keep_quiet_about_scripted_crashes;
use callboard_benches::measure::{Finding, measure};
use callboard_benches::rows::{Row, SUBJECTS};
use callboard_benches::runtime::WORKERS;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const USAGE: &str = "usage: ratios [--json] [--runs N] [FILTER]";

struct Arguments {
    as_json: bool,
    runs: usize,
    filter: String,
}

fn main() -> ExitCode {
    let arguments = match parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(complaint) => {
            eprintln!("{complaint}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    keep_quiet_about_scripted_crashes();

    if !arguments.as_json {
        println!("{}", line("row", "ours", "peer", "ratio", "must", "holds"));
    }
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    for subject in SUBJECTS {
        let chosen: Vec<&Row> = subject
            .rows
            .iter()
            .filter(|row| subject.name_of(row).contains(&arguments.filter))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        eprintln!("{}: {}", subject.name, subject.what);
        let measured = measure(subject, &chosen, arguments.runs);
        for finding in &measured {
            if arguments.as_json {
                rows.push(entry(finding, subject.what));
            } else {
                println!("{}", text(finding));
            }
        }
        findings.extend(measured);
    }
    if findings.is_empty() {
        eprintln!("no row is called {:?}", arguments.filter);
        return ExitCode::from(2);
    }

    let missed: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.is_missed())
        .map(|finding| finding.name.as_str())
        .collect();
    if arguments.as_json {
        println!("{:#}", document(&arguments, rows, &missed));
    }
    if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        eprintln!("missed: {}", missed.join(", "));
        ExitCode::FAILURE
    }
}

fn parse(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        as_json: false,
        runs: 5,
        filter: String::new(),
    };
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--json" => arguments.as_json = true,
            "--runs" => {
                let runs = given.next().and_then(|runs| runs.parse().ok());
                arguments.runs = runs
                    .filter(|&runs| runs > 0)
                    .ok_or("--runs takes a number from 1 on")?;
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            _ if !arguments.filter.is_empty() => return Err("more than one filter".to_owned()),
            _ => arguments.filter = argument,
        }
    }
    Ok(arguments)
}

fn line(row: &str, ours: &str, peer: &str, ratio: &str, must: &str, holds: &str) -> String {
    format!("{row:<32} {ours:>12} {peer:>12} {ratio:>7} {must:>8}  {holds}")
}

fn text(finding: &Finding) -> String {
    let figure = |figure: Option<f64>| {
        figure.map_or("-".to_owned(), |figure| {
            let digits = if figure < 100.0 { 2 } else { 0 };
            format!("{figure:.digits$} {}", finding.unit)
        })
    };
    let ratio = finding
        .ratio
        .map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    let must = finding.must.map_or("-".to_owned(), |must| {
        format!("{} {must}", finding.rule.sign())
    });
    let holds = match finding.holds {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "-",
    };
    line(
        &finding.name,
        &figure(finding.ours),
        &figure(finding.peer),
        &ratio,
        &must,
        holds,
    )
}

fn entry(finding: &Finding, what: &str) -> Value {
    json!({
        "row": finding.name,
        "what": what,
        "unit": finding.unit,
        "ours": finding.ours,
        "peer": finding.peer,
        "ratio": finding.ratio,
        "is": finding.rule.sign(),
        "must": finding.must,
        "aim": finding.aim,
        "holds": finding.holds,
        "our_runs": finding.our_runs,
        "peer_runs": finding.peer_runs,
    })
}

fn document(arguments: &Arguments, rows: Vec<Value>, missed: &[&str]) -> Value {
    json!({
        "runs": arguments.runs,
        "workers": WORKERS,
        "cores": thread::available_parallelism().ok().map(|cores| cores.get()),
        "os": env::consts::OS,
        "arch": env::consts::ARCH,
        "ractor_cluster": cfg!(feature = "ractor-cluster"),
        "optimised": !cfg!(debug_assertions),
        "rows": rows,
        "missed": missed,
    })
}
