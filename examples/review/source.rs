//! Source text taken apart: for each line what of it is code, with the insides of
//! strings blanked out, and whether there is a comment.
//!
//! It is no parser. It knows comments, strings and characters, which is enough to
//! count braces and words, and it is wrong where a language has more to offer: a
//! regular expression in JavaScript that holds a quote, for example.

use crate::language::Language;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// As it is in the file, without its end.
    pub(crate) text: &'a str,
    /// Without comments and the insides of strings.
    pub(crate) code: String,
    /// Whether a part of it is a comment.
    pub(crate) has_comment: bool,
}

impl Line<'_> {
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether there is nothing on it but a comment.
    pub(crate) fn is_comment(&self) -> bool {
        self.has_comment && self.code.trim().is_empty()
    }

    /// Columns before its text; a tab goes to the next column divisible by 4.
    pub(crate) fn indent(&self) -> usize {
        let white = self.text.chars().take_while(|c| c.is_whitespace());
        white.fold(0, |at, c| if c == '\t' { at / 4 * 4 + 4 } else { at + 1 })
    }
}

#[derive(Clone, Copy)]
enum Inside {
    Code,
    /// A comment to its closing mark, this many of them inside each other.
    Comment(u32),
    /// A string to this quote; if it may go over several lines.
    String(char, Lines),
    /// A string to three of this quote.
    Triple(char),
    /// A raw string to a quote and this many hashes.
    Raw(usize),
}

#[derive(Clone, Copy, PartialEq)]
enum Lines {
    One,
    Several,
}

/// The lines of a text in this language.
pub(crate) fn lines(text: &str, language: Language) -> Vec<Line<'_>> {
    let mut inside = Inside::Code;
    text.lines()
        .map(|text| {
            let mut reader = Reader {
                chars: text.chars().collect(),
                at: 0,
                language,
                code: String::with_capacity(text.len()),
                has_comment: matches!(inside, Inside::Comment(_)),
                inside,
            };
            while reader.at < reader.chars.len() {
                reader.step();
            }
            inside = match reader.inside {
                Inside::String(_, Lines::One) => Inside::Code,
                inside => inside,
            };
            Line {
                text,
                code: reader.code,
                has_comment: reader.has_comment,
            }
        })
        .collect()
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    language: Language,
    code: String,
    has_comment: bool,
    inside: Inside,
}

impl Reader {
    fn sees(&self, mark: &str) -> bool {
        let mut rest = self.chars[self.at..].iter();
        mark.chars().all(|c| rest.next() == Some(&c))
    }

    fn skip(&mut self, chars: usize) {
        self.at += chars;
    }

    fn step(&mut self) {
        let c = self.chars[self.at];
        match self.inside {
            Inside::Code => self.code(c),
            Inside::Comment(depth) => self.comment(depth),
            Inside::String(quote, _) => match c {
                '\\' => self.skip(2),
                _ => self.close(c == quote, 1),
            },
            Inside::Triple(quote) => {
                let ends = self.sees(&quote.to_string().repeat(3));
                match c {
                    '\\' => self.skip(2),
                    _ => self.close(ends, 3),
                }
            }
            Inside::Raw(hashes) => {
                let ends = self.sees(&format!("\"{}", "#".repeat(hashes)));
                self.close(ends, 1 + hashes);
            }
        }
    }

    /// Leaves a string if it ends here.
    fn close(&mut self, ends: bool, mark: usize) {
        if ends {
            self.inside = Inside::Code;
            self.code.push('"');
            self.skip(mark);
        } else {
            self.skip(1);
        }
    }

    fn comment(&mut self, depth: u32) {
        if self.sees("*/") {
            self.inside = match depth {
                1 => Inside::Code,
                depth => Inside::Comment(depth - 1),
            };
            self.skip(2);
        } else if self.language == Language::Rust && self.sees("/*") {
            self.inside = Inside::Comment(depth + 1);
            self.skip(2);
        } else {
            self.skip(1);
        }
    }

