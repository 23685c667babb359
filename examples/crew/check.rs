//! Whether an answer can be right. The checker does not analyse again; it
//! knows what must hold between a text and any honest analysis of it.

use std::fmt;

use crate::analysis::{Analysis, QUOTE};
use crate::keywords;
use crate::summary;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// It is about a text of another length.
    OtherText,
    /// A text of so many bytes cannot have so many words.
    TooManyWords,
    /// There are more sentences than words, or words and no sentence.
    SentenceCount,
    /// A confidence that is not between 0 and 1.
    Confidence,
    /// A signature without words, or words without one.
    Signature,
    /// Terms that are too many, out of order, or more often than there are words.
    Terms,
    /// A quote that is not in the text, or a summary that is out of order.
    Summary,
    /// More broken links than links.
    Links,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Invalid::OtherText => "the answer is about another text",
            Invalid::TooManyWords => "more words than the text has room for",
            Invalid::SentenceCount => "sentences and words do not agree",
            Invalid::Confidence => "a confidence that is not between 0 and 1",
            Invalid::Signature => "signature and words do not agree",
            Invalid::Terms => "terms that cannot come from the text",
            Invalid::Summary => "a summary that is not from the text",
            Invalid::Links => "more broken links than links",
        })
    }
}

/// Checks the analysis of `text`.
pub(crate) fn check(text: &str, analysis: &Analysis) -> Result<(), Invalid> {
    let words = analysis.words;
    let rules = [
        (analysis.bytes as usize == text.len(), Invalid::OtherText),
        (words as usize <= text.len(), Invalid::TooManyWords),
        (
            analysis.sentences <= words && (words == 0) == (analysis.sentences == 0),
            Invalid::SentenceCount,
        ),
        (
            (0.0..=1.0).contains(&analysis.confidence),
            Invalid::Confidence,
        ),
        (
            analysis.signature.is_some() == (words > 0),
            Invalid::Signature,
        ),
        (terms_are_possible(analysis), Invalid::Terms),
        (summary_is_drawn_from(text, analysis), Invalid::Summary),
        (
            analysis.broken.len() <= analysis.links as usize,
            Invalid::Links,
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, invalid)) => Err(invalid),
        None => Ok(()),
    }
}

fn terms_are_possible(analysis: &Analysis) -> bool {
    let counts = || analysis.terms.iter().map(|(count, _)| count);
    let total: u64 = counts().map(u64::from).sum();
    counts().count() <= keywords::TERMS
        && counts().is_sorted_by(|a, b| a >= b)
        && total <= u64::from(analysis.words)
}

fn summary_is_drawn_from(text: &str, analysis: &Analysis) -> bool {
    let summary = &analysis.summary;
    let longest = summary::LONGEST.min(analysis.sentences as usize);
    let is_there = summary.is_empty() == (analysis.words == 0) && summary.len() <= longest;
    is_there
        && summary.is_sorted_by(|a, b| a.at < b.at)
        && summary.iter().all(|sentence| {
            sentence.text.len() <= QUOTE
                && text
                    .get(sentence.at as usize..)
                    .is_some_and(|rest| begins_with(rest, &sentence.text))
        })
}

/// Whether `text` begins with `quote`, white space aside.
fn begins_with(text: &str, quote: &str) -> bool {
    let mut rest = text;
    quote.split(' ').all(|part| {
        rest = rest.trim_start();
        match rest.strip_prefix(part) {
            Some(after) => {
                rest = after;
                true
            }
            None => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analyser;
    use crate::chaos;
    use proptest::prelude::*;
    use std::path::Path;

    proptest! {
        #[test]
        fn an_honest_answer_passes_and_each_spoilt_one_does_not(
            text in prop_oneof!["\\PC{0,120}", "[a-zA-Z.!\n é私\u{3000}\t]{0,400}", Just(String::new())]
        ) {
            let honest = Analyser::new().analyse(Path::new("a.md"), &text);
            prop_assert_eq!(check(&text, &honest), Ok(()));
            for salt in 0..6 {
                let mut spoilt = honest.clone();
                chaos::spoil(&mut spoilt, salt);
                prop_assert!(check(&text, &spoilt).is_err(), "salt {}", salt);
            }
        }
    }

    #[test]
    fn an_answer_about_another_text_of_the_same_length_is_found_out() {
        let analysis = Analyser::new().analyse(Path::new("a"), "Cats sleep all day.");
        assert_eq!(
            check("Dogs bark at night.", &analysis),
            Err(Invalid::Summary)
        );
    }

    #[test]
    fn a_large_text_with_long_lines_passes() {
        let text = "word ".repeat(100_000) + &"x".repeat(10_000);
        let analysis = Analyser::new().analyse(Path::new("a"), &text);
        assert_eq!(check(&text, &analysis), Ok(()));
    }
}
