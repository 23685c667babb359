//! Extractive summaries: the sentences of a text that say most of it.
//!
//! After Luhn (*The Automatic Creation of Literature Abstracts*, 1958): a word
//! that is frequent and not common matters, and so does a sentence with many of
//! them.

use std::collections::HashMap;

use serde::Serialize;

/// Words that are frequent in every English text.
const STOP_WORDS: &str = "a about after again all also am an and any are as at be because been \
     before being between both but by can could did do does down each few for from further had \
     has have having he her here hers him his how i if in into is it its just may me more most \
     must my no nor not now of off on once one only or other our out over own same shall she \
     should so some such than that the their them then there these they this those through to \
     too under until up us very was we were what when where which while who whom why will with \
     would you your";

/// What a text says, in its own sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The sentences that say most, in the order of the text.
    pub summary: Vec<String>,
    /// How many sentences the text has.
    pub sentences: usize,
    /// How many words the text has.
    pub words: usize,
}

/// The `most` sentences that say most. Equals go by their order in the text.
///
/// A sentence scores the frequencies of its words, divided by the square root
/// of their number: a sum would favour the longest, a mean the shortest.
#[must_use]
pub fn summarize(text: &str, most: usize) -> Summary {
    let stop_words: Vec<&str> = STOP_WORDS.split(' ').filter(|w| !w.is_empty()).collect();
    let sentences: Vec<(&str, Vec<String>)> = sentences(text)
        .map(|sentence| (sentence, words(sentence).collect()))
        .collect();
    let says_something = |word: &&String| stop_words.binary_search(&word.as_str()).is_err();
    let mut frequency: HashMap<&str, u32> = HashMap::new();
    for word in sentences.iter().flat_map(|(_, words)| words) {
        if says_something(&word) {
            *frequency.entry(word).or_default() += 1;
        }
    }
    let score = |words: &[String]| {
        let counts = words.iter().filter_map(|word| frequency.get(&**word));
        let (sum, many) = counts.fold((0.0, 0_u32), |(sum, many), count| {
            (sum + f64::from(*count), many + 1)
        });
        sum / f64::from(many.max(1)).sqrt()
    };
    let scores: Vec<f64> = sentences.iter().map(|(_, words)| score(words)).collect();
    let mut best: Vec<usize> = (0..sentences.len()).collect();
    best.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    best.truncate(most);
    best.sort_unstable();
    Summary {
        summary: best.iter().map(|at| tidy(sentences[*at].0)).collect(),
        sentences: sentences.len(),
        words: sentences.iter().map(|(_, words)| words.len()).sum(),
    }
}

/// Runs of letters and digits, in small letters; an apostrophe stays inside.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.trim_matches(['\'', '’']))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Whatever stands between two ends of sentences and has a word.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut left = text;
    std::iter::from_fn(move || {
        (!left.is_empty()).then(|| {
            let sentence;
            (sentence, left) = left.split_at(end(left));
            sentence
        })
    })
    .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
}

/// Where the first sentence ends: after closing punctuation that white space
/// follows and no small letter, or at a blank line.
fn end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let is_end = match char {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' | '…' => next.is_some_and(|next| {
                let follows = || text[at + char.len_utf8()..].trim_start().chars().next();
                next.is_whitespace() && !follows().is_some_and(char::is_lowercase)
            }),
            '\n' => next == Some('\n'),
            _ => false,
        };
        if is_end {
            return at + char.len_utf8();
        }
    }
    text.len()
}

/// On one line, with single spaces.
fn tidy(sentence: &str) -> String {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Actors are simple. An actor has a mailbox, and the mailbox has a bound. \
        The weather was fine, e.g. on Monday. When the mailbox of an actor is full, the bound \
        holds its senders back!";

    fn split(text: &str) -> Vec<&str> {
        sentences(text).map(str::trim).collect()
    }

    #[test]
    fn the_stop_words_are_sorted() {
        let words: Vec<&str> = STOP_WORDS.split_whitespace().collect();
        assert!(words.is_sorted());
    }

    #[test]
    fn sentences_end_at_punctuation_before_white_space_and_at_blank_lines() {
        assert_eq!(
            split("One, 1.5 e.g. two. Three?! Four\n\nfive"),
            ["One, 1.5 e.g. two.", "Three?!", "Four", "five"]
        );
        assert_eq!(split("一。二！"), ["一。", "二！"]);
        assert!(split(" \n\n ... !\n").is_empty());
    }

    #[test]
    fn the_sentences_with_the_most_frequent_words_are_chosen_in_their_order() {
        let summary = summarize(TEXT, 2);
        assert_eq!(
            summary.summary,
            [
                "An actor has a mailbox, and the mailbox has a bound.",
                "When the mailbox of an actor is full, the bound holds its senders back!",
            ]
        );
        assert_eq!((summary.sentences, summary.words), (4, 36));
    }

    #[test]
    fn a_text_with_less_than_is_asked_for_is_its_own_summary() {
        let summary = summarize("Only this.\nAnd  that.", 9);
        assert_eq!(summary.summary, ["Only this.", "And that."]);
    }

    #[test]
    fn a_text_without_words_has_no_summary() {
        let nothing = summarize(" ... \n\n ?!", 3);
        assert_eq!((nothing.summary.len(), nothing.words), (0, 0));
        assert_eq!(summarize("", 3), nothing);
    }

    #[test]
    fn sentences_of_common_words_score_nothing() {
        let summary = summarize("It is what it was. Rust compiles.", 1);
        assert_eq!(summary.summary, ["Rust compiles."]);
    }
}
