//! Reads one file into memory, or says why not. Nothing is read beyond a
//! limit, nothing but a regular file is opened, and no surprise panics.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// From here on a file is large: reading and analysing it takes long enough to
/// hold up others.
const LARGE: u64 = 256 << 10;

/// A NUL this early makes a file binary.
const SNIFF: usize = 8 << 10;

/// Why a file is a failure in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It has a NUL where a text has none.
    Binary,
    /// It is not UTF-8.
    NotUtf8,
    /// It has this many bytes, more than are read.
    TooLarge { bytes: u64, limit: u64 },
    /// It could not be opened or read, and what the system said.
    Unreadable(Box<str>),
    /// It was there when the scout passed, and not when the reader came.
    Vanished,
    /// A pipe, a socket or a device.
    NotRegular,
    /// No analyst answered in time.
    TimedOut,
    /// The last analyst that tried broke down.
    Crashed(Box<str>),
    /// The last answer was nonsense, and what was wrong with it.
    Invalid(Box<str>),
    /// The run was interrupted before its turn.
    Interrupted,
}

impl Reason {
    /// The reason without particulars, to count by.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Reason::Binary => "binary",
            Reason::NotUtf8 => "not UTF-8 text",
            Reason::TooLarge { .. } => "too large",
            Reason::Unreadable(_) => "unreadable",
            Reason::Vanished => "vanished",
            Reason::NotRegular => "not a regular file",
            Reason::TimedOut => "timed out",
            Reason::Crashed(_) => "crashed",
            Reason::Invalid(_) => "invalid answer",
            Reason::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooLarge { bytes, limit } => {
                write!(f, "too large: {bytes} bytes, the limit is {limit}")
            }
            Reason::Unreadable(why) | Reason::Crashed(why) | Reason::Invalid(why) => {
                write!(f, "{}: {why}", self.kind())
            }
            _ => f.write_str(self.kind()),
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Reason::Vanished,
            _ => Reason::Unreadable(error.to_string().into()),
        }
    }
}

/// Whether that many bytes are for other threads than those that everybody
/// works on.
pub(crate) fn is_large(bytes: u64) -> bool {
    bytes >= LARGE
}

/// Opens the file at `path`, of at most `limit` bytes, and says how large it is.
pub(crate) fn open(path: &Path, limit: u64) -> Result<(File, u64), Reason> {
    // Opening a pipe would wait for its writer, so ask what it is first.
    let kind = fs::symlink_metadata(path)?.file_type();
    if !kind.is_file() {
        return Err(Reason::NotRegular);
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > limit {
        return Err(Reason::TooLarge { bytes: size, limit });
    }
    Ok((file, size))
}

/// Reads the text of an open file of about `size` bytes, at most `limit`,
/// without a byte order mark.
pub(crate) fn text(file: File, size: u64, limit: u64) -> Result<String, Reason> {
    // One byte beyond the limit shows a file that grew since; two more than
    // the size let the last read see the end without growing the buffer.
    let mut bytes = Vec::with_capacity(size as usize + 2);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    let read = bytes.len() as u64;
    if read > limit {
        return Err(Reason::TooLarge { bytes: read, limit });
    }
    decode(bytes)
}

/// Reads the text of the file at `path`, of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<String, Reason> {
    let (file, size) = open(path, limit)?;
    text(file, size, limit)
}

fn decode(mut bytes: Vec<u8>) -> Result<String, Reason> {
    if bytes[..bytes.len().min(SNIFF)].contains(&0) {
        return Err(Reason::Binary);
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|_| Reason::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::testing::TempDir;

    const LIMIT: u64 = 16 << 20;

    fn read(path: &Path) -> Result<String, Reason> {
        super::read(path, LIMIT)
    }

    #[test]
    fn a_text_is_read_without_its_byte_order_mark() {
        let dir = TempDir::new();
        let path = dir.file("a.txt", b"\xef\xbb\xbfgr\xc3\xbc\xc3\x9fe");
        assert_eq!(read(&path).as_deref(), Ok("grüße"));
    }

    #[test]
    fn an_empty_file_is_a_text() {
        let dir = TempDir::new();
        assert_eq!(read(&dir.file("empty", b"")).as_deref(), Ok(""));
    }

    #[test]
    fn binary_and_foreign_encodings_are_told_apart() {
        let dir = TempDir::new();
        assert_eq!(read(&dir.file("a.bin", b"ELF\0\x01")), Err(Reason::Binary));
        assert_eq!(read(&dir.file("latin", b"caf\xe9")), Err(Reason::NotUtf8));
    }

    #[test]
    fn a_missing_file_has_vanished() {
        let dir = TempDir::new();
        assert_eq!(read(&dir.path().join("gone")), Err(Reason::Vanished));
    }

    #[test]
    fn a_large_file_is_refused_by_its_size_without_reading_it() {
        let dir = TempDir::new();
        let path = dir.file("large", b"");
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(100 << 20))
            .expect("a sparse file");
        let reason = read(&path).unwrap_err();
        let (bytes, limit) = (100 << 20, LIMIT);
        assert_eq!(reason, Reason::TooLarge { bytes, limit });
        assert_eq!(
            reason.to_string(),
            "too large: 104857600 bytes, the limit is 16777216"
        );
    }

    #[test]
    fn a_directory_is_not_a_regular_file() {
        let dir = TempDir::new();
        assert_eq!(read(dir.path()), Err(Reason::NotRegular));
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_refused_without_opening_it() {
        let dir = TempDir::new();
        let path = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        assert_eq!(read(&path), Err(Reason::NotRegular));
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_is_not_followed() {
        let dir = TempDir::new();
        let path = dir.path().join("loop");
        std::os::unix::fs::symlink("loop", &path).expect("a link");
        assert_eq!(read(&path), Err(Reason::NotRegular));
    }
}
