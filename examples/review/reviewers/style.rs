//! Style: what can be seen without knowing the language.

use crate::finding::{Finding, Findings, Rule};
use crate::language::Language;
use crate::page::Page;

/// Columns of a line of code.
const COLUMNS: usize = 100;

pub(super) fn review(page: &Page) -> Vec<Finding> {
    let mut found = Findings::default();
    let mut indented = Indented::default();
    let mut ends = [0_u32; 2];
    let mut conflicts = Vec::new();
    let mut number = 0;
    for line in page.text.split_inclusive('\n') {
        number += 1;
        let text = line.strip_suffix('\n').unwrap_or(line);
        let (text, is_crlf) = match text.strip_suffix('\r') {
            Some(text) => (text, true),
            None => (text, false),
        };
        ends[usize::from(is_crlf)] += u32::from(line.ends_with('\n'));
        if text.starts_with("<<<<<<< ") || text.starts_with(">>>>>>> ") {
            conflicts.push(number);
        }
        // Two spaces at the end of a line of prose are a line break.
        if page.language != Language::Prose && text.ends_with([' ', '\t']) {
            found.add(Rule::TrailingSpace, number, "it ends in white space");
        }
        if page.language.is_source() {
            indented.see(text, number);
            let columns = text.chars().count();
            // An address cannot be broken.
            if columns > COLUMNS && !text.contains("://") {
                found.add(Rule::LongLine, number, format!("{columns} columns"));
            }
        }
    }
    // One alone is text about such marks.
    if conflicts.len() > 1 {
        let count = conflicts.len();
        let message = format!("{count} marks of a merge that was not finished");
        found.add(Rule::ConflictMarker, conflicts[0], message);
    }
    if ends[0] > 0 && ends[1] > 0 {
        let [lf, crlf] = ends;
        let message = format!("{lf} lines end in LF, {crlf} in CRLF");
        found.add(Rule::MixedLineEnds, 1, message);
    }
    indented.tell(&mut found);
    if !page.text.is_empty() && !page.text.ends_with('\n') {
        found.add(Rule::NoFinalNewline, number, "the last line has no end");
    }
    found.finish()
}

/// Lines that begin with tabs and lines that begin with spaces.
#[derive(Default)]
struct Indented {
    tabs: u32,
    spaces: u32,
    first_tab: u32,
    first_space: u32,
}

impl Indented {
    fn see(&mut self, line: &str, number: u32) {
        let white = &line[..line.len() - line.trim_start().len()];
        if white.len() == line.len() {
            return;
        }
        if white.starts_with('\t') {
            self.tabs += 1;
            if self.tabs == 1 {
                self.first_tab = number;
            }
        } else if white.len() > 1 && !line.trim_start().starts_with('*') {
            // A single space, or one before a star, belongs to a comment.
            self.spaces += 1;
            if self.spaces == 1 {
                self.first_space = number;
            }
        }
    }

    fn tell(&self, found: &mut Findings) {
        if self.tabs > 0 && self.spaces > 0 {
            let (tabs, spaces) = (self.tabs, self.spaces);
            // Where the rarer of them begins.
            let line = match tabs < spaces {
                true => self.first_tab,
                false => self.first_space,
            };
            let message = format!("{tabs} lines begin with tabs, {spaces} with spaces");
            found.add(Rule::MixedIndentation, line, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(name: &str, text: &str) -> Vec<(Rule, u32)> {
        let page = Page {
            name: name.into(),
            language: Language::of(name),
            text: text.to_owned(),
            tries: Default::default(),
        };
        let found = review(&page);
        found.iter().map(|it| (it.rule, it.line)).collect()
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert_eq!(rules("a.rs", "fn main() {\n    work();\n}\n"), []);
        assert_eq!(rules("a.rs", ""), []);
    }

    #[test]
    fn each_rule_says_where() {
        let long = format!("// {}\n", "x".repeat(100));
        assert_eq!(rules("a.rs", &long), [(Rule::LongLine, 1)]);
        assert_eq!(rules("a.rs", "a\nb \n"), [(Rule::TrailingSpace, 2)]);
        assert_eq!(rules("a.rs", "a\nb"), [(Rule::NoFinalNewline, 2)]);
        assert_eq!(rules("a.rs", "a\r\nb\n"), [(Rule::MixedLineEnds, 1)]);
        let mixed = "  a\n  b\n\tc\n";
        assert_eq!(rules("a.rs", mixed), [(Rule::MixedIndentation, 3)]);
        let conflict = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n";
        assert_eq!(rules("a.rs", conflict), [(Rule::ConflictMarker, 1)]);
    }

    #[test]
    fn prose_may_break_lines_with_spaces_and_be_long() {
        let long = format!("{}  \n", "word ".repeat(40));
        assert_eq!(rules("a.md", &long), []);
        let address = format!("// https://{}\n", "x".repeat(100));
        assert_eq!(rules("a.rs", &address), []);
    }
}
