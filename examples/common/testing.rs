//! A directory of its own for each test, removed when the test ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("callboard-example-{}-{number}", process::id()));
        fs::create_dir_all(&path).expect("a directory for the test");
        TempDir(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a file has a parent")).expect("its directory");
        fs::write(&path, content).expect("a file for the test");
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A test that failed must not fail twice.
        let _ = fs::remove_dir_all(&self.0);
    }
}
