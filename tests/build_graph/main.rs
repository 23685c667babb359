//! Runs the example `build-graph` as its users do: as a program.
#![cfg(unix)]

#[path = "../program/mod.rs"]
mod program;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use program::Dir;
use serde_json::Value;

const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/build-graph/sample.toml"
);

fn build_graph() -> Command {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| program::build("build-graph"));
    program::command(&PROGRAM)
}

fn run(file: impl AsRef<Path>, args: &[&str]) -> Output {
    let mut command = build_graph();
    command.arg(file.as_ref()).args(args);
    command.output().expect("it runs")
}

fn json(output: &Output) -> Value {
    let text = str::from_utf8(&output.stdout).expect("UTF-8");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    serde_json::from_str(text).expect("one JSON object")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn task<'a>(report: &'a Value, name: &str) -> &'a Value {
    let tasks = report["tasks"].as_array().expect("a list");
    let found = tasks.iter().find(|task| task["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {report}"))
}

fn outcome<'a>(report: &'a Value, name: &str) -> &'a str {
    task(report, name)["outcome"].as_str().expect("a word")
}

/// A file of tasks in a directory of its own.
fn file(text: &str) -> (Dir, PathBuf) {
    let dir = Dir::new();
    let path = dir.write("tasks.toml", text.as_bytes());
    (dir, path)
}

