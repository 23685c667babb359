//! The report for people. What could be endless is cut, and says so; every
//! file has its line in any case.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{self, Write};

use crate::report::{Document, Report};

/// Documents whose summary is shown, the largest ones.
const SUMMARIES: usize = 10;

/// Groups of near-duplicates, and files in each, that are shown.
const GROUPS: usize = 100;
const MEMBERS: usize = 20;

/// Broken links that are shown.
const BROKEN: usize = 1_000;

impl Report {
    /// Writes the report as Markdown.
    pub(crate) fn write_markdown(&self, to: &mut impl Write) -> io::Result<()> {
        writeln!(to, "# Crew report\n")?;
        self.overview(to)?;
        self.summaries(to)?;
        self.duplicates(to)?;
        self.broken_links(to)?;
        self.failures(to)?;
        self.links(to)?;
        self.files(to)?;
        self.run(to)
    }

    fn overview(&self, to: &mut impl Write) -> io::Result<()> {
        let totals = &self.totals;
        writeln!(
            to,
            "**{} files** in {}: {} results, {} failures{}.\n",
            self.files,
            escape(&self.directory),
            self.results,
            self.failures,
            if self.run.interrupted {
                "; interrupted"
            } else {
                ""
            }
        )?;
        writeln!(
            to,
            "| bytes | words | sentences | relative links | broken |"
        )?;
        writeln!(to, "| ---: | ---: | ---: | ---: | ---: |")?;
        writeln!(
            to,
            "| {} | {} | {} | {} | {} |\n",
            totals.bytes, totals.words, totals.sentences, totals.links, totals.broken_links
        )?;
        if !self.keywords.is_empty() {
            let terms: Vec<String> = self
                .keywords
                .iter()
                .map(|keyword| format!("{} ({})", escape(&keyword.term), keyword.files))
                .collect();
            writeln!(to, "**Keywords** (files): {}\n", terms.join(", "))?;
        }
        if !self.languages.is_empty() {
            writeln!(to, "| language | files |\n| --- | ---: |")?;
            for language in &self.languages {
                writeln!(to, "| {} | {} |", language.name, language.files)?;
            }
            writeln!(to)?;
        }
        Ok(())
    }

    fn summaries(&self, to: &mut impl Write) -> io::Result<()> {
        let mut largest: Vec<&Document> = self
            .documents
            .iter()
            .filter(|document| !document.analysis.summary.is_empty())
            .collect();
        if largest.is_empty() {
            return Ok(());
        }
        // Stable, so those of the same size are in the order of paths.
        largest.sort_by_key(|document| std::cmp::Reverse(document.analysis.words));
        writeln!(to, "## The largest in brief\n")?;
        for document in largest.into_iter().take(SUMMARIES) {
            let words = document.analysis.words;
            writeln!(to, "**{}** ({words} words)\n", escape(&document.path))?;
            for sentence in &document.analysis.summary {
                writeln!(to, "> {}", escape(&sentence.text))?;
            }
            writeln!(to)?;
        }
        Ok(())
    }

    fn duplicates(&self, to: &mut impl Write) -> io::Result<()> {
        if self.duplicates.is_empty() {
            return Ok(());
        }
        writeln!(to, "## Near-duplicates\n")?;
        for group in self.duplicates.iter().take(GROUPS) {
            let shown: Vec<String> = group
                .files
                .iter()
                .take(MEMBERS)
                .map(|path| escape(path).to_string())
                .collect();
            let rest = more(group.files.len(), MEMBERS);
            let similar = group.similarity * 100.0;
            writeln!(to, "- {similar:.0} %: {}{rest}", shown.join(", "))?;
        }
        if self.duplicates.len() > GROUPS {
            writeln!(to, "- {} more groups", self.duplicates.len() - GROUPS)?;
        }
        writeln!(to)
    }

    fn broken_links(&self, to: &mut impl Write) -> io::Result<()> {
        let links = || {
            self.documents.iter().flat_map(|document| {
                document
                    .analysis
                    .broken
                    .iter()
                    .map(|link| (&document.path, link))
            })
        };
        let count = links().count();
        if count == 0 {
            return Ok(());
        }
        writeln!(to, "## Broken links\n")?;
        writeln!(to, "| file | line | target |\n| --- | ---: | --- |")?;
        for (path, link) in links().take(BROKEN) {
            writeln!(
                to,
                "| {} | {} | {} |",
                escape(path),
                link.line,
                escape(&link.target)
            )?;
        }
        writeln!(to, "{}", more(count, BROKEN))
    }

