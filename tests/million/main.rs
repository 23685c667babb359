//! Runs the example `million` as its users do, with fewer actors.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

/// The program, which `cargo test` builds beside this test; built here where
/// only this test was asked for.
fn million() -> Command {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().expect("the path of this test");
        let profile = test.ancestors().nth(2).expect("tests are in deps");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "million"]);
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        cargo.arg("--manifest-path").arg(manifest);
        cargo.arg("--target-dir").arg(profile.with_file_name(""));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success());
        let name = format!("million{}", std::env::consts::EXE_SUFFIX);
        profile.join("examples").join(name)
    });
    let mut command = Command::new(&*PROGRAM);
    command.env_remove("RUST_BACKTRACE");
    command
}

fn run(args: &[&str]) -> Output {
    million().args(args).output().expect("it runs")
}

/// What `--json` printed, which must be one object and nothing else.
fn object(output: &Output) -> Value {
    let text = str::from_utf8(&output.stdout).expect("UTF-8");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    serde_json::from_str(text).expect("one JSON object")
}

#[test]
fn every_actor_lives_answers_comes_back_and_ends() {
    for supervisors in ["1", "7"] {
        let output = run(&["--actors", "2000", "--supervisors", supervisors, "--json"]);
        let figures = object(&output);
        assert_eq!(figures["actors"], 2_000);
        assert_eq!(
            (&figures["asked"], &figures["restarts"]),
            (&2_000.into(), &1_000.into())
        );
        assert_eq!(figures["conserved"], true);
        assert_eq!(figures["interrupted"], false);
        let fields = [
            "bytes_per_actor",
            "start_seconds",
            "tell_seconds",
            "ask_seconds",
            "restart_p50_us",
            "restart_p99_us",
            "stop_seconds",
        ];
        for field in fields {
            let figure = figures[field].as_f64().expect(field);
            assert!(figure > 0.0, "{field}: {figures}");
        }
        // How fast depends on the machine and the profile; what it says must
        // be what its exit code says.
        let holds = figures["holds"].as_bool().expect("a verdict");
        assert_eq!(output.status.code(), Some(i32::from(!holds)), "{output:?}");
    }
}

#[test]
fn an_actor_is_as_small_as_promised() {
    let figures = object(&run(&["--actors", "20000", "--json"]));
    let bytes = figures["bytes_per_actor"].as_f64().expect("a number");
    // A debug build has larger futures; a release build must hold the promise.
    let most = if cfg!(debug_assertions) {
        1_600.0
    } else {
        800.0
    };
    assert!((300.0..most).contains(&bytes), "{bytes} bytes each");
}

#[test]
fn people_are_shown_what_holds() {
    let output = run(&["--actors", "1"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "1 actors under one supervisor",
        "an actor",
        "start",
        "p99",
        "stop",
        "balance",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!errors.contains("panicked"), "told to, so quiet: {errors}");
}

#[test]
fn bad_arguments_end_with_2_and_say_why() {
    for args in [
        &["--actors", "0"][..],
        &["--actors", "x"],
        &["--actors", "-1"],
        &["--supervisors", "0"],
        &["--nonsense"],
        &["more"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130_and_the_object() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let mut child = million()
        .args(["--actors", "300000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let errors = child.stderr.take().expect("piped");
    let mut errors = BufReader::new(errors).lines();
    let line = errors.next().expect("a line").expect("UTF-8");
    assert!(line.contains("starting"), "{line}");
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill runs").success());
    let rest: Vec<String> = errors.map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    let figures = object(&output);
    assert_eq!(figures["interrupted"], true);
    assert_eq!(figures["stop_seconds"], Value::Null);
    assert_eq!(figures["conserved"], true);
}
