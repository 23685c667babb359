//! Runs the example `review` as its users do: as a program.

#[path = "../program/mod.rs"]
mod program;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use program::Dir;
use serde_json::Value;

const REPORTS: [&str; 3] = ["review.md", "review.json", "review.mmd"];

fn review() -> Command {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| program::build("review"));
    program::command(&PROGRAM)
}

/// A tree to review, and a place for the reports.
struct Place(Dir);

impl Place {
    fn new() -> Self {
        Place(Dir::new())
    }

    /// With so many files, each with something to find.
    fn of(files: usize) -> Self {
        let place = Self::new();
        for file in 0..files {
            let text = format!("pub fn f_{file}() {{\n    work({file}); \n}}\n");
            place.write(&format!("d{}/file_{file}.rs", file % 7), text.as_bytes());
        }
        place
    }

    fn write(&self, name: &str, content: &[u8]) {
        self.0.write(&format!("tree/{name}"), content);
    }

    fn tree(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    fn command(&self, out: &str, args: &[&str]) -> Command {
        let mut command = review();
        let out = self.0.path().join(out);
        command.arg(self.tree()).arg("--out").arg(out).args(args);
        command
    }

    fn run(&self, out: &str, args: &[&str]) -> Output {
        self.command(out, args).output().expect("it runs")
    }

    fn reports(&self, out: &str) -> [String; 3] {
        REPORTS.map(|name| self.0.read(&format!("{out}/{name}")))
    }

    fn json(&self, out: &str) -> Value {
        let [_, json, _] = self.reports(out);
        serde_json::from_str(&json).expect("JSON")
    }
}

fn brief(output: &Output) -> Value {
    let text = str::from_utf8(&output.stdout).expect("UTF-8");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    serde_json::from_str(text).expect("one JSON object")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What was found in a file: the rules and the lines.
fn found(report: &Value, path: &str) -> Vec<(String, u64)> {
    let files = report["reviewed"].as_array().expect("a list");
    let file = files.iter().find(|file| file["path"] == path);
    let file = file.unwrap_or_else(|| panic!("{path} in {report}"));
    let findings = file["findings"].as_array().expect("a list");
    let one = |it: &Value| (it["rule"].as_str()?.to_owned(), it["line"].as_u64()?).into();
    findings.iter().filter_map(one).collect()
}

fn sixteen_lines() -> String {
    let line = |n| format!("    let value_{n} = some_function(argument_{n}, {n});\n");
    (0..16).map(line).collect()
}

#[test]
fn what_is_wrong_is_found_where_it_is() {
    let place = Place::new();
    let good = "//! It says what it is for.\n// SPDX-License-Identifier: MIT\n\nfn main() {}\n";
    for name in ["good.rs", "better.rs", "best.rs"] {
        place.write(name, good.as_bytes());
    }
    let header = "// SPDX-License-Identifier: MIT\n";
    let (a, b) = (sixteen_lines(), sixteen_lines());
    place.write("a.rs", format!("{header}fn a() {{\n{a}}}\n").as_bytes());
    place.write(
        "b.rs",
        format!("{header}fn b() {{\n    x();\n{b}}}\n").as_bytes(),
    );
    place.write("bare.py", b"def run(x):\n    return x \n");
    place.write(
        "foreign.go",
        b"// SPDX-License-Identifier: GPL-3.0\npackage main\n",
    );
    let output = place.run("out", &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = place.json("out");
    assert_eq!(found(&report, "good.rs"), []);
    assert_eq!(found(&report, "b.rs"), [("copied".to_owned(), 4)]);
    let wanted = ["no_licence", "no_header", "undocumented", "trailing_space"];
    let of_bare = found(&report, "bare.py").into_iter();
    assert_eq!(of_bare.map(|it| it.0).collect::<Vec<_>>(), wanted);
    assert_eq!(
        found(&report, "foreign.go"),
        [("other_licence".to_owned(), 1)]
    );
    assert_eq!(report["licence"]["majority"], "MIT");
    assert_eq!(report["copies"][0]["lines"], 16);
    assert_eq!(report["copies"][0]["original"]["path"], "a.rs");
    assert_eq!(
        report["reviewed"][0]["path"], "foreign.go",
        "the worst is first"
    );
    assert_eq!(brief(&output)["copies"], 1);
}

#[test]
fn people_get_a_summary_the_worst_first_and_a_picture() {
    let place = Place::of(3);
    let output = place.run("out", &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let account = "files 3 = reviewed 3 + skipped 0 + failed 0: holds";
    assert_eq!(text.lines().last(), Some(account));
    let [markdown, _, picture] = place.reports("out");
    for part in [
        "| files | 3 |",
        "## What was found, and what to do",
        "| trailing space | note | 3 | 3 |",
        "- `d0/file_0.rs:1` undocumented: `f_0` is public",
        "- there is no README",
        "```mermaid\nflowchart LR",
        "\"style: 3 files\"",
        account,
    ] {
        assert!(
            markdown.contains(part),
            "{part:?} is missing in:\n{markdown}"
        );
    }
    assert!(markdown.contains(&picture));
}

#[test]
fn the_same_tree_gives_the_same_reports_also_under_chaos() {
    let place = Place::of(60);
    assert_eq!(place.run("calm", &[]).status.code(), Some(0));
    let output = place.run("chaos", &["--json", "--chaos", "0.3", "--seed", "7"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(place.reports("calm"), place.reports("chaos"));
    let brief = brief(&output);
    assert!(
        brief["restarts"].as_u64() > Some(0),
        "some were lost: {brief}"
    );
    assert_eq!(brief["conserved"], true);
    assert!(!errors(&output).contains("panicked"), "scripted, so quiet");
}

#[test]
fn where_every_worker_is_lost_every_file_is_a_failure_with_its_reason() {
    let place = Place::of(4);
    let output = place.run("out", &["--json", "--chaos", "1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let brief = brief(&output);
    assert_eq!(
        (&brief["failed"], &brief["conserved"]),
        (&4.into(), &true.into())
    );
    let report = place.json("out");
    let failed = report["failed"].as_array().expect("a list");
    let reasons = failed.iter().filter_map(|file| file["reason"].as_str());
    assert!(
        reasons
            .into_iter()
            .all(|reason| reason.starts_with("read: ")),
        "{failed:?}"
    );
}

#[test]
fn what_is_no_text_for_reviewers_is_skipped_and_counted() {
    let place = Place::of(1);
    place.write("image.png", b"\x89PNG\0\0");
    place.write("latin.txt", b"caf\xe9");
    place.write(
        "made.rs",
        concat!("// @", "generated by a program\n").as_bytes(),
    );
    place.write(".gitignore", b"*.log\n");
    place.write("out.log", b"ignored");
    place.write("large.rs", b"");
    std::fs::File::options()
        .write(true)
        .open(place.tree().join("large.rs"))
        .and_then(|file| file.set_len(100 << 20))
        .expect("a sparse file");
    let output = place.run("out", &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let brief = brief(&output);
    assert_eq!(
        (&brief["reviewed"], &brief["skipped"]),
        (&1.into(), &4.into())
    );
    let markdown = &place.reports("out")[0];
    for part in [
        "| `image.png` | binary |",
        "| `large.rs` | too large: 104857600 bytes, the limit is 1048576 |",
        "- generated: 1",
    ] {
        assert!(
            markdown.contains(part),
            "{part:?} is missing in:\n{markdown}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_a_failure_where_it_is_unreadable() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::of(1);
    place.write("secret.rs", b"fn main() {}\n");
    let secret = place.tree().join("secret.rs");
    let none = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&secret, none).expect("a file of ours");
    // Root reads everything.
    let is_readable = std::fs::read(&secret).is_ok();
    let output = place.run("out", &["--json"]);
    assert_eq!(
        output.status.code(),
        Some(i32::from(!is_readable)),
        "{output:?}"
    );
    assert_eq!(brief(&output)["failed"], u64::from(!is_readable));
    assert_eq!(brief(&output)["files"], 2);
}

#[test]
fn an_empty_directory_is_reviewed_in_a_moment() {
    let place = Place::of(0);
    std::fs::create_dir_all(place.tree()).expect("a directory");
    let output = place.run("out", &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(brief(&output)["files"], 0);
    assert!(place.reports("out")[0].contains("Nothing was found."));
}

#[test]
fn reports_are_never_reviewed() {
    let place = Place::of(2);
    let tree = place.tree();
    let run = || {
        let output = review().current_dir(&tree).args([".", "--json"]).output();
        brief(&output.expect("it runs"))["files"].clone()
    };
    assert_eq!((run(), run()), (2.into(), 2.into()));
    assert!(tree.join("review.mmd").exists(), "where it was started");
}

#[test]
fn bad_arguments_end_with_2_and_without_a_report() {
    let place = Place::of(1);
    for args in [&["--chaos", "2"][..], &["--seed", "x"], &["--nonsense"]] {
        let output = place.run("out", args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let missing = review().arg(place.tree().join("missing")).output();
    assert_eq!(missing.expect("it runs").status.code(), Some(2));
    assert!(!place.0.path().join("out").exists());
}

#[test]
fn a_place_that_cannot_be_written_is_a_failure_that_names_it() {
    let place = Place::of(1);
    place.write("file", b"text");
    let output = place.run("tree/file/out", &[]);
    assert_eq!(output.status.code(), Some(1));
    let errors = errors(&output);
    assert!(
        errors.contains("cannot write in") && errors.contains("tree/file/out"),
        "{errors}"
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130_and_a_report_of_what_was_reviewed() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    // Every attempt fails, so this takes minutes if nobody interrupts it.
    let place = Place::of(2_000);
    let mut child = place
        .command("out", &["--json", "--chaos", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let errors = child.stderr.take().expect("piped");
    let mut errors = BufReader::new(errors).lines();
    let progress = errors.next().expect("a line").expect("UTF-8");
    assert!(progress.contains("files found so far"), "{progress}");
    program::send("-INT", child.id());
    let rest: Vec<String> = errors.map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    let brief = brief(&output);
    assert_eq!(
        (&brief["interrupted"], &brief["conserved"]),
        (&true.into(), &true.into())
    );
    assert_eq!(brief["files"], 2_000);
    assert_eq!(place.json("out")["interrupted"], true);
    assert!(place.reports("out")[0].contains("**Interrupted"));
}
