//! All that is found out about one file by looking at it alone.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use whatlang::Lang;

use crate::duplicates::{Signature, Sketch};
use crate::hash::{self, ByHash};
use crate::keywords::{self, Terms};
use crate::links::{self, BrokenLink};
use crate::stopwords;
use crate::summary::Ranker;
use crate::text;

/// What the language is judged by: more makes it slower, not surer.
const SAMPLE: usize = 2 << 10;

/// Distinct terms that are counted in one file. A file of 16 MiB may have
/// millions, which would be most of the memory there is.
const VOCABULARY: usize = 1 << 16;

/// A language with less confidence than this is a guess.
const SURE: f32 = 0.5;

/// The longest quote from a sentence, in bytes.
pub(crate) const QUOTE: usize = 200;

/// What an analyst answers. 100,000 of these are kept: about a kilobyte each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Analysis {
    pub(crate) bytes: u32,
    pub(crate) words: u32,
    pub(crate) sentences: u32,
    /// None where there is nothing to judge by.
    pub(crate) language: Option<Lang>,
    /// How sure the language is, 0 to 1.
    pub(crate) confidence: f32,
    /// The most frequent terms, most frequent first.
    pub(crate) terms: Terms,
    /// The sentences that say most, in text order.
    pub(crate) summary: Box<[Sentence]>,
    /// There is one exactly if there are words.
    pub(crate) signature: Option<Signature>,
    /// Relative links, in Markdown.
    pub(crate) links: u32,
    pub(crate) broken: Box<[BrokenLink]>,
}

impl Analysis {
    /// The language, unless it is a mere guess.
    pub(crate) fn sure_language(&self) -> Option<Lang> {
        self.language.filter(|_| self.confidence >= SURE)
    }
}

/// A sentence of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// Where in the text it starts.
    pub(crate) at: u32,
    /// Its beginning, up to [`QUOTE`] bytes, with white space made even.
    pub(crate) text: Box<str>,
}

/// Analyses one text after another, and keeps its buffers between them.
#[derive(Debug)]
pub(crate) struct Analyser {
    stop_words: HashSet<u64, ByHash>,
    vocabulary: HashMap<u64, u32, ByHash>,
    terms: Vec<Term>,
    /// The texts of the terms, one after another.
    spelling: String,
    sentences: Vec<Range<u32>>,
    ranker: Ranker,
    /// A word in small letters.
    small: String,
}

#[derive(Debug)]
struct Term {
    count: u32,
    at: u32,
    length: u8,
    /// Whether it can be a keyword and link sentences.
    counts: bool,
}

impl Analyser {
    pub(crate) fn new() -> Self {
        Analyser {
            stop_words: stopwords::hashes(),
            vocabulary: HashMap::default(),
            terms: Vec::new(),
            spelling: String::new(),
            sentences: Vec::new(),
            ranker: Ranker::default(),
            small: String::new(),
        }
    }

    /// Analyses the text of the file at `path`, which also says whether it is
    /// Markdown and what its links are relative to.
    pub(crate) fn analyse(&mut self, path: &Path, text: &str) -> Analysis {
        self.clear();
        let mut words = 0_u32;
        let mut sentences = 0_u32;
        let mut sketch = Sketch::new();
        for range in text::sentences(text) {
            let ranked = self.ranker.has_room();
            let mut within = 0;
            for word in text::words(&text[range.clone()]) {
                within += 1;
                let (hash, term) = self.count(word);
                sketch.push(hash);
                if let Some(term) = term.filter(|_| ranked) {
                    self.ranker.term(term);
                }
            }
            words += within;
            if within > 0 {
                sentences += 1;
                if ranked {
                    self.ranker.end(within);
                    self.sentences.push(range.start as u32..range.end as u32);
                }
            }
        }
        let (language, confidence) = language(text);
        let (links, broken) = if links::is_markdown(path) {
            links::broken(text, |target| links::exists_beside(path, target))
        } else {
            Default::default()
        };
        Analysis {
            bytes: text.len() as u32,
            words,
            sentences,
            language,
            confidence,
            terms: self.most_frequent(),
            summary: self.summary(text),
            signature: sketch.finish(),
            links,
            broken,
        }
    }

    fn clear(&mut self) {
        // What one large file needed is given back before the next.
        if self.spelling.capacity() > 256 << 10 {
            *self = Analyser {
                stop_words: std::mem::take(&mut self.stop_words),
                ..Analyser::new()
            };
        }
        self.vocabulary.clear();
        self.terms.clear();
        self.spelling.clear();
        self.sentences.clear();
        self.ranker.clear();
    }

    /// Counts a word: its hash in small letters, and its term if that counts.
    #[inline]
    fn count(&mut self, word: &str) -> (u64, Option<u32>) {
        if word.len() > keywords::LONGEST {
            return (hash::of_bytes(word.as_bytes()), None);
        }
        self.small.clear();
        if word.is_ascii() {
            self.small.push_str(word);
            self.small.make_ascii_lowercase();
        } else {
            self.small.extend(word.chars().flat_map(char::to_lowercase));
        }
        let hash = hash::of_bytes(self.small.as_bytes());
        if let Some(&index) = self.vocabulary.get(&hash) {
            let term = &mut self.terms[index as usize];
            term.count += 1;
            return (hash, term.counts.then_some(index));
        }
        // Small letters can be longer than capitals.
        if self.terms.len() == VOCABULARY || self.small.len() > keywords::LONGEST {
            return (hash, None);
        }
        let index = self.terms.len() as u32;
        let counts = is_telling(&self.small) && !self.stop_words.contains(&hash);
        self.terms.push(Term {
            count: 1,
            at: self.spelling.len() as u32,
            length: self.small.len() as u8,
            counts,
        });
        self.spelling.push_str(&self.small);
        self.vocabulary.insert(hash, index);
        (hash, counts.then_some(index))
    }

