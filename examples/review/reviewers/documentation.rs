//! Documentation: public items without a comment, files without a header, the
//! share of comments.
//!
//! Public is what says so in its own line: `pub` in Rust, `export` in JavaScript,
//! `public` in Java and its like, a capital letter in Go, no underscore in Python.
//! C says it nowhere, so only headers and comments are looked at.

use crate::finding::{Finding, Findings, Rule};
use crate::language::Language;
use crate::page::Documentation;
use crate::source::{Line, words};

/// Lines from which on a file is expected to have comments.
const LONG: u32 = 200;

/// Lines for each of which there should be one with a comment.
const LINES_A_COMMENT: u32 = 50;

pub(super) fn review(language: Language, lines: &[Line<'_>]) -> (Documentation, Vec<Finding>) {
    let mut found = Findings::default();
    let mut measures = Documentation::default();
    // Whether the next item is documented by what came last.
    let mut is_documented = false;
    let mut attribute = 0_i32;
    let mut classes: Vec<usize> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        measures.full_lines += u32::from(!line.is_blank());
        measures.comment_lines += u32::from(line.has_comment);
        let text = line.text.trim_start();
        if line.is_comment() {
            // Go, C and scripts have no marks of their own for documentation.
            is_documented = language != Language::Rust
                || text.starts_with("///")
                || text.starts_with("/**")
                || is_documented;
            continue;
        }
        let words = words(&line.code);
        if attribute > 0 || is_attribute(text) {
            is_documented |= text.starts_with("#[doc");
            attribute += balance(&words);
            continue;
        }
        if words.is_empty() {
            // Rust lets a blank line stand between the two.
            is_documented &= language == Language::Rust;
            continue;
        }
        if language == Language::Python {
            while classes.pop_if(|class| line.indent() <= *class).is_some() {}
        }
        if let Some(name) = public(language, line, &words, &classes) {
            let has_comment = match language {
                Language::Python => docstring(&lines[at..]),
                _ => is_documented,
            };
            measures.public += 1;
            measures.documented += u32::from(has_comment);
            if !has_comment {
                found.add(Rule::Undocumented, number, format!("`{name}` is public"));
            }
        }
        if language == Language::Python && words[0] == "class" {
            classes.push(line.indent());
        }
        is_documented = false;
    }
    if !opens_with_comment(language, lines) && measures.full_lines > 0 {
        found.add(Rule::NoHeader, 1, "no comment says what the file is for");
    }
    let (full, comments) = (measures.full_lines, measures.comment_lines);
    if full > LONG && comments < full / LINES_A_COMMENT {
        let message = format!("{comments} of {full} lines have a comment");
        found.add(Rule::FewComments, 1, message);
    }
    (measures, found.finish())
}

/// Attributes and annotations, which stand between an item and its comment.
fn is_attribute(text: &str) -> bool {
    ["#[", "@", "["].iter().any(|mark| text.starts_with(mark))
}

fn balance(words: &[&str]) -> i32 {
    let sum = |word: &&str| match *word {
        "[" | "(" => 1,
        "]" | ")" => -1,
        _ => 0,
    };
    words.iter().map(sum).sum()
}

/// The name of the public item that is declared in this line.
fn public<'a>(
    language: Language,
    line: &Line<'_>,
    words: &[&'a str],
    classes: &[usize],
) -> Option<&'a str> {
    let after = |keywords: &[&str]| {
        let at = words.iter().position(|word| keywords.contains(word))?;
        words.get(at + 1).copied()
    };
    match (language, words[0]) {
        (Language::Rust, "pub") if words.get(1) != Some(&"(") => {
            let items = [
                "fn", "struct", "enum", "trait", "static", "type", "union", "mod",
            ];
            match words.contains(&"use") || words.ends_with(&[";"]) && words.contains(&"mod") {
                // A module that is a file says in there what it is.
                true => None,
                false => after(&items).or_else(|| after(&["const"])),
            }
        }
        (Language::JavaScript, "export") => after(&[
            "function",
            "class",
            "const",
            "let",
            "interface",
            "type",
            "enum",
        ]),
        (Language::Java, "public") => {
            let types = after(&["class", "interface", "enum", "struct", "record"]);
            types.or_else(|| {
                let at = words.iter().position(|word| *word == "(")?;
                words[..at].last().copied()
            })
        }
        (Language::Go, "func" | "type") if line.indent() == 0 => {
            let name = match words.get(1) {
                Some(&"(") => {
                    let end = words.iter().position(|word| *word == ")")?;
                    words.get(end + 1)
                }
                name => name,
            };
            let is_public = |name: &&&str| name.starts_with(char::is_uppercase);
            name.filter(is_public).copied()
        }
        (Language::Python, "def" | "class" | "async") => {
            let is_member = classes.last().is_some_and(|class| line.indent() > *class);
            let name = after(&["def", "class"])?;
            let is_public = !name.starts_with('_') && (line.indent() == 0 || is_member);
            is_public.then_some(name)
        }
        _ => None,
    }
}