    fn code(&mut self, c: char) {
        let is_python = self.language == Language::Python;
        let opens = |reader: &mut Self, inside, mark| {
            reader.inside = inside;
            reader.code.push('"');
            reader.skip(mark);
        };
        if (is_python && c == '#') || (!is_python && self.sees("//")) {
            self.has_comment = true;
            self.at = self.chars.len();
        } else if !is_python && self.sees("/*") {
            self.has_comment = true;
            self.inside = Inside::Comment(1);
            self.skip(2);
        } else if is_python && (self.sees("\"\"\"") || self.sees("'''")) {
            opens(self, Inside::Triple(c), 3);
        } else if let Some(hashes) = self.raw() {
            opens(self, Inside::Raw(hashes), 2 + hashes);
        } else if c == '"' {
            let lines = match self.language {
                Language::Rust => Lines::Several,
                _ => Lines::One,
            };
            opens(self, Inside::String('"', lines), 1);
        } else if c == '`' && matches!(self.language, Language::JavaScript | Language::Go) {
            opens(self, Inside::String('`', Lines::Several), 1);
        } else if c == '\'' && (self.language != Language::Rust || self.is_character()) {
            opens(self, Inside::String('\'', Lines::One), 1);
        } else {
            self.code.push(c);
            self.skip(1);
        }
    }

    /// The hashes of the raw string that begins here.
    fn raw(&self) -> Option<usize> {
        if self.language != Language::Rust || self.chars[self.at] != 'r' {
            return None;
        }
        // The end of a word is no beginning; that of `br` is.
        let before = self.at.checked_sub(1).map(|at| self.chars[at]);
        if before.is_some_and(|c| c != 'b' && (c.is_alphanumeric() || c == '_')) {
            return None;
        }
        let rest = &self.chars[self.at + 1..];
        let hashes = rest.iter().take_while(|c| **c == '#').count();
        (rest.get(hashes) == Some(&'"')).then_some(hashes)
    }

    /// Whether this quote begins a character rather than a lifetime.
    fn is_character(&self) -> bool {
        match self.chars.get(self.at + 1) {
            Some('\\') => true,
            Some(_) => self.chars.get(self.at + 2) == Some(&'\''),
            None => false,
        }
    }
}

/// The words of a piece of code, with every other mark as a word of its own.
pub(crate) fn words(code: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            // Marks of two characters that say one thing.
            false if ["&&", "||", "=>"].iter().any(|mark| rest.starts_with(mark)) => 2,
            false => first.len_utf8(),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, language: Language) -> Vec<String> {
        let lines = lines(text, language);
        lines.into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn strings_and_comments_are_no_code() {
        let text = "let a = \"{ // no\"; // { yes\nlet b = 'c'; /* { */ }";
        assert_eq!(
            code(text, Language::Rust),
            ["let a = \"\"; ", "let b = \"\";  }"]
        );
        let text = "x = '#{' # {\ny = \"\"\"a {\n} b\"\"\" + z";
        assert_eq!(
            code(text, Language::Python),
            ["x = \"\" ", "y = \"", "\" + z"]
        );
        assert_eq!(
            code("s := `{\n` + \"\\\"{\"", Language::Go),
            ["s := \"", "\" + \"\""]
        );
    }

    #[test]
    fn rust_has_lifetimes_raw_strings_and_nested_comments() {
        let text = "fn f<'a>(x: &'a str) {\nr#\"\"{\"# br\"}\" '\\'' '{'\n/* /* { */ { */ }";
        let all = code(text, Language::Rust);
        assert_eq!(all[0], "fn f<'a>(x: &'a str) {");
        assert_eq!(all[1], "\"\" b\"\" \"\" \"\"");
        assert_eq!(all[2], " }");
    }

    #[test]
    fn an_open_quote_ends_with_its_line_where_strings_do() {
        assert_eq!(code("don't {\n}", Language::C), ["don\"", "}"]);
    }

    #[test]
    fn any_text_is_read_without_a_panic() {
        for text in [
            "\\",
            "\"\\",
            "'",
            "r#",
            "/*",
            "'''",
            "r\"",
            "\u{feff}\"\u{1f600}\\",
        ] {
            for language in [Language::Rust, Language::Python, Language::Go, Language::C] {
                lines(text, language);
            }
        }
    }

    #[test]
    fn words_and_marks_are_told_apart() {
        assert_eq!(
            words(" if a_1&&b { =>"),
            ["if", "a_1", "&&", "b", "{", "=>"]
        );
        assert!(words("  ").is_empty());
    }
}
