//! Runs the example `crew` as its users do: as a program.

#[path = "../program/mod.rs"]
mod program;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use program::Dir;
use serde_json::Value;

fn crew() -> Command {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| program::build("crew"));
    program::command(&PROGRAM)
}

/// A directory to read and one to write, removed when the test ends.
struct Place(Dir);

impl Place {
    /// With so many files to read.
    fn of(files: usize) -> Self {
        let place = Place(Dir::new());
        for file in 0..files {
            let text = format!(
                "# Page {file}\n\nThe supervisor restarts actor {file} when it fails. \
                 See [the next](page-{}.md).\n",
                file + 1
            );
            place.write(&format!("d{}/page-{file}.md", file % 7), text.as_bytes());
        }
        fs::create_dir_all(place.tree()).expect("a directory to read");
        place
    }

    fn tree(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn write(&self, name: &str, content: &[u8]) {
        self.0.write(&format!("tree/{name}"), content);
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = crew();
        command
            .arg(self.tree())
            .arg("--out")
            .arg(self.out())
            .args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the crew runs")
    }

    fn markdown(&self) -> String {
        self.0.read("out/crew-report.md")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.0.read("out/crew-report.json")).expect("JSON")
    }
}

/// What `--json` printed, which must be one object and nothing else.
fn brief(output: &Output) -> Value {
    let text = str::from_utf8(&output.stdout).expect("UTF-8");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    let brief: Value = serde_json::from_str(text).expect("one JSON object");
    for field in ["files", "results", "failures", "restarts", "dead_letters"] {
        assert!(brief[field].is_u64(), "{field} in {text}");
    }
    assert!(brief["conserved"].is_boolean(), "{text}");
    assert!(brief["seconds"].is_f64(), "{text}");
    brief
}

fn number(brief: &Value, field: &str) -> u64 {
    brief[field].as_u64().expect("an integer")
}

#[test]
fn a_calm_run_finds_everything_and_loses_nothing() {
    let place = Place::of(60);
    place.write("binary.dat", b"\x00\x01\x02");
    let output = place.run(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let brief = brief(&output);
    assert_eq!(
        ["files", "results", "failures", "restarts", "dead_letters"].map(|f| number(&brief, f)),
        [61, 60, 1, 0, 0]
    );
    assert_eq!(brief["conserved"], true);
    assert!(place.markdown().contains("| binary.dat | binary |"));
    assert_eq!(place.json()["documents"].as_array().map(Vec::len), Some(60));
}

#[test]
fn people_are_shown_the_tree_and_the_line_that_balances() {
    let output = Place::of(3).run(&[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "crew [ready]",
        "scout [ready]",
        "reader-0 [",
        "member-0 [ready]",
        "throughput",
        "latency",
        "files 3 = results 3 + failures 0: holds",
        "(balances; rejected 0)",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn under_chaos_every_file_ends_in_the_report() {
    let place = Place::of(150);
    let output = place.run(&["--json", "--chaos", "0.5", "--seed", "7"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let first = brief(&output);
    assert_eq!(first["conserved"], true);
    assert_eq!(number(&first, "files"), 150);
    assert_eq!(number(&first, "results") + number(&first, "failures"), 150);
    assert!(number(&first, "restarts") > 0, "some panicked");
    assert!(number(&first, "failures") > 0, "some failed three times");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!errors.contains("panicked"), "scripted, so quiet: {errors}");

    let report = place.json();
    let reasons: Vec<&str> = report["failed"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|failed| failed["reason"].as_str())
        .collect();
    assert_eq!(reasons.len() as u64, number(&first, "failures"));
    for kind in ["timed out", "crashed: ", "invalid answer: "] {
        assert!(reasons.iter().any(|r| r.starts_with(kind)), "{reasons:?}");
    }
}

#[test]
fn reports_are_never_read_as_input() {
    let place = Place::of(5);
    let tree = place.tree();
    let run = || {
        let output = crew()
            .current_dir(&tree)
            .arg("--json")
            .output()
            .expect("the crew runs");
        number(&brief(&output), "files")
    };
    assert_eq!(run(), 5);
    assert!(tree.join("crew-report.md").exists(), "where it was started");
    assert_eq!(run(), 5);
}

#[test]
fn bad_arguments_end_with_2_and_without_a_report() {
    let place = Place::of(1);
    for args in [&["--chaos", "2"][..], &["--seed", "x"], &["--nonsense"]] {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let missing = crew().arg(place.tree().join("missing")).output();
    assert_eq!(missing.expect("the crew runs").status.code(), Some(2));
    assert!(!place.out().exists());
}

#[test]
fn a_place_that_cannot_be_written_is_a_failure_that_names_it() {
    let place = Place::of(1);
    place.write("file", b"text");
    let out = place.tree().join("file").join("out");
    let output = crew().arg(place.tree()).arg("--out").arg(&out).output();
    let output = output.expect("the crew runs");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains(&*out.to_string_lossy()), "{errors}");
}

/// Sends a signal to a crew that is at work, and checks how it ends.
#[cfg(unix)]
fn interrupt(signal: &str, code: i32) {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    // Every attempt fails, so this takes a minute if nobody interrupts it.
    let place = Place::of(4_000);
    let mut child = place
        .command(&["--json", "--chaos", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the crew starts");
    // It says how far it is as soon as there is something to say.
    let errors = child.stderr.take().expect("piped");
    let mut errors = BufReader::new(errors).lines();
    let progress = errors.next().expect("a line").expect("UTF-8");
    assert!(progress.contains("files found so far"), "{progress}");

    program::send(signal, child.id());
    let rest: Vec<String> = errors.map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("the crew ends");
    assert_eq!(output.status.code(), Some(code), "{rest:?}");
    let brief = brief(&output);
    assert_eq!(brief["conserved"], true);
    assert_eq!(brief["interrupted"], true);
    assert!(number(&brief, "files") < 4_000);
    assert!(place.markdown().contains("interrupted"));
    assert_eq!(place.json()["files"], brief["files"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130_and_the_reports() {
    interrupt("-INT", 130);
}

#[cfg(unix)]
#[test]
fn a_termination_ends_with_143_and_the_reports() {
    interrupt("-TERM", 143);
}
