//! What reviewers find, and what is to be done about it.

use std::collections::BTreeMap;

use serde::Serialize;

/// Findings of one rule that are kept of each file; more are added up.
const KEPT: u32 = 20;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Note,
    Warning,
    Serious,
}

impl Severity {
    /// What it adds to the score of a file.
    pub(crate) fn weight(self) -> u64 {
        match self {
            Severity::Note => 1,
            Severity::Warning => 3,
            Severity::Serious => 10,
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rule {
    ConflictMarker,
    OtherLicence,
    Copied,
    LongFunction,
    ManyBranches,
    DeepNesting,
    LongFile,
    MixedIndentation,
    MixedLineEnds,
    NoLicence,
    FewComments,
    NoHeader,
    Undocumented,
    LongLine,
    TrailingSpace,
    NoFinalNewline,
}

impl Rule {
    pub(crate) fn severity(self) -> Severity {
        match self {
            Rule::ConflictMarker | Rule::OtherLicence => Severity::Serious,
            Rule::Copied
            | Rule::LongFunction
            | Rule::ManyBranches
            | Rule::DeepNesting
            | Rule::LongFile
            | Rule::MixedIndentation
            | Rule::MixedLineEnds
            | Rule::NoLicence => Severity::Warning,
            Rule::FewComments
            | Rule::NoHeader
            | Rule::Undocumented
            | Rule::LongLine
            | Rule::TrailingSpace
            | Rule::NoFinalNewline => Severity::Note,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Rule::ConflictMarker => "conflict marker",
            Rule::OtherLicence => "other licence",
            Rule::Copied => "copied",
            Rule::LongFunction => "long function",
            Rule::ManyBranches => "many branches",
            Rule::DeepNesting => "deep nesting",
            Rule::LongFile => "long file",
            Rule::MixedIndentation => "mixed indentation",
            Rule::MixedLineEnds => "mixed line ends",
            Rule::NoLicence => "no licence",
            Rule::FewComments => "few comments",
            Rule::NoHeader => "no header",
            Rule::Undocumented => "undocumented",
            Rule::LongLine => "long line",
            Rule::TrailingSpace => "trailing space",
            Rule::NoFinalNewline => "no final newline",
        }
    }

    /// What to do about it.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Rule::ConflictMarker => "finish the merge: decide which side holds",
            Rule::OtherLicence => "ask whether it may be here, and say so in the licence file",
            Rule::Copied => "give what is the same one place, or say why it is there twice",
            Rule::LongFunction => "give its steps names: functions of their own",
            Rule::ManyBranches => "take decisions apart: a table, a function for each case",
            Rule::DeepNesting => "return early, or give the inner part a function",
            Rule::LongFile => "split it by what changes together",
            Rule::MixedIndentation => "choose tabs or spaces and have a formatter keep to it",
            Rule::MixedLineEnds => "choose one line end, and say so in .gitattributes",
            Rule::NoLicence => "add the header that most files have",
            Rule::FewComments => "say why where the code cannot",
            Rule::NoHeader => "open with a sentence that says what the file is for",
            Rule::Undocumented => "say in a sentence what it does, and what its caller must know",
            Rule::LongLine => "break it where a thought ends",
            Rule::TrailingSpace => "have the editor remove it when it saves",
            Rule::NoFinalNewline => "end the last line",
        }
    }
}

/// Something found in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Finding {
    /// Counted from 1; where it begins.
    pub(crate) line: u32,
    pub(crate) rule: Rule,
    pub(crate) message: String,
    /// How often it was found: more than once for those that add up what is not
    /// listed one by one.
    pub(crate) times: u32,
}

/// The findings in one file, so that no file has more than a few hundred.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    times: BTreeMap<Rule, (u32, u32)>,
}

impl Findings {
    pub(crate) fn add(&mut self, rule: Rule, line: u32, message: impl Into<String>) {
        let (times, first_beyond) = self.times.entry(rule).or_default();
        *times += 1;
        if *times <= KEPT {
            self.kept.push(Finding {
                line,
                rule,
                message: message.into(),
                times: 1,
            });
        } else if *first_beyond == 0 {
            *first_beyond = line;
        }
    }

    /// By their lines.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        for (rule, (times, line)) in self.times {
            if times > KEPT {
                let times = times - KEPT;
                let message = format!("and {times} more from here on");
                self.kept.push(Finding {
                    line,
                    rule,
                    message,
                    times,
                });
            }
        }
        self.kept.sort();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_often_is_added_up() {
        let mut findings = Findings::default();
        for line in 1..=KEPT + 5 {
            findings.add(Rule::LongLine, line, "long");
        }
        findings.add(Rule::NoHeader, 1, "none");
        let found = findings.finish();
        assert_eq!(found.len() as u32, KEPT + 2);
        assert_eq!(
            found.iter().map(|finding| finding.times).sum::<u32>(),
            KEPT + 6
        );
        assert_eq!(found[0].rule, Rule::NoHeader, "by line, then by weight");
        assert_eq!(found.last().map(|last| last.line), Some(KEPT + 1));
    }
}