    fn failures(&self, to: &mut impl Write) -> io::Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for failed in &self.failed {
            *kinds.entry(failed.reason.kind()).or_default() += 1;
        }
        let kinds: Vec<String> = kinds
            .into_iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        writeln!(to, "## Failures\n\n{}\n", kinds.join(", "))?;
        writeln!(to, "| file | reason |\n| --- | --- |")?;
        for failed in &self.failed {
            let reason = failed.reason.to_string();
            writeln!(to, "| {} | {} |", escape(&failed.path), escape(&reason))?;
        }
        writeln!(to)
    }

    fn links(&self, to: &mut impl Write) -> io::Result<()> {
        if self.links_not_followed.is_empty() {
            return Ok(());
        }
        writeln!(to, "## Symbolic links, not followed\n")?;
        for link in &self.links_not_followed {
            let note = if link.is_loop { " (a loop)" } else { "" };
            writeln!(
                to,
                "- {} → {}{note}",
                escape(&link.name),
                escape(&link.target)
            )?;
        }
        writeln!(to)
    }

    fn files(&self, to: &mut impl Write) -> io::Result<()> {
        if self.documents.is_empty() {
            return Ok(());
        }
        writeln!(to, "## Files\n")?;
        writeln!(to, "| file | words | sentences | language | keywords |")?;
        writeln!(to, "| --- | ---: | ---: | --- | --- |")?;
        for document in &self.documents {
            let analysis = &document.analysis;
            let language = analysis
                .sure_language()
                .map_or("", |language| language.eng_name());
            write!(
                to,
                "| {} | {} | {} | {language} | ",
                escape(&document.path),
                analysis.words,
                analysis.sentences
            )?;
            for (at, term) in document.keywords.iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                write!(to, "{comma}{}", escape(term))?;
            }
            writeln!(to, " |")?;
        }
        writeln!(to)
    }

    fn run(&self, to: &mut impl Write) -> io::Result<()> {
        writeln!(to, "## Run\n\n```text")?;
        self.write_run(to)?;
        writeln!(to, "```")
    }

    /// How the run went, as plain lines; also what the program ends with.
    pub(crate) fn write_run(&self, to: &mut impl Write) -> io::Result<()> {
        let run = &self.run;
        for line in &run.tree {
            writeln!(to, "{line}")?;
        }
        writeln!(
            to,
            "throughput    {:.0} files/s, {:.1} MB/s ({} files in {:.2} s)",
            run.files_per_second, run.megabytes_per_second, self.files, self.seconds
        )?;
        writeln!(
            to,
            "latency       p50 {}, p95 {}, p99 {}, max {}",
            Micros(run.latency.p50_us),
            Micros(run.latency.p95_us),
            Micros(run.latency.p99_us),
            Micros(run.latency.max_us)
        )?;
        writeln!(to, "restarts      {}", self.restarts)?;
        let reasons: Vec<String> = run
            .dead_letters
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let reasons = match reasons.len() {
            0 => String::new(),
            _ => format!(" ({})", reasons.join(", ")),
        };
        writeln!(to, "dead letters  {}{reasons}", self.dead_letters)?;
        for line in &run.conservation {
            writeln!(to, "conservation  {line}")?;
        }
        Ok(())
    }
}

/// What is left out of a list of `count` of which `shown` are shown.
fn more(count: usize, shown: usize) -> String {
    match count.checked_sub(shown) {
        None | Some(0) => String::new(),
        Some(rest) => format!(" and {rest} more"),
    }
}

struct Micros(u32);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            micros @ 0..1_000 => write!(f, "{micros} µs"),
            micros @ 1_000..1_000_000 => write!(f, "{:.1} ms", f64::from(micros) / 1e3),
            micros => write!(f, "{:.2} s", f64::from(micros) / 1e6),
        }
    }
}

/// Text that stays what it is in a line or a cell of Markdown.
fn escape(text: &str) -> impl Display + '_ {
    struct Escaped<'a>(&'a str);
    impl Display for Escaped<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            use fmt::Write;
            for char in self.0.chars() {
                match char {
                    '|' | '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '~' | '#' | '&' | '$' => {
                        f.write_char('\\')?;
                        f.write_char(char)?;
                    }
                    '\n' | '\r' | '\t' => f.write_char('␣')?,
                    char if char.is_control() => write!(f, "{}", char.escape_unicode())?,
                    char => f.write_char(char)?,
                }
            }
            Ok(())
        }
    }
    Escaped(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analyser;
    use crate::editor::{Editor, Outcome};
    use crate::read::Reason;
    use std::path::Path;
    use std::time::Duration;

    fn markdown(editor: Editor) -> String {
        let mut out = Vec::new();
        let report = editor.assemble();
        report.write_markdown(&mut out).expect("memory has room");
        String::from_utf8(out).expect("the report is UTF-8")
    }

    #[test]
    fn a_report_about_nothing_is_short_and_whole() {
        let text = markdown(Editor::default());
        assert!(text.contains("**0 files**"));
        assert!(text.contains("files 0 = results 0 + failures 0: holds"));
        assert!(!text.contains("## Failures"));
    }

    #[test]
    fn a_path_cannot_break_out_of_its_cell() {
        let mut editor = Editor::default();
        let file = editor.expect("a|b\n`c`\u{1b}[31m.txt");
        editor.answer(file, Outcome::Failure(Reason::Binary), Duration::ZERO);
        let text = markdown(editor);
        assert!(
            text.contains("| a\\|b␣\\`c\\`\\u{1b}\\[31m.txt | binary |\n"),
            "{text}"
        );
    }

    #[test]
    fn every_file_has_its_line() {
        let mut editor = Editor::default();
        let mut analyser = Analyser::new();
        for i in 0..300 {
            let file = editor.expect(&format!("f{i}.txt"));
            let outcome = match i % 3 {
                0 => Outcome::Failure(Reason::TimedOut),
                _ => Outcome::Result(analyser.analyse(Path::new("x"), "The same text.")),
            };
            editor.answer(file, outcome, Duration::from_micros(i));
        }
        let text = markdown(editor);
        for i in 0..300 {
            assert!(text.contains(&format!("\n| f{i}.txt | ")), "f{i}");
        }
        assert!(text.contains(" and 180 more\n"), "duplicates are cut");
    }

    #[test]
    fn times_are_shown_in_a_fitting_unit() {
        let shown = [7, 1_500, 2_500_000].map(|micros| Micros(micros).to_string());
        assert_eq!(shown, ["7 µs", "1.5 ms", "2.50 s"]);
    }
}
