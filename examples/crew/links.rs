//! Relative links in Markdown that lead nowhere. Finding them is pure; only
//! [`broken`] asks, through the closure it is given, what exists.
//!
//! Code (fenced, indented, inline) and comments are skipped, and so are URLs,
//! anchors and paths from the root of a site. A code span or a comment that is
//! opened in one line and closed in another is read line by line.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// More links than this in one file are not checked.
const CHECKED: usize = 1_000;

/// More broken links than this in one file are not kept.
const KEPT: usize = 100;

/// Longer runs of backticks open no code, and deeper parentheses hold no
/// target: with these bounds any line is scanned in linear time.
const TICKS: usize = 64;
const NESTED: usize = 32;

/// A link whose target does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokenLink {
    /// Counted from 1.
    pub(crate) line: u32,
    pub(crate) target: Box<str>,
}

/// Whether links are looked for in the file at `path`.
pub(crate) fn is_markdown(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| {
            ["md", "markdown", "mdown", "mkd"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
}

/// How many relative links `text` has, and which of them `exists` denies.
pub(crate) fn broken(text: &str, exists: impl Fn(&str) -> bool) -> (u32, Box<[BrokenLink]>) {
    let mut count = 0;
    let mut broken = Vec::new();
    relative(text, |line, target| {
        count += 1;
        if count as usize <= CHECKED && broken.len() < KEPT && !exists(&target) {
            broken.push(BrokenLink {
                line,
                target: target.into(),
            });
        }
    });
    (count, broken.into())
}

/// Whether `target` exists next to the file at `path`. What cannot be known,
/// for lack of permission say, counts as there.
pub(crate) fn exists_beside(path: &Path, target: &str) -> bool {
    let dir = path.parent().unwrap_or(Path::new(""));
    match fs::metadata(dir.join(target)) {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
        ),
    }
}

/// Calls `found` with the line and the decoded target of each relative link.
fn relative(text: &str, mut found: impl FnMut(u32, String)) {
    // No link is written without one of these.
    if !text.contains("](") && !text.contains("]:") {
        return;
    }
    let mut blocks = Blocks::default();
    let mut inline = Inline::default();
    for (number, line) in (1..).zip(text.lines()) {
        if blocks.is_code(line) {
            continue;
        }
        if line.trim().is_empty() {
            inline.brackets = 0;
            continue;
        }
        inline.scan(line, |raw| {
            if let Some(target) = decode(raw) {
                found(number, target);
            }
        });
    }
}

/// Which lines are code blocks.
#[derive(Default)]
struct Blocks {
    /// The mark and length of the fence that is open.
    fence: Option<(u8, usize)>,
    in_list: bool,
    in_paragraph: bool,
}

impl Blocks {
    fn is_code(&mut self, line: &str) -> bool {
        let trimmed = line.trim_start();
        let indent: usize = line[..line.len() - trimmed.len()]
            .bytes()
            .map(|byte| if byte == b'\t' { 4 } else { 1 })
            .sum();
        let mark = trimmed.bytes().next().unwrap_or(b' ');
        let run = trimmed.bytes().take_while(|byte| *byte == mark).count();
        if let Some((open, length)) = self.fence {
            if mark == open && run >= length && trimmed[run..].trim().is_empty() {
                self.fence = None;
            }
            return true;
        }
        if trimmed.is_empty() {
            self.in_paragraph = false;
            return false;
        }
        let is_fence = (mark == b'~' && run >= 3)
            || (mark == b'`' && run >= 3 && !trimmed[run..].contains('`'));
        if is_fence && (indent < 4 || self.in_list) {
            self.fence = Some((mark, run));
            self.in_paragraph = false;
            return true;
        }
        let item = trimmed.trim_start_matches(|char: char| char.is_ascii_digit());
        let is_item = if item.len() == trimmed.len() {
            ["- ", "* ", "+ "]
                .iter()
                .any(|bullet| item.starts_with(bullet))
        } else {
            item.starts_with(". ") || item.starts_with(") ")
        };
        if indent >= 4 && !self.in_list && !self.in_paragraph {
            return true;
        }
        if is_item {
            self.in_list = true;
        } else if indent == 0 && !self.in_paragraph {
            self.in_list = false;
        }
        self.in_paragraph = mark != b'#';
        false
    }
}

/// Links within the lines of a paragraph.
#[derive(Default)]
struct Inline {
    /// `[` that are open, since a link's text may go over lines.
    brackets: usize,
    in_comment: bool,
}

impl Inline {
    fn scan(&mut self, line: &str, mut found: impl FnMut(&str)) {
        let bytes = line.as_bytes();
        let mut at = 0;
        if self.in_comment {
            let Some(end) = line.find("-->") else { return };
            self.in_comment = false;
            at = end + 3;
        } else if let Some(raw) = definition(line) {
            found(raw);
            return;
        }
        let mut unclosed = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 2,
                b'`' => at = after_code(bytes, at, &mut unclosed),
                b'<' if bytes[at..].starts_with(b"<!--") => {
                    let Some(end) = line[at..].find("-->") else {
                        self.in_comment = true;
                        return;
                    };
                    at += end + 3;
                }
                b'[' => {
                    self.brackets += 1;
                    at += 1;
                }
                b']' if self.brackets > 0 => {
                    self.brackets -= 1;
                    at += 1;
                    if bytes.get(at) == Some(&b'(')
                        && let Some((raw, end)) = destination(line, at + 1)
                    {
                        found(raw);
                        at = end;
                    }
                }
                _ => at += 1,
            }
        }
    }
}

