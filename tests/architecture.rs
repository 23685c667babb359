//! The stack of floors and other rules about the source, read from the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A floor uses itself and what is below.
const FLOORS: &[(&str, u8)] = &[
    ("sync", 0),
    ("policy", 1),
    ("mailbox", 2),
    ("actor", 3),
    ("resilience", 4),
    ("supervision", 5),
    ("coordination", 6),
    ("durability", 7),
    ("lib", 8),
    ("prelude", 8),
    ("model", 8),
    ("sim", 8),
    ("testing", 8),
    ("tower", 8),
];

/// Where code may ask whether loom is in charge, and why.
const ASKS_FOR_LOOM: &[(&str, &str)] = &[
    ("src/sync/mod.rs", "it is the one that knows"),
    (
        "src/actor/core/scope.rs",
        "the type of a thread-local's key",
    ),
    (
        "src/actor/core/shell.rs",
        "a caught assertion makes a model green",
    ),
    ("src/actor/time.rs", "there is neither time nor a runtime"),
    (
        "src/lib.rs",
        "what the models need is exported for them only",
    ),
    ("src/model.rs", "the models' entry point"),
    ("src/model/mod.rs", "the models' entry point"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below, sorted, as paths from the root of the project.
fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![root().join(below)];
    while let Some(directory) = left.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path.strip_prefix(root()).expect("below the root").into());
            }
        }
    }
    files.sort();
    files
}

fn text(file: &Path) -> String {
    fs::read_to_string(root().join(file)).expect("a readable file")
}

/// The code of a line: without its comment.
fn code(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//") {
        let at = from + at;
        // Not the one of an address in a string.
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

fn lines_of_code(file: &Path) -> Vec<(usize, String)> {
    text(file)
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, code(line).to_owned()))
        .collect()
}

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

/// The top module that a file of `src/` belongs to.
fn top(file: &Path) -> String {
    let inside = file.strip_prefix("src").expect("a file of src");
    let first = inside.components().next().expect("a name");
    first
        .as_os_str()
        .to_string_lossy()
        .trim_end_matches(".rs")
        .to_owned()
}

