//! Puts a report where it belongs, all at once: it is written beside its place
//! under a temporary name and renamed, so nobody ever sees half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;

/// Whether a file of this name in the place of the reports is the report
/// `report`, finished or not.
pub(crate) fn is_of(report: &str, name: &str) -> bool {
    let temporary = name
        .strip_prefix('.')
        .and_then(|name| name.strip_prefix(report));
    name == report || temporary.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".tmp"))
}

/// Two runs at a time do not write into each other's file.
fn temporary(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!(".{name}.{}.tmp", process::id()))
}

/// Makes sure that there is a directory `dir` in which files can be written,
/// which is better known before the work than after it.
pub(crate) fn prepare(dir: &Path) -> io::Result<()> {
    let temporary = temporary(dir, "is-it-writable");
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
    let temporary = temporary(dir, name);
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

/// As [`publish`], by the path of the file.
pub(crate) fn publish_at(
    place: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<PathBuf> {
    let Some(name) = place.file_name().and_then(|name| name.to_str()) else {
        let message = format!("{} is no name of a file", place.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    };
    publish(parent(place), name, write)
}

/// The directory of a file.
pub(crate) fn parent(file: &Path) -> &Path {
    let parent = file.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::testing::TempDir;

    const REPORT: &str = "report.md";

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
        let old = dir.file(REPORT, b"old");
        publish(dir.path(), REPORT, |file| file.write_all(b"new")).expect("written");
        assert_eq!(fs::read(old).expect("a report"), b"new");
        assert_eq!(names(&dir), [REPORT]);
    }

    #[test]
    fn a_report_that_fails_midway_leaves_the_old_one() {
        let dir = TempDir::new();
        let old = dir.file(REPORT, b"old");
        let error = publish(dir.path(), REPORT, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert!(error.to_string().contains(REPORT), "{error}");
        assert_eq!(fs::read(old).expect("a report"), b"old");
        assert_eq!(names(&dir), [REPORT]);
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_the_report() {
        let dir = TempDir::new();
        let error = publish(&dir.path().join("no"), REPORT, |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains(REPORT), "{error}");
    }

    #[test]
    fn reports_and_temporary_files_are_known() {
        assert!(is_of(REPORT, REPORT) && is_of(REPORT, ".report.md.7.tmp"));
        for other in [
            "report.txt",
            ".report.md",
            "report.md.7.tmp",
            ".report.mdx.tmp",
        ] {
            assert!(!is_of(REPORT, other), "{other}");
        }
    }
}