/// Past the code span that opens at `at`, or past its backticks if none closes.
/// Which numbers of backticks are known not to close one any more is kept in
/// the bits of `unclosed`.
fn after_code(bytes: &[u8], at: usize, unclosed: &mut u64) -> usize {
    let run = |from: usize| bytes[from..].iter().take_while(|b| **b == b'`').count();
    let open = run(at);
    let bit = 1_u64.checked_shl(open as u32 - 1).unwrap_or(0);
    if open > TICKS || *unclosed & bit != 0 {
        return at + open;
    }
    let mut next = at + open;
    while next < bytes.len() {
        if bytes[next] != b'`' {
            next += 1;
            continue;
        }
        let close = run(next);
        next += close;
        if close == open {
            return next;
        }
    }
    *unclosed |= bit;
    at + open
}

/// The target of `[id]: target`. A footnote, `[^id]:`, has none.
fn definition(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('[')?;
    let (id, rest) = rest.split_once("]:")?;
    if id.is_empty() || id.starts_with('^') || id.contains(['[', ']']) {
        return None;
    }
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix('<') {
        return rest.split_once('>').map(|(raw, _)| raw);
    }
    let (raw, title) = match rest.split_once(char::is_whitespace) {
        Some((raw, title)) => (raw, title.trim_start()),
        None => (rest, ""),
    };
    (title.is_empty() || title.starts_with(['"', '\'', '('])).then_some(raw)
}

/// The raw target in the parentheses that open before `at`, and where they end.
fn destination(line: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = line.as_bytes();
    let start = at + bytes[at..].iter().take_while(|b| **b == b' ').count();
    let (raw, mut end) = if bytes.get(start) == Some(&b'<') {
        let length = line[start + 1..].find(['<', '>'])?;
        if bytes[start + 1 + length] == b'<' {
            return None;
        }
        (&line[start + 1..start + 1 + length], start + length + 2)
    } else {
        let mut depth = 0_usize;
        let mut end = start;
        loop {
            match bytes.get(end)? {
                b'\\' => end += 1,
                b'(' if depth == NESTED => return None,
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                b' ' | b'\t' => break,
                _ => {}
            }
            end += 1;
        }
        (&line[start..end], end)
    };
    let after_spaces = |at: usize| at + bytes[at..].iter().take_while(|b| **b == b' ').count();
    end = after_spaces(end);
    if let quote @ (b'"' | b'\'') = bytes.get(end)? {
        let title = bytes[end + 1..].iter().position(|byte| byte == quote)?;
        end = after_spaces(end + title + 2);
    }
    (bytes.get(end)? == &b')').then_some((raw, end + 1))
}

