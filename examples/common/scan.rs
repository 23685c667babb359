//! Finds the files to read: what is hidden or ignored is skipped, links are
//! noted and not followed, and the reports are never read as input.

use std::fs;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, Walk, WalkBuilder};

use super::read::Reason;

/// What the scout meets.
#[derive(Debug, PartialEq)]
pub(crate) enum Sighting {
    /// A file to read. How large it is, is for the reader to see: it may have
    /// changed by then.
    File(Found),
    /// An entry that cannot be read, and is a failure already.
    Failure(Found, Reason),
    /// A link, which is not followed and not counted as a file.
    Link(Link),
}

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where to open it.
    pub(crate) path: PathBuf,
    /// What the report calls it: relative to where the scan began.
    pub(crate) name: Box<str>,
}

/// A symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) name: Box<str>,
    pub(crate) target: Box<str>,
    /// Whether it leads to itself or to a directory it is in.
    pub(crate) is_loop: bool,
}

/// Walks the tree below `root`; `out` is where the reports will be, which are
/// known by their names.
pub(crate) fn scan(root: &Path, out: &Path, is_report: fn(&str) -> bool) -> Scan {
    let mut builder = WalkBuilder::new(root);
    builder.require_git(false).follow_links(false);
    Scan {
        walk: builder.build(),
        root: root.to_owned(),
        out: fs::canonicalize(out).ok(),
        is_report,
    }
}

/// See [`scan`].
pub(crate) struct Scan {
    walk: Walk,
    root: PathBuf,
    out: Option<PathBuf>,
    is_report: fn(&str) -> bool,
}

impl Iterator for Scan {
    type Item = Sighting;

    fn next(&mut self) -> Option<Sighting> {
        loop {
            let sighting = match self.walk.next()? {
                Ok(entry) => self.entry(entry),
                Err(error) => self.error(&error),
            };
            if sighting.is_some() {
                return sighting;
            }
        }
    }
}

impl Scan {
    fn entry(&self, entry: DirEntry) -> Option<Sighting> {
        let kind = entry.file_type()?;
        if entry.depth() == 0 || kind.is_dir() || self.is_report(entry.path()) {
            return None;
        }
        let name = self.name(entry.path());
        if kind.is_symlink() {
            return Some(Sighting::Link(Link {
                target: fs::read_link(entry.path())
                    .map(|target| target.to_string_lossy().into())
                    .unwrap_or_default(),
                is_loop: is_loop(entry.path()),
                name,
            }));
        }
        let found = Found {
            path: entry.into_path(),
            name,
        };
        Some(if kind.is_file() {
            Sighting::File(found)
        } else {
            Sighting::Failure(found, Reason::NotRegular)
        })
    }

    fn error(&self, error: &ignore::Error) -> Option<Sighting> {
        let path = path_of(error)?;
        let reason = match error.io_error() {
            Some(io) if io.kind() == std::io::ErrorKind::NotFound => Reason::Vanished,
            Some(io) => Reason::Unreadable(io.to_string().into()),
            None => Reason::Unreadable(error.to_string().into()),
        };
        let found = Found {
            name: self.name(path),
            path: path.to_owned(),
        };
        Some(Sighting::Failure(found, reason))
    }

    fn name(&self, path: &Path) -> Box<str> {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let shown = if relative.as_os_str().is_empty() {
            path
        } else {
            relative
        };
        shown.to_string_lossy().into()
    }

    fn is_report(&self, path: &Path) -> bool {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(self.is_report)
            && path.parent().and_then(|dir| fs::canonicalize(dir).ok()) == self.out
    }
}

/// The path within an error of the walk, if it is about one entry. A malformed
/// line in an ignore file is about none.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

/// Whether the link leads to itself, by way of others or not, or to a
/// directory above it.
fn is_loop(link: &Path) -> bool {
    match fs::canonicalize(link) {
        Ok(target) => link
            .parent()
            .and_then(|dir| fs::canonicalize(dir).ok())
            .is_some_and(|dir| dir.starts_with(target)),
        Err(error) => {
            // What the system says of too many links has no stable name yet;
            // a link that leads to nothing is told apart by its own.
            !matches!(
                error.kind(),
                std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::PermissionDenied
                    | std::io::ErrorKind::NotADirectory
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::testing::TempDir;

    fn scan(root: &Path, out: &Path) -> Scan {
        super::scan(root, out, |name| name == "report.md")
    }

    fn files(dir: &TempDir, out: &Path) -> Vec<String> {
        let mut names: Vec<String> = scan(dir.path(), out)
            .filter_map(|sighting| match sighting {
                Sighting::File(found) => Some(found.name.replace('\\', "/")),
                _ => None,
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn hidden_and_ignored_files_are_skipped_without_git() {
        let dir = TempDir::new();
        for name in [
            "a.txt",
            "b/c.txt",
            ".hidden",
            ".git2/x",
            "out.log",
            "b/out.log",
        ] {
            dir.file(name, b"text");
        }
        dir.file(".gitignore", b"*.log\n");
        assert_eq!(files(&dir, Path::new("/")), ["a.txt", "b/c.txt"]);
    }

    #[test]
    fn the_reports_are_input_only_where_they_are_not_written() {
        let dir = TempDir::new();
        for name in ["report.md", "sub/report.md", "a"] {
            dir.file(name, b"text");
        }
        assert_eq!(files(&dir, dir.path()), ["a", "sub/report.md"]);
        assert_eq!(files(&dir, &dir.path().join("sub")).len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_noted_and_not_followed() {
        use std::os::unix::fs::symlink;
        let dir = TempDir::new();
        dir.file("sub/a", b"text");
        for (target, name) in [
            ("sub/a", "to-a"),
            ("self", "self"),
            ("..", "sub/up"),
            ("x", "no"),
        ] {
            symlink(target, dir.path().join(name)).expect("a link");
        }
        assert_eq!(files(&dir, dir.path()), ["sub/a"]);
        let mut links: Vec<(String, bool)> = scan(dir.path(), dir.path())
            .filter_map(|sighting| match sighting {
                Sighting::Link(link) => Some((link.name.into(), link.is_loop)),
                _ => None,
            })
            .collect();
        links.sort();
        let expected = [
            ("no", false),
            ("self", true),
            ("sub/up", true),
            ("to-a", false),
        ];
        assert_eq!(
            links,
            expected.map(|(name, is_loop)| (name.to_owned(), is_loop))
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_a_failure() {
        let dir = TempDir::new();
        let _listener =
            std::os::unix::net::UnixListener::bind(dir.path().join("s")).expect("a socket");
        let sightings: Vec<Sighting> = scan(dir.path(), dir.path()).collect();
        assert!(
            matches!(&sightings[..], [Sighting::Failure(found, Reason::NotRegular)] if &*found.name == "s"),
            "{sightings:?}"
        );
    }

    #[test]
    fn a_directory_that_is_gone_is_a_failure() {
        let dir = TempDir::new();
        let gone = dir.path().join("gone");
        let sightings: Vec<Sighting> = scan(&gone, dir.path()).collect();
        assert!(
            matches!(&sightings[..], [Sighting::Failure(_, Reason::Vanished)]),
            "{sightings:?}"
        );
    }

    #[test]
    fn a_malformed_ignore_file_stops_nothing() {
        let dir = TempDir::new();
        dir.file(".gitignore", b"[\n{\n\\\n");
        dir.file("a", b"text");
        assert_eq!(files(&dir, dir.path()), ["a"]);
    }
}
