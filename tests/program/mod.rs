//! What tests of examples share: the program as its users run it, and a place to
//! run it in.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// Builds the example of this name, and says where it is. An example with tests of
/// its own is built as those by `cargo test`, and not as the program itself.
pub(crate) fn build(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("tests are in deps");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", example]);
    cargo.arg("--manifest-path").arg(MANIFEST);
    cargo.arg("--target-dir").arg(profile.with_file_name(""));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success());
    let name = format!("{example}{}", std::env::consts::EXE_SUFFIX);
    profile.join("examples").join(name)
}

/// A program to be started, with nothing in its environment that changes what it
/// says.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("RUST_BACKTRACE");
    command
}

/// Sends a signal to a process.
#[cfg(unix)]
pub(crate) fn send(signal: &str, process: u32) {
    let kill = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(kill.expect("kill runs").success());
}

/// A directory of its own for each test, removed when the test ends.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("callboard-run-{}-{number}", std::process::id());
        let dir = Dir(std::env::temp_dir().join(name));
        fs::create_dir_all(&dir.0).expect("a directory for the test");
        dir
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("its directory");
        fs::write(&path, content).expect("a file for the test");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // A test that failed must not fail twice.
        let _ = fs::remove_dir_all(&self.0);
    }
}
