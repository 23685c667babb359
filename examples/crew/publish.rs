//! Puts a report where it belongs, all at once: it is written beside its place
//! under a temporary name and renamed, so nobody ever sees half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;

/// The report for people.
pub(crate) const MARKDOWN: &str = "crew-report.md";

/// The report for programs.
pub(crate) const JSON: &str = "crew-report.json";

/// What temporary names begin with.
const TEMPORARY: &str = ".crew-report.";

/// Whether a file of this name in the place of the reports is one of them,
/// finished or not.
pub(crate) fn is_ours(name: &str) -> bool {
    name == MARKDOWN || name == JSON || name.starts_with(TEMPORARY)
}

/// Makes sure that there is a directory `dir` in which files can be written,
/// which is better known before the work than after it.
pub(crate) fn prepare(dir: &Path) -> io::Result<()> {
    let temporary = dir.join(format!("{TEMPORARY}{}.tmp", process::id()));
    fs::create_dir_all(dir)
        .and_then(|()| File::create(&temporary).map(drop))
        .and_then(|()| fs::remove_file(&temporary))
        .map_err(|error| {
            let message = format!("cannot write in {}: {error}", dir.display());
            io::Error::new(error.kind(), message)
        })
}

/// Writes the file `name` in `dir` with `write`. If that fails, an old file of
/// that name is as it was, and the error names the file.
pub(crate) fn publish(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<PathBuf> {
    let place = dir.join(name);
    // Two runs at a time do not write into each other's file.
    let temporary = dir.join(format!("{TEMPORARY}{name}.{}.tmp", process::id()));
    let written = File::create(&temporary).and_then(|file| {
        let mut buffer = BufWriter::with_capacity(64 << 10, file);
        write(&mut buffer)?;
        buffer.flush()?;
        // Closed before it is renamed, which some systems ask for.
        drop(buffer);
        fs::rename(&temporary, &place)
    });
    match written {
        Ok(()) => Ok(place),
        Err(error) => {
            // It may never have been there; the first error is the one to tell.
            let _ = fs::remove_file(&temporary);
            let message = format!("cannot write {}: {error}", place.display());
            Err(io::Error::new(error.kind(), message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn names(dir: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(dir.path()).expect("a directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_report_replaces_the_old_one_and_leaves_nothing_else() {
        let dir = TempDir::new();
        let old = dir.file(MARKDOWN, b"old");
        publish(dir.path(), MARKDOWN, |file| file.write_all(b"new")).expect("written");
        assert_eq!(fs::read(old).expect("a report"), b"new");
        assert_eq!(names(&dir), [MARKDOWN]);
    }

    #[test]
    fn a_report_that_fails_midway_leaves_the_old_one() {
        let dir = TempDir::new();
        let old = dir.file(JSON, b"old");
        let error = publish(dir.path(), JSON, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert!(error.to_string().contains(JSON), "{error}");
        assert_eq!(fs::read(old).expect("a report"), b"old");
        assert_eq!(names(&dir), [JSON]);
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_the_report() {
        let dir = TempDir::new();
        let error = publish(&dir.path().join("no"), JSON, |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("crew-report.json"), "{error}");
    }

    #[test]
    fn reports_and_temporary_files_are_ours() {
        assert!([MARKDOWN, JSON, ".crew-report.crew-report.md.7.tmp"].map(is_ours) == [true; 3]);
        assert!(!is_ours("crew-report.txt"));
    }
}
