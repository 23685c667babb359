//! Words and sentences of a text in any script. One pass over the bytes each,
//! with a char decoded only where a byte is not ASCII.

use std::ops::Range;

/// The words of `text`, in order.
///
/// A word is a run of letters and digits; an apostrophe or an underscore stays
/// inside one, and where writing has no spaces each ideograph is a word.
pub(crate) fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// See [`words`].
pub(crate) struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        let start = loop {
            let Some(&byte) = bytes.get(at) else {
                self.at = at;
                return None;
            };
            if byte.is_ascii() {
                if byte.is_ascii_alphanumeric() {
                    break at;
                }
                at += 1;
            } else {
                let char = char_at(self.text, at);
                if is_ideograph(char) {
                    self.at = at + char.len_utf8();
                    return Some(&self.text[at..self.at]);
                }
                if char.is_alphanumeric() {
                    break at;
                }
                at += char.len_utf8();
            }
        };
        while let Some(&byte) = bytes.get(at) {
            if byte.is_ascii_alphanumeric() {
                at += 1;
            } else if byte.is_ascii() {
                if !matches!(byte, b'\'' | b'_') || !continues(self.text, at + 1) {
                    break;
                }
                at += 1;
            } else {
                let char = char_at(self.text, at);
                let inside = !is_ideograph(char)
                    && (char.is_alphanumeric()
                        || is_mark(char)
                        || (char == '\u{2019}' && continues(self.text, at + 3)));
                if !inside {
                    break;
                }
                at += char.len_utf8();
            }
        }
        self.at = at;
        Some(&self.text[start..at])
    }
}

/// The byte ranges of the sentences of `text`, trimmed, in order. Together
/// they hold every word.
///
/// A sentence ends at closing punctuation before white space, at a blank line,
/// and where a line starts a Markdown block. An abbreviation, an initial or a
/// small letter after the full stop does not end one.
pub(crate) fn sentences(text: &str) -> Sentences<'_> {
    Sentences { text, at: 0 }
}

/// See [`sentences`].
pub(crate) struct Sentences<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Sentences<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        if start == self.text.len() {
            self.at = start;
            return None;
        }
        let end = sentence_end(self.text, start);
        self.at = end;
        Some(start..start + self.text[start..end].trim_end().len())
    }
}

fn sentence_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut in_heading = is_heading(&bytes[start..]);
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            stop @ (b'.' | b'!' | b'?') => {
                let end = after_closers(text, at + 1);
                if is_space_or_end(text, end)
                    && (stop != b'.' || end > at + 1 || full_stop_ends(text, start, at))
                {
                    return end;
                }
                at = end;
            }
            b'\n' => {
                let next = &bytes[at + 1..];
                if in_heading || starts_block(next) {
                    return at + 1;
                }
                in_heading = false;
                at += 1;
            }
            byte if byte.is_ascii() => at += 1,
            _ => {
                let char = char_at(text, at);
                at += char.len_utf8();
                if matches!(char, '。' | '！' | '？' | '｡' | '।' | '؟' | '۔') {
                    return after_closers(text, at);
                }
                if char == '…' && is_space_or_end(text, at) && !small_letter_follows(text, at) {
                    return at;
                }
            }
        }
    }
    bytes.len()
}

/// Past further marks and the quotes and brackets that close with the sentence.
fn after_closers(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        match bytes.get(at) {
            Some(b'.' | b'!' | b'?' | b')' | b']' | b'"' | b'\'' | b'*' | b'_') => at += 1,
            Some(byte) if !byte.is_ascii() => match char_at(text, at) {
                char @ ('”' | '’' | '»' | '」' | '』' | '）' | '！' | '？' | '。') => {
                    at += char.len_utf8();
                }
                _ => return at,
            },
            _ => return at,
        }
    }
}

fn is_space_or_end(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at) {
        None => true,
        Some(byte) if byte.is_ascii() => byte.is_ascii_whitespace(),
        Some(_) => char_at(text, at).is_whitespace(),
    }
}

/// Whether the full stop at `at` ends the sentence that began at `start`.
fn full_stop_ends(text: &str, start: usize, at: usize) -> bool {
    const SHORTENED: [&str; 18] = [
        "mr", "mrs", "ms", "dr", "st", "prof", "sr", "jr", "vs", "e.g", "i.e", "cf", "fig", "no",
        "vol", "approx", "z.b", "bzw",
    ];
    if small_letter_follows(text, at + 1) {
        return false;
    }
    let bytes = text.as_bytes();
    // Eight bytes back is enough for the longest of them.
    let from = at.saturating_sub(8).max(start);
    let word = bytes[from..at]
        .iter()
        .rposition(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'.'))
        .map_or(&bytes[from..at], |before| &bytes[from + before + 1..at]);
    let is_initial = word.len() == 1 && word[0].is_ascii_uppercase() && word[0] != b'I';
    let is_shortened = SHORTENED
        .iter()
        .any(|short| word.eq_ignore_ascii_case(short.as_bytes()));
    // At the very end of a text there is nothing left to belong to.
    !(is_initial || is_shortened) || text[at + 1..].trim_start().is_empty()
}