/// The path a raw target means, if it is relative to the file it is in.
fn decode(raw: &str) -> Option<String> {
    let path = raw.split(['#', '?']).next().unwrap_or_default();
    if path.is_empty() || path.starts_with(['/', '\\']) || path.contains("{{") {
        return None;
    }
    let scheme = path
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    if scheme > 1 && path.as_bytes().get(scheme) == Some(&b':') {
        return None;
    }
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if bytes.get(at + 1).is_some_and(u8::is_ascii_punctuation) => {
                decoded.push(bytes[at + 1]);
                at += 2;
            }
            b'%' => {
                let hex = path.get(at + 1..at + 3);
                match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    Some(byte) => {
                        decoded.push(byte);
                        at += 3;
                    }
                    None => {
                        decoded.push(b'%');
                        at += 1;
                    }
                }
            }
            b'&' if bytes[at..].starts_with(b"&amp;") => {
                decoded.push(b'&');
                at += 5;
            }
            byte => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded)
        .ok()
        .filter(|path| !path.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn targets(text: &str) -> Vec<(u32, String)> {
        let mut targets = Vec::new();
        relative(text, |line, target| targets.push((line, target)));
        targets
    }

    fn names(text: &str) -> Vec<String> {
        targets(text)
            .into_iter()
            .map(|(_, target)| target)
            .collect()
    }

    #[test]
    fn links_images_and_definitions_are_found_with_their_lines() {
        let text = "[a](a.md)\n\nsee ![b](img/b.png \"title\") and\n[c]: <c d.md> 'title'\n";
        let expected = [(1, "a.md"), (3, "img/b.png"), (4, "c d.md")];
        assert_eq!(
            targets(text),
            expected.map(|(line, t)| (line, t.to_owned()))
        );
    }

    #[test]
    fn urls_anchors_mail_and_rooted_paths_are_not_relative() {
        let text = "[a](https://a.b/c) [b](#part) [c](mailto:a@b) [d](/root.md) [e](//host/x) \
                    [f]({{ page }}) [^1]: note";
        assert!(names(text).is_empty(), "{:?}", names(text));
    }

    #[test]
    fn code_and_comments_hide_links() {
        let text = "```\n[a](a)\n```\n\n    [b](b)\n\n`[c](c)` ``x ` [d](d)`` <!-- [e](e)\n[f](f) \
                    --> \\[g](g)\n~~~~\n~~~\n[h](h)\n~~~~\n[real](r.md)";
        assert_eq!(names(text), ["r.md"]);
    }

    #[test]
    fn an_indented_line_in_a_list_is_no_code() {
        assert_eq!(names("- item\n\n    [a](a.md)\n"), ["a.md"]);
    }

    #[test]
    fn anchors_escapes_and_parentheses_are_decoded() {
        let text =
            "[a](a%20b.md#part) [b](b_(c).md) [c](d\\).md) [![d](i.png)](e.md?x=1) [100%](5%.md)";
        assert_eq!(
            names(text),
            ["a b.md", "b_(c).md", "d).md", "i.png", "e.md", "5%.md"]
        );
    }

    #[test]
    fn a_line_made_to_be_slow_is_not() {
        let start = Instant::now();
        let ticks: String = (1..1_500).map(|run| "`".repeat(run) + " ").collect();
        for part in [
            "[", "](", "[](", "[](<", "[a](b \"", "[a](b '", "` `` ", "<!-", "[](\\(",
        ] {
            targets(&(part.repeat((1 << 20) / part.len()) + "]("));
        }
        targets(&(ticks + "]("));
        assert!(start.elapsed() < Duration::from_secs(20), "not quadratic");
    }

    #[test]
    fn only_missing_targets_are_broken() {
        let dir = TempDir::new();
        dir.file("there.md", b"");
        let page = dir.file("sub/page.md", b"");
        let text = "[a](../there.md) [b](gone.md) [c](..) [d](page.md/x)";
        let (count, broken) = broken(text, |target| exists_beside(&page, target));
        assert_eq!(count, 4);
        let targets: Vec<&str> = broken.iter().map(|link| &*link.target).collect();
        assert_eq!(targets, ["gone.md", "page.md/x"]);
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_without_a_panic(text in "[\\[\\]()<>`~!#:%\\\\a \n\té\"'-]{0,120}") {
            targets(&text);
        }
    }
}
