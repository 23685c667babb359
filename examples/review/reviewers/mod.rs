//! The reviewers: pure functions from a page to what is said of it.

mod complexity;
mod documentation;
mod licence;
mod prints;
mod style;

pub(crate) use self::prints::WINDOW;

use crate::page::{Page, Said};
use crate::source;

/// What a reviewer looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    Style,
    Complexity,
    Documentation,
    Licence,
    Copies,
}

impl Duty {
    pub(crate) const ALL: [Duty; 5] = [
        Duty::Style,
        Duty::Complexity,
        Duty::Documentation,
        Duty::Licence,
        Duty::Copies,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Duty::Style => "style",
            Duty::Complexity => "complexity",
            Duty::Documentation => "documentation",
            Duty::Licence => "licence",
            Duty::Copies => "fingerprints",
        }
    }

    /// Reviews a page.
    pub(crate) fn review(self, page: &Page) -> Said {
        let lines = || source::lines(&page.text, page.language);
        let is_source = page.language.is_source();
        match self {
            Duty::Style => Said::Findings(style::review(page)),
            Duty::Complexity if is_source => {
                let (measures, findings) = complexity::review(page.language, &lines());
                Said::Complexity(measures, findings)
            }
            Duty::Complexity => Said::Complexity(Default::default(), Vec::new()),
            Duty::Documentation if is_source => {
                let (measures, findings) = documentation::review(page.language, &lines());
                Said::Documentation(measures, findings)
            }
            Duty::Documentation => Said::Documentation(Default::default(), Vec::new()),
            Duty::Licence if is_source => Said::Licence(licence::of(&lines())),
            Duty::Licence => Said::Licence(None),
            Duty::Copies if is_source => Said::Prints(prints::of(&page.text)),
            Duty::Copies => Said::Prints(Vec::new()),
        }
    }
}
