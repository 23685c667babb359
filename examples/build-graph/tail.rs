//! The end of what a command said, however much that was.

use std::collections::VecDeque;

/// Bytes kept of each command.
pub(crate) const KEPT: usize = 16 << 10;

/// The last [`KEPT`] bytes of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    /// Bytes that came before those.
    dropped: u64,
}

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(KEPT)..];
        let surplus = (self.bytes.len() + kept.len()).saturating_sub(KEPT);
        self.bytes.drain(..surplus);
        self.bytes.extend(kept);
        self.dropped += (surplus + bytes.len() - kept.len()) as u64;
    }

    /// What is left, and that something is missing.
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        // A terminal takes its commands from control characters.
        let mut text: String = String::from_utf8_lossy(&bytes)
            .chars()
            .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
            .collect();
        text.truncate(text.trim_end().len());
        match self.dropped {
            0 => text,
            dropped => format!("[{dropped} bytes before this are left out]\n{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_the_rest_is_counted() {
        let mut tail = Tail::default();
        for _ in 0..3 {
            tail.push(&[b'a'; KEPT - 1]);
        }
        tail.push(b"the end\n");
        assert_eq!(tail.bytes.len(), KEPT);
        assert_eq!(tail.dropped as usize, 2 * KEPT - 3 + 8);
        assert!(tail.text().ends_with("aaathe end"));
        assert!(tail.text().starts_with('['));
    }

    #[test]
    fn one_write_of_more_than_is_kept_leaves_its_end() {
        let mut tail = Tail::default();
        tail.push(b"before");
        tail.push(&vec![b'b'; KEPT + 5]);
        assert_eq!((tail.bytes.len(), tail.dropped), (KEPT, 11));
    }

    #[test]
    fn control_characters_and_broken_text_do_no_harm() {
        let mut tail = Tail::default();
        tail.push(b"\x1b[31mred\x07 \xff\tx\r\n");
        assert_eq!(tail.text(), "[31mred \u{fffd}\tx");
    }
}