#[test]
fn the_sample_is_built_with_as_much_side_by_side_as_can_be() {
    let dir = Dir::new();
    let drawing = dir.path().join("graph.mmd");
    let args = ["--jobs", "3", "--json", "--mermaid"];
    let drawn = drawing.to_str().expect("UTF-8");
    let output = run(SAMPLE, &[&args[..], &[drawn]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json(&output);
    assert_eq!(report["conserved"], true);
    assert_eq!(report["counts"]["done"], 8);
    assert_eq!(task(&report, "test")["attempts"], 2, "the first one fails");
    let path = [
        "configure",
        "generate",
        "compile-core",
        "link",
        "test",
        "package",
    ];
    assert_eq!(report["critical_path"], serde_json::json!(path));
    let seconds = |field: &str| report[field].as_f64().expect("a number");
    assert!(
        seconds("critical_seconds") <= seconds("seconds"),
        "{report}"
    );
    assert!(seconds("critical_seconds") < seconds("sequential_seconds"));
    let drawing = dir.read("graph.mmd");
    for part in [
        "flowchart TD",
        "class t0 done",
        "class t0 critical",
        "linkStyle",
    ] {
        assert!(drawing.contains(part), "{part} in {drawing}");
    }
}

#[test]
fn people_are_shown_a_table_the_path_and_the_line_that_balances() {
    let output = run(SAMPLE, &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "task           outcome  attempts  seconds",
        "critical path (*): configure -> generate -> compile-core",
        "one after the other",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    let last = text.lines().last();
    let balance = "tasks 8 = done 8 + failed 0 + stopped 0 + skipped 0: holds";
    assert_eq!(last, Some(balance));
}

const ONE_FAILS: &str = r#"
    [task.bad]
    run = "echo what it said; exit 3"
    [task.behind]
    run = "true"
    needs = ["bad"]
    [task.far]
    run = "true"
    needs = ["behind"]
    [task.free]
    run = "sleep 0.2; echo $WORD > free"
    env = { WORD = "word" }
    [task.after-free]
    run = ["cat", "free"]
    needs = ["free"]
"#;

#[test]
fn what_does_not_need_a_task_that_failed_goes_on_if_asked_to() {
    let (dir, file) = file(ONE_FAILS);
    let output = run(&file, &["--keep-going", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = json(&output);
    assert_eq!(task(&report, "bad")["reason"], "exit status: 3");
    assert_eq!(task(&report, "bad")["output"], "what it said");
    for skipped in ["behind", "far"] {
        assert_eq!(outcome(&report, skipped), "skipped");
        assert_eq!(task(&report, skipped)["reason"], "needs bad, which failed");
    }
    for done in ["free", "after-free"] {
        assert_eq!(outcome(&report, done), "done");
    }
    assert_eq!(dir.read("free"), "word\n", "beside the file of tasks");
}

#[test]
fn a_failure_stops_the_rest_and_shows_what_was_said() {
    let (dir, file) = file(ONE_FAILS);
    let output = run(&file, &["--jobs", "2"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("bad failed: exit status: 3\n  | what it said\n"),
        "{text}"
    );
    assert!(text.ends_with("skipped 3: holds\n"), "{text}");
    assert!(!dir.path().join("free").exists(), "it was killed");
}

#[test]
fn a_command_that_takes_too_long_is_killed_and_said_to_be() {
    let (_dir, file) = file("[task.slow]\nrun = 'sleep 60'\ntimeout = '200ms'");
    let output = run(&file, &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let why = "killed, since it took longer than 200ms";
    assert_eq!(task(&report, "slow")["reason"], why);
}

#[test]
fn a_dry_run_says_what_would_run_and_runs_nothing() {
    let (dir, file) = file(ONE_FAILS);
    let output = run(&file, &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("critical path by weight: bad -> behind -> far"),
        "{text}"
    );
    assert!(text.contains("  after-free: [\"cat\", \"free\"]"), "{text}");
    assert!(!dir.path().join("free").exists());
}

#[test]
fn under_chaos_every_task_is_done_once() {
    let tasks: String = (0..30)
        .map(|task| format!("[task.t{task}]\nrun = 'echo {task} >> log'\n"))
        .collect();
    let (dir, file) = file(&tasks);
    let args = ["--json", "--chaos", "0.4", "--seed", "5", "--jobs", "8"];
    let output = run(&file, &args);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json(&output);
    assert_eq!(report["counts"]["done"], 30);
    assert_eq!(report["conserved"], true);
    assert!(report["restarts"].as_u64() > Some(0), "some were lost");
    assert_eq!(dir.read("log").lines().count(), 30, "no command ran twice");
    assert!(!errors(&output).contains("panicked"), "scripted, so quiet");
}

#[test]
fn where_every_runner_is_lost_the_run_fails_and_ends() {
    let (_dir, file) = file(ONE_FAILS);
    let output = run(&file, &["--json", "--chaos", "1", "--keep-going"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(report["conserved"], true);
    assert_eq!(report["counts"]["done"], 0);
    assert_eq!(outcome(&report, "free"), "failed");
}

#[test]
fn what_describes_no_graph_ends_with_2_and_says_why() {
    let circle = "[task.a]\nrun = 'x'\nneeds = ['b']\n[task.b]\nrun = 'x'\nneeds = ['a']";
    let typo = "[task.link]\nrun = 'x'\n[task.b]\nrun = 'x'\nneeds = ['lin']";
    for (text, words) in [
        (circle, "tasks wait for each other: a -> b -> a"),
        (typo, r#"needs "lin", which is no task, is "link" meant?"#),
        ("[task.a", "line 1, column"),
        ("", "there is no task in it"),
    ] {
        let (_dir, file) = file(text);
        let output = run(&file, &[]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(errors(&output).contains(words), "{}", errors(&output));
        assert!(output.stdout.is_empty());
    }
    let output = run("/no/such/file.toml", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("there is no such file"));
    assert_eq!(run(SAMPLE, &["--jobs", "0"]).status.code(), Some(2));
}

#[test]
fn a_drawing_that_cannot_be_written_is_known_before_anything_runs() {
    let (dir, file) = file("[task.a]\nrun = 'touch ran'");
    let place = file.join("under-a-file.mmd");
    let output = run(&file, &["--mermaid", place.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("cannot write in"), "{output:?}");
    assert!(!dir.path().join("ran").exists());
}

#[test]
fn ctrl_c_kills_what_is_under_way_and_reports_what_was_done() {
    let (dir, file) = file(
        "[task.a]\nrun = 'true'\n\
         [task.b]\nrun = 'sleep 60 & echo $! > pid; wait'\nneeds = ['a']\n\
         [task.c]\nrun = 'true'\nneeds = ['b']",
    );
    let mut child = build_graph()
        .arg(&file)
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let began = lines.by_ref().map_while(Result::ok);
    assert!(began.into_iter().any(|line| line == "begin  b"));
    // The command says who it is a moment after it was started.
    let is_written =
        || std::fs::read_to_string(dir.path().join("pid")).is_ok_and(|pid| pid.ends_with('\n'));
    while !is_written() {
        std::thread::yield_now();
    }
    program::send("-INT", child.id());
    let _rest: Vec<_> = lines.map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let report = json(&output);
    assert_eq!(report["interrupted"], true);
    assert_eq!(report["conserved"], true);
    let outcomes = ["a", "b", "c"].map(|task| outcome(&report, task).to_owned());
    assert_eq!(outcomes, ["done", "stopped", "skipped"]);
    let ps = Command::new("ps")
        .args(["-o", "stat=", "-p", dir.read("pid").trim()])
        .output();
    let state = String::from_utf8_lossy(&ps.expect("ps runs").stdout).into_owned();
    assert!(state.is_empty() || state.starts_with('Z'), "alive: {state}");
}