    fn most_frequent(&self) -> Terms {
        let mut candidates: Vec<(u32, &str)> = self
            .terms
            .iter()
            .filter(|term| term.counts)
            .map(|term| {
                let spelling = &self.spelling[term.at as usize..][..usize::from(term.length)];
                (term.count, spelling)
            })
            .collect();
        keywords::most_frequent(&mut candidates);
        Terms::pack(candidates.into_iter())
    }

    fn summary(&mut self, text: &str) -> Box<[Sentence]> {
        let chosen = self.ranker.choose();
        chosen
            .into_iter()
            .map(|index| {
                let Range { start, end } = self.sentences[index];
                Sentence {
                    at: start,
                    text: quote(&text[start as usize..end as usize]).into(),
                }
            })
            .collect()
    }
}

/// One letter says nothing, unless it is an ideograph; nor do digits alone.
fn is_telling(term: &str) -> bool {
    term.len() > 1
        && !term
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// The beginning of a sentence in one line.
fn quote(sentence: &str) -> String {
    let mut quote = String::new();
    for part in sentence.split_whitespace() {
        let room = QUOTE.saturating_sub(quote.len() + 1);
        if !quote.is_empty() {
            if room < part.len() {
                break;
            }
            quote.push(' ');
        }
        let kept = beginning(part, QUOTE);
        quote.push_str(kept);
        if kept.len() < part.len() {
            break;
        }
    }
    quote
}

/// At most `bytes` of `text`, cut between characters.
fn beginning(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn language(text: &str) -> (Option<Lang>, f32) {
    match whatlang::detect(beginning(text, SAMPLE)) {
        // It is not a number where there are too few letters to judge by.
        Some(info) if info.confidence().is_finite() => {
            (Some(info.lang()), info.confidence().clamp(0.0, 1.0) as f32)
        }
        _ => (None, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use proptest::prelude::*;

    fn analyse(text: &str) -> Analysis {
        Analyser::new().analyse(Path::new("a.txt"), text)
    }

    #[test]
    fn an_empty_text_is_analysed_as_empty() {
        let analysis = analyse("");
        assert_eq!((analysis.words, analysis.sentences), (0, 0));
        assert_eq!(analysis.language, None);
        assert_eq!(analysis.signature, None);
        assert!(analysis.summary.is_empty());
    }

    #[test]
    fn words_sentences_language_terms_and_summary_are_found() {
        let text = "Die Katze schläft auf dem Sofa. Der Hund bellt die Katze an! Ich mag Katzen, \
                    aber die Katze mag den Hund nicht.";
        let analysis = analyse(text);
        assert_eq!((analysis.words, analysis.sentences), (22, 3));
        assert_eq!(analysis.language, Some(Lang::Deu));
        assert_eq!(analysis.terms.iter().next(), Some((3, "katze")));
        assert_eq!(analysis.summary.len(), 1);
    }

    #[test]
    fn capitals_and_small_letters_are_one_term() {
        let analysis = analyse("Über ÜBER über Mailbox MAILBOX mailbox");
        let terms: Vec<(u32, &str)> = analysis.terms.iter().collect();
        assert_eq!(terms, [(3, "mailbox")], "and a stop word is none");
    }

    #[test]
    fn broken_links_are_looked_for_in_markdown_only() {
        let dir = TempDir::new();
        let text = "See [this](gone.md) and [that](page.md).";
        let page = dir.file("page.md", text.as_bytes());
        let analysis = Analyser::new().analyse(&page, text);
        assert_eq!((analysis.links, analysis.broken.len()), (2, 1));
        assert_eq!(analyse(text).links, 0);
    }

    #[test]
    fn a_long_sentence_is_quoted_from_its_beginning() {
        let analysis = analyse(&"wörter ohne\n  ende ".repeat(1_000));
        let quote = &analysis.summary[0].text;
        assert!(quote.starts_with("wörter ohne ende wörter"));
        assert!(quote.len() <= QUOTE);
        assert!(analyse(&"ü".repeat(1_000)).summary[0].text.len() <= QUOTE);
    }

    #[test]
    fn more_distinct_words_than_are_counted_do_no_harm() {
        let text: String = (0..100_000).map(|i| format!("w{i} ")).collect();
        let analysis = analyse(&text);
        assert_eq!(analysis.words, 100_000);
        assert_eq!(analysis.terms.iter().count(), keywords::TERMS);
    }

    #[test]
    fn a_sentence_beyond_those_ranked_is_counted_all_the_same() {
        let analysis = analyse(&"One more.\n\n".repeat(3_000));
        assert_eq!(analysis.sentences, 3_000);
    }

    proptest! {
        #[test]
        fn a_used_analyser_finds_what_a_new_one_finds(
            first in "[a-e .\n]{0,80}", second in "[a-eÄ私 .!\n]{0,80}"
        ) {
            let mut used = Analyser::new();
            used.analyse(Path::new("a.md"), &first);
            prop_assert_eq!(used.analyse(Path::new("b.md"), &second), analyse(&second));
        }
    }
}
