//! The report for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::drawing;
use crate::finding::Severity;
use crate::report::{FileReport, LeftOut, Report};

/// Files that are told of finding by finding.
const FILES: usize = 40;

/// Findings that are told of each of them.
const FINDINGS: usize = 15;

/// Rows of other lists.
const ROWS: usize = 40;

const MEASURES: &str = "\
## How it is measured

By words, braces and indentation, alike in all languages; no code is parsed, so
take a finding as a place to look at. A function is what has a name and a body.
Branches are `if`, `for`, `while`, cases, catches, `&&` and `||`; depth is blocks
inside each other. Public is what says so in its own line (`pub`, `export`,
`public`, a capital letter in Go, no underscore in Python), also where no other
crate or package can see it. Copies are runs of at least 8 lines that are the same
but for white space; each is compared with the first place where it stands.
";

impl Report {
    /// Writes it as Markdown.
    pub(crate) fn write_markdown(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "# Review of {}\n", text(&self.directory))?;
        if self.interrupted {
            writeln!(
                out,
                "**Interrupted: this is what was reviewed until then.**\n"
            )?;
        }
        self.summary(out)?;
        self.rules(out)?;
        self.worst_files(out)?;
        self.findings_by_file(out)?;
        self.copies(out)?;
        self.licences(out)?;
        self.languages(out)?;
        self.failed_files(out)?;
        self.skipped_files(out)?;
        writeln!(out, "{MEASURES}")?;
        writeln!(out, "## What ran\n\n```mermaid\n{}```\n", drawing::of(self))?;
        writeln!(out, "{}", self.files.account(self.files.conserved()))
    }

    fn summary(&self, out: &mut impl Write) -> io::Result<()> {
        let files = &self.files;
        let count = |severity| -> u64 {
            let rules = self.rules.iter().filter(|rule| rule.severity == severity);
            rules.map(|rule| rule.findings).sum()
        };
        writeln!(out, "| | |\n| --- | ---: |")?;
        writeln!(out, "| files | {} |", files.found)?;
        writeln!(out, "| reviewed | {} |", files.reviewed)?;
        writeln!(out, "| skipped | {} |", files.skipped)?;
        writeln!(out, "| failed | {} |", files.failed)?;
        writeln!(out, "| lines | {} |", files.lines)?;
        writeln!(out, "| serious findings | {} |", count(Severity::Serious))?;
        writeln!(out, "| warnings | {} |", count(Severity::Warning))?;
        writeln!(out, "| notes | {} |", count(Severity::Note))?;
        writeln!(out, "| files without a finding | {} |\n", self.clean())?;
        for note in &self.notes {
            writeln!(out, "- {}", text(note))?;
        }
        if !self.notes.is_empty() {
            writeln!(out)?;
        }
        Ok(())
    }

    fn clean(&self) -> usize {
        self.reviewed.len() - self.worst().count()
    }

    fn rules(&self, out: &mut impl Write) -> io::Result<()> {
        if self.rules.is_empty() {
            return writeln!(out, "Nothing was found.\n");
        }
        writeln!(out, "## What was found, and what to do\n")?;
        writeln!(out, "| finding | weight | times | files | what to do |")?;
        writeln!(out, "| --- | --- | ---: | ---: | --- |")?;
        for rule in &self.rules {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                rule.rule.name(),
                word(rule.severity),
                rule.findings,
                rule.files,
                rule.advice
            )?;
        }
        writeln!(out)
    }

    fn worst_files(&self, out: &mut impl Write) -> io::Result<()> {
        if self.worst().next().is_none() {
            return Ok(());
        }
        writeln!(out, "## Worst files\n")?;
        writeln!(out, "A note counts 1, a warning 3, what is serious 10.\n")?;
        writeln!(
            out,
            "| score | file | lines | serious | warnings | notes | longest function | most branches |"
        )?;
        writeln!(
            out,
            "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for file in self.worst().take(FILES) {
            let [serious, warnings, notes] = counts(file);
            writeln!(
                out,
                "| {} | {} | {} | {serious} | {warnings} | {notes} | {} | {} |",
                file.score,
                code(&file.path),
                file.lines,
                file.complexity.longest,
                file.complexity.branches,
            )?;
        }
        more(out, self.worst().count(), FILES, "files with findings")
    }

    fn findings_by_file(&self, out: &mut impl Write) -> io::Result<()> {
        for file in self.worst().take(FILES) {
            writeln!(out, "### {}\n", code(&file.path))?;
            // Of many, those that matter most, in the order of the file.
            let mut told: Vec<_> = file.findings.iter().collect();
            told.sort_by_key(|finding| std::cmp::Reverse(finding.rule.severity()));
            told.truncate(FINDINGS);
            told.sort();
            for finding in &told {
                writeln!(
                    out,
                    "- {} {}: {}",
                    code(&format!("{}:{}", file.path, finding.line)),
                    finding.rule.name(),
                    text_with_code(&finding.message),
                )?;
            }
            let left = file.findings.len() - told.len();
            if left > 0 {
                writeln!(out, "- and {left} more in `review.json`")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn copies(&self, out: &mut impl Write) -> io::Result<()> {
        if self.copies.is_empty() {
            return Ok(());
        }
        writeln!(out, "## Copies\n")?;
        writeln!(
            out,
            "Lines that count: without blank ones, braces and imports.\n"
        )?;
        writeln!(out, "| lines | here | as there |\n| ---: | --- | --- |")?;
        for copy in self.copies.iter().take(ROWS) {
            let place = |place: &crate::report::Place| {
                code(&format!("{}:{}-{}", place.path, place.first, place.last))
            };
            let (here, there) = (place(&copy.copy), place(&copy.original));
            writeln!(out, "| {} | {here} | {there} |", copy.lines)?;
        }
        more(out, self.copies.len(), ROWS, "copies")
    }

    fn licences(&self, out: &mut impl Write) -> io::Result<()> {
        if self.licence.headers.is_empty() {
            return Ok(());
        }
        writeln!(out, "## Licence headers\n")?;
        writeln!(
            out,
            "Most source files: {}.\n",
            text(&self.licence.majority)
        )?;
        writeln!(out, "| header | files |\n| --- | ---: |")?;
        for (name, files) in self.licence.headers.iter().take(ROWS) {
            writeln!(out, "| {} | {files} |", text(name))?;
        }
        writeln!(out)
    }

    fn languages(&self, out: &mut impl Write) -> io::Result<()> {
        if self.languages.is_empty() {
            return Ok(());
        }
        writeln!(out, "## Languages\n")?;
        writeln!(
            out,
            "| language | files | lines | functions | public items with a comment | lines with a comment |"
        )?;
        writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        for it in &self.languages {
            let (documented, comments) = match it.language.is_source() {
                true => (
                    share(it.documented, it.public),
                    share(it.comment_lines, it.full_lines),
                ),
                false => Default::default(),
            };
            writeln!(
                out,
                "| {} | {} | {} | {} | {documented} | {comments} |",
                it.language.name(),
                it.files,
                it.lines,
                it.functions,
            )?;
        }
        writeln!(out)
    }

    fn failed_files(&self, out: &mut impl Write) -> io::Result<()> {
        let (failed, not_reached) = self.failures();
        left_out(out, "Failed", &failed)?;
        if not_reached > 0 {
            writeln!(out, "Files that were not reached: {not_reached}.\n")?;
        }
        Ok(())
    }

    fn skipped_files(&self, out: &mut impl Write) -> io::Result<()> {
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for file in &self.skipped {
            let kind = file.reason.split(':').next().unwrap_or_default();
            *reasons.entry(kind).or_default() += 1;
        }
        left_out(out, "Skipped", &self.skipped.iter().collect::<Vec<_>>())?;
        for (reason, files) in reasons {
            writeln!(out, "- {}: {files}", text(reason))?;
        }
        if !self.skipped.is_empty() {
            writeln!(out)?;
        }
        Ok(())
    }
}

fn counts(file: &FileReport) -> [u32; 3] {
    [Severity::Serious, Severity::Warning, Severity::Note].map(|severity| file.count(severity))
}

fn left_out(out: &mut impl Write, title: &str, files: &[&LeftOut]) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    writeln!(out, "## {title}\n\n| file | reason |\n| --- | --- |")?;
    for file in files.iter().take(ROWS) {
        writeln!(out, "| {} | {} |", code(&file.path), text(&file.reason))?;
    }
    more(out, files.len(), ROWS, "files")
}

/// Ends a table, and says what it does not show.
fn more(out: &mut impl Write, all: usize, shown: usize, of: &str) -> io::Result<()> {
    match all.checked_sub(shown) {
        Some(left @ 1..) => writeln!(out, "\nand {left} more {of} in `review.json`\n"),
        _ => writeln!(out),
    }
}

fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_owned(),
        whole => format!("{} % of {whole}", part * 100 / whole),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => "serious",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Text that can break out of neither its cell nor its line, and is no markup.
fn text(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '|' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                safe.push('\\');
                safe.push(c);
            }
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// As [`text`], with what stands between back-ticks as code.
fn text_with_code(words: &str) -> String {
    let parts = words.split('`').enumerate();
    let part = |(at, part): (usize, &str)| match at % 2 {
        0 => text(part),
        _ => code(part),
    };
    parts.map(part).collect()
}

/// A name as code. A back-tick would end it, a bar the cell.
fn code(name: &str) -> String {
    let safe = |c: char| match c {
        '`' => '\'',
        '|' => '\u{a6}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    format!("`{}`", name.chars().map(safe).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_cell() {
        assert_eq!(code("a`b|c\nd"), "`a'b\u{a6}c\u{fffd}d`");
        assert_eq!(text("<b>|x"), "\\<b\\>\\|x");
        assert_eq!(text_with_code("`f_x` is_public"), "`f_x` is\\_public");
    }

    #[test]
    fn a_table_says_what_it_leaves_out() {
        let mut out = Vec::new();
        more(&mut out, 5, 3, "files").expect("memory");
        assert_eq!(out, b"\nand 2 more files in `review.json`\n\n");
    }
}