/// Whether the first thing after a header that ends with a colon is a string.
fn docstring(lines: &[Line<'_>]) -> bool {
    let ends_header = |line: &Line<'_>| line.code.trim_end().ends_with(':');
    let Some(end) = lines.iter().position(ends_header) else {
        return false;
    };
    let mut body = lines[end + 1..].iter();
    let first = body.find(|line| !line.is_blank() && !line.is_comment());
    first.is_some_and(|line| {
        let text = line.text.trim_start().trim_start_matches(['r', 'u', 'R']);
        text.starts_with(['"', '\''])
    })
}

fn opens_with_comment(language: Language, lines: &[Line<'_>]) -> bool {
    let mut lines = lines.iter().filter(|line| !line.is_blank());
    let first = match lines.next() {
        // What a shell reads comes before it.
        Some(line) if line.text.starts_with("#!") && !line.text.starts_with("#![") => lines.next(),
        first => first,
    };
    first.is_some_and(|line| {
        let is_string = language == Language::Python && line.text.starts_with(['"', '\'']);
        line.is_comment() || is_string
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::lines;

    fn undocumented(language: Language, text: &str) -> Vec<u32> {
        let (_, found) = review(language, &lines(text, language));
        let found = found.iter().filter(|it| it.rule == Rule::Undocumented);
        found.map(|it| it.line).collect()
    }

    #[test]
    fn rust_items_are_documented_through_their_attributes() {
        let text = "/// Doc.\n#[derive(\n    A,\n)]\npub struct A;\npub struct B;\n// no doc\npub fn c() {}\n\
                    pub(crate) fn d() {}\npub mod e;\npub use f::F;\n/// Doc.\npub const fn g() {}\n\
                    #[doc(hidden)]\npub fn h() {}\n";
        assert_eq!(undocumented(Language::Rust, text), [6, 8]);
    }

    #[test]
    fn what_other_languages_call_public_is_found() {
        let go = "// Run runs.\nfunc Run() {}\nfunc (s *S) Stop() {}\nfunc small() {}\ntype T struct {}\n";
        assert_eq!(undocumented(Language::Go, go), [3, 5]);
        let js =
            "/** Doc. */\nexport function a() {}\nexport default class B {}\nfunction c() {}\n";
        assert_eq!(undocumented(Language::JavaScript, js), [3]);
        let java =
            "/** Doc. */\n@Override\npublic void a() {}\npublic class B {}\nprivate int c() {}\n";
        assert_eq!(undocumented(Language::Java, java), [4]);
        let python = "def a():\n    \"\"\"Doc.\"\"\"\nclass B:\n    def c(\n        self,\n    ):\n        pass\n\
                      def _d():\n    pass\ndef e():\n    def inner():\n        pass\n";
        assert_eq!(undocumented(Language::Python, python), [3, 4, 10]);
    }

    #[test]
    fn files_open_with_a_comment() {
        let has_header = |text| {
            let (_, found) = review(Language::Python, &lines(text, Language::Python));
            !found.iter().any(|it| it.rule == Rule::NoHeader)
        };
        assert!(has_header("#!/usr/bin/env python\n# What it is for.\n"));
        assert!(has_header("\n\"\"\"What it is for.\"\"\"\n"));
        assert!(!has_header("import os\n"));
        assert!(has_header(""));
    }

    #[test]
    fn a_long_file_without_comments_is_noted() {
        let text = "int x;\n".repeat(201);
        let (measures, found) = review(Language::C, &lines(&text, Language::C));
        assert!(found.iter().any(|it| it.rule == Rule::FewComments));
        assert_eq!(measures.full_lines, 201);
    }
}