/// How many modules stand above what a file contains: 1 for `src/a.rs` and
/// `src/a/mod.rs`, 2 for `src/a/b.rs`.
fn depth(file: &Path) -> usize {
    let parts = file.components().count() - 1;
    let is_mod = ["mod.rs", "lib.rs"].iter().any(|name| file.ends_with(name));
    parts - usize::from(is_mod)
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The top modules that a line names, by `crate::` or by climbing to the root.
fn named(line: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for (at, path) in line.match_indices("crate::") {
        found.push(word(&line[at + path.len()..]));
    }
    let climb = "super::".repeat(depth);
    if depth > 0 && !line.contains("pub(in") {
        for (at, path) in line.match_indices(climb.as_str()) {
            let is_start = !line[..at].ends_with("super::");
            let target = word(&line[at + path.len()..]);
            // Only what is the name of a floor: an inline module adds a level
            // that is not seen here.
            if is_start && floor(&target).is_some() {
                found.push(target);
            }
        }
    }
    found
}

#[test]
fn a_floor_uses_itself_and_what_is_below() {
    let mut wrong = Vec::new();
    let files = rust_files("src");
    assert!(files.len() > 40, "the source is where it was");
    for file in files {
        let own = top(&file);
        let own_floor = floor(&own).unwrap_or_else(|| panic!("give {own} a floor"));
        for (number, line) in lines_of_code(&file) {
            for target in named(&line, depth(&file)) {
                let is_allowed = target == own
                    || match floor(&target) {
                        Some(theirs) => theirs < own_floor,
                        // The root's own names, for those above all floors.
                        None => own_floor == 8,
                    };
                if !is_allowed {
                    wrong.push(format!("{}:{number}: {target}", file.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the floors:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn this_test_sees_a_path_however_it_is_written() {
    assert_eq!(named("use crate::actor::Exit;", 1), ["actor"]);
    assert_eq!(
        named("    crate::sync::Mutex::new(crate::policy::x())", 1),
        ["sync", "policy"]
    );
    assert_eq!(named("use crate::{actor, sync};", 1), [""]);
    assert_eq!(named("use super::supervision::Plan;", 1), ["supervision"]);
    assert_eq!(
        named("use super::super::supervision::Plan;", 2),
        ["supervision"]
    );
    assert!(named("use super::queue::Queue;", 2).is_empty());
    assert_eq!(code("a(); // crate::actor"), "a(); ");
    assert_eq!(code("\"http://a\" // b"), "\"http://a\" ");
    assert_eq!(
        (
            depth(Path::new("src/a/mod.rs")),
            depth(Path::new("src/a/b.rs"))
        ),
        (1, 2)
    );
}

#[test]
fn what_loom_runs_names_neither_tokio_nor_ractor() {
    let mut wrong = Vec::new();
    let below = [
        "src/sync",
        "src/policy",
        "src/mailbox",
        "src/actor/core",
        "src/supervision/plan",
        "src/supervision/turn.rs",
        "src/supervision/pool/leases",
        "src/supervision/pool/line.rs",
    ];
    for below in below {
        let files = match root().join(below).is_file() {
            true => vec![PathBuf::from(below)],
            false => rust_files(below),
        };
        assert!(!files.is_empty(), "{below} is where it was");
        for file in files {
            for (number, line) in lines_of_code(&file) {
                if line.contains("tokio") || line.contains("ractor") {
                    wrong.push(format!("{}:{number}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_listed_files_ask_whether_loom_is_in_charge() {
    let mut counts = BTreeMap::new();
    for file in rust_files("src") {
        for (_, line) in lines_of_code(&file) {
            if line.contains("callboard_loom") || line.contains("loom::") {
                *counts.entry(file.display().to_string()).or_insert(0) += 1;
            }
        }
    }
    for (file, lines) in counts {
        assert!(
            ASKS_FOR_LOOM.iter().any(|(allowed, _)| *allowed == file),
            "{file} asks for loom in {lines} lines: take it from crate::sync"
        );
    }
}

#[test]
fn ractor_stays_in_the_control_plane() {
    for file in rust_files("src") {
        let is_control = file.starts_with("src/supervision") || file.starts_with("src/interop");
        for (number, line) in lines_of_code(&file) {
            let names = line.contains("ractor::") || line.contains("use ractor");
            assert!(is_control || !names, "{}:{number}: {line}", file.display());
        }
    }
}

/// Files that are the root of a crate, an example, a test or a benchmark.
fn roots() -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = Vec::new();
    for member in ["", "actors", "benches", "examples/apps"] {
        for root in ["src/lib.rs", "src/main.rs", "build.rs"] {
            roots.push(Path::new(member).join(root));
        }
        for kind in ["examples", "tests", "benches", "src/bin"] {
            let below = Path::new(member).join(kind);
            for file in rust_files(&below.to_string_lossy()) {
                let inside = file.strip_prefix(&below).unwrap_or(&file);
                let levels = inside.components().count();
                if levels == 1 || (levels == 2 && inside.ends_with("main.rs")) {
                    roots.push(file.clone());
                }
            }
        }
    }
    roots.retain(|file| root().join(file).is_file());
    roots.sort();
    roots.dedup();
    roots
}

#[test]
fn every_crate_example_and_test_says_what_it_is_in_its_first_line() {
    let roots = roots();
    assert!(roots.len() >= 12, "{roots:?}");
    for file in roots {
        let text = text(&file);
        assert!(
            text.starts_with("//! "),
            "{} opens with //!",
            file.display()
        );
    }
}

#[test]
fn every_module_of_the_library_says_what_it_is_in_its_first_line() {
    for file in rust_files("src")
        .into_iter()
        .chain(rust_files("actors/src"))
    {
        let text = text(&file);
        assert!(
            text.starts_with("//! "),
            "{} opens with //!",
            file.display()
        );
    }
}

#[test]
fn no_queue_is_unbounded() {
    for below in ["src", "actors/src", "examples"] {
        for file in rust_files(below) {
            for (number, line) in lines_of_code(&file) {
                assert!(
                    !line.contains(concat!("unbounded", "_channel")),
                    "{}:{number}: bound it",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_root_crate_forbids_unsafe_code() {
    assert!(text(Path::new("src/lib.rs")).contains("\n#![forbid(unsafe_code)]\n"));
}

/// Names of tests and models in a text: words in back-ticks with many parts.
fn tests_named_in(text: &str) -> Vec<String> {
    let words = text.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        word.matches('_').count() >= 4 && word.chars().all(is_plain)
    };
    words.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_test_that_a_guide_names_exists() {
    let tests: Vec<String> = rust_files("tests")
        .iter()
        .chain(&rust_files("src"))
        .map(|file| text(file))
        .collect();
    let is_there = |name: &str| {
        let (function, model) = (format!("fn {name}("), format!("\"{name}\""));
        let mut tests = tests.iter();
        tests.any(|text| text.contains(&function) || text.contains(&model))
    };
    let mut missing = Vec::new();
    for guide in [
        "docs/supervision.md",
        "docs/resilience.md",
        "docs/patterns.md",
        "docs/anti-patterns.md",
    ] {
        let named = tests_named_in(&text(Path::new(guide)));
        assert!(named.len() > 10, "{guide} names its tests: {named:?}");
        let unknown = named.into_iter().filter(|name| !is_there(name));
        missing.extend(unknown.map(|name| format!("{guide}: {name}")));
    }
    for file in rust_files("src") {
        let text = text(&file);
        let guide = text.lines().filter_map(|line| line.strip_prefix("//!"));
        let guide: Vec<_> = guide.collect();
        let named = tests_named_in(&guide.join("\n"));
        let unknown = named.into_iter().filter(|name| !is_there(name));
        missing.extend(unknown.map(|name| format!("{}: {name}", file.display())));
    }
    assert!(missing.is_empty(), "no such tests:\n{}", missing.join("\n"));
    assert_eq!(
        tests_named_in("`a_b_c_d_e`, `too_short`, a `Restart`"),
        ["a_b_c_d_e"]
    );
}