/// Whether the next word of the same paragraph starts with a small letter.
fn small_letter_follows(text: &str, mut at: usize) -> bool {
    let bytes = text.as_bytes();
    let mut lines = 0;
    while let Some(byte) = bytes.get(at).filter(|byte| byte.is_ascii_whitespace()) {
        lines += usize::from(*byte == b'\n');
        if lines == 2 {
            return false;
        }
        at += 1;
    }
    match bytes.get(at) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_lowercase(),
        Some(_) => char_at(text, at).is_lowercase(),
    }
}

fn is_heading(line: &[u8]) -> bool {
    let marks = line.iter().take_while(|byte| **byte == b'#').count();
    (1..=6).contains(&marks) && matches!(line.get(marks), Some(b' ' | b'\t'))
}

/// Whether the line that `bytes` begins with is blank or opens a new block.
fn starts_block(bytes: &[u8]) -> bool {
    let indent = bytes
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        .count();
    let line = &bytes[indent..];
    match line.first() {
        None | Some(b'\n' | b'|' | b'>') => true,
        Some(b'#') => is_heading(line),
        Some(mark @ (b'-' | b'*' | b'+')) => {
            matches!(line.get(1), Some(b' ' | b'\t')) || line.get(1) == Some(mark)
        }
        Some(b'`' | b'~') => line.starts_with(b"```") || line.starts_with(b"~~~"),
        Some(byte) if byte.is_ascii_digit() => {
            let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
            digits <= 3
                && matches!(line.get(digits), Some(b'.' | b')'))
                && line.get(digits + 1) == Some(&b' ')
        }
        Some(_) => false,
    }
}

fn char_at(text: &str, at: usize) -> char {
    text[at..].chars().next().expect("a char starts here")
}

/// Whether a letter or digit of the same word is at `at`.
fn continues(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => {
            let char = char_at(text, at);
            char.is_alphanumeric() && !is_ideograph(char)
        }
    }
}

/// Han, Hiragana and Katakana: written without spaces between words.
fn is_ideograph(char: char) -> bool {
    matches!(char, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
        && char.is_alphanumeric()
}

/// Marks that belong to the letter before them and are not letters themselves.
fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}'
        | '\u{64b}'..='\u{65f}' | '\u{93c}' | '\u{94d}' | '\u{9cd}' | '\u{e31}'..='\u{e4e}'
        | '\u{200c}' | '\u{200d}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words_of(text: &str) -> Vec<&str> {
        words(text).collect()
    }

    fn sentences_of(text: &str) -> Vec<&str> {
        sentences(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(words_of("Hello, world! 42x"), ["Hello", "world", "42x"]);
        assert!(words_of(" -- ... \n").is_empty());
    }

    #[test]
    fn apostrophes_and_underscores_stay_inside_words_only() {
        assert_eq!(
            words_of("don't 'quoted' it’s _em_ require_git"),
            ["don't", "quoted", "it’s", "em", "require_git"]
        );
    }

    #[test]
    fn accents_do_not_split_words() {
        assert_eq!(
            words_of("naïve cafe\u{301} Ünïcode"),
            ["naïve", "cafe\u{301}", "Ünïcode"]
        );
    }

    #[test]
    fn each_ideograph_is_a_word() {
        assert_eq!(words_of("私は猫 cat"), ["私", "は", "猫", "cat"]);
    }

    #[test]
    fn sentences_end_at_marks_before_white_space() {
        assert_eq!(
            sentences_of("One is 3.14. Two?! \"Three.\" Four"),
            ["One is 3.14.", "Two?!", "\"Three.\"", "Four"]
        );
    }

    #[test]
    fn abbreviations_and_initials_do_not_end_sentences() {
        assert_eq!(
            sentences_of("Dr. Smith met J. Doe, e.g. here. They left."),
            ["Dr. Smith met J. Doe, e.g. here.", "They left."]
        );
    }

    #[test]
    fn blank_lines_headings_and_list_items_end_sentences() {
        assert_eq!(
            sentences_of("# Title\nsome text\ngoes on\n\nnext\n- item\n- other\n12. third"),
            [
                "# Title",
                "some text\ngoes on",
                "next",
                "- item",
                "- other",
                "12. third"
            ]
        );
    }

    #[test]
    fn a_full_stop_in_chinese_needs_no_space() {
        assert_eq!(sentences_of("你好。再见！"), ["你好。", "再见！"]);
    }

    proptest! {
        #[test]
        fn sentences_hold_every_word_once_and_in_order(text in "[a-zA-Z0-9 .!?\n#>*|'_’é私。…\\-\u{301}\"]{0,200}") {
            let whole = words_of(&text);
            let parts: Vec<&str> = sentences(&text).flat_map(|range| words(&text[range])).collect();
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn any_text_is_split_without_a_panic(text in "\\PC{0,200}") {
            let count = sentences(&text).filter(|range| words(&text[range.clone()]).next().is_some()).count();
            prop_assert!(count <= words_of(&text).len());
        }
    }
}
