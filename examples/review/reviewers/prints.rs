//! Fingerprints: a hash for each run of a few lines, as they are without white
//! space, by which copies are found across files.

use crate::common::hash;
use crate::page::Print;

/// Lines in a run. Fewer make copies of what everybody writes.
pub(crate) const WINDOW: usize = 8;

/// Letters and digits that a run has at least: lists of short lines look alike
/// and are none.
const SUBSTANCE: usize = 120;

/// Prints of one file; what comes after is not looked at.
const MOST: usize = 10_000;

pub(super) fn of(text: &str) -> Vec<Print> {
    let mut lines: Vec<(u64, usize, u32)> = Vec::new();
    let mut bare = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        bare.clear();
        bare.extend(line.chars().filter(|c| !c.is_whitespace()));
        let substance = bare.chars().filter(|c| c.is_alphanumeric()).count();
        // Braces alone are no content; nor are imports, which are alike wherever
        // the same things are used.
        let start = line.trim_start();
        let is_import = ["use ", "pub use ", "import ", "from ", "#include", "mod "];
        if substance > 0 && !is_import.iter().any(|word| start.starts_with(word)) {
            lines.push((hash::of_bytes(bare.as_bytes()), substance, number));
        }
    }
    let windows = (0..).zip(lines.windows(WINDOW));
    let full = windows.filter(|(_, run)| run.iter().map(|line| line.1).sum::<usize>() >= SUBSTANCE);
    full.take(MOST)
        .map(|(at, run)| Print {
            hash: run.iter().fold(0, |all, line| hash::mix(all ^ line.0)),
            at,
            first: run[0].2,
            last: run[WINDOW - 1].2,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> String {
        let line = |n| format!("    let value_{n} = compute_something({n});\n\n}}\n");
        (0..count).map(line).collect()
    }

    #[test]
    fn white_space_and_braces_make_no_difference() {
        let text = lines(WINDOW + 1);
        let dense: String = text
            .lines()
            .map(|line| format!("\t{}\n", line.trim()))
            .collect();
        let dense = dense.replace("\n\t\n\t}", "");
        let hashes = |text: &str| of(text).iter().map(|print| print.hash).collect::<Vec<_>>();
        assert_eq!(hashes(&text).len(), 2);
        assert_eq!(hashes(&text), hashes(&dense));
        assert_eq!((of(&text)[1].first, of(&text)[1].last), (4, 25));
    }

    #[test]
    fn short_files_and_empty_lines_have_none() {
        assert!(of(&lines(WINDOW - 1)).is_empty());
        assert!(of(&"a,\n".repeat(100)).is_empty());
    }
}
