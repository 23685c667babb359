//! How long a kind of work usually takes, and how long it may.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A kind of work by the time it takes. The upper end is its deadline.
///
/// | class | for example | takes | deadline |
/// | --- | --- | --- | --- |
/// | fast | a lookup, a validation | 1 to 5 s | 5 s |
/// | standard | a generation, an analysis | 10 to 30 s | 30 s |
/// | research | a search, a deep analysis | 30 to 120 s | 120 s |
///
/// # Examples
///
/// ```
/// use callboard::policy::time_class::TimeClass;
/// use std::time::Duration;
///
/// assert_eq!(TimeClass::Research.deadline(), Duration::from_secs(120));
/// // 40 s are longer than an analysis takes.
/// assert_eq!(TimeClass::of(Duration::from_secs(40)), Some(TimeClass::Research));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimeClass {
    /// A lookup, a validation: 1 to 5 s.
    Fast,
    /// A generation, an analysis: 10 to 30 s.
    Standard,
    /// A search, a deep analysis: 30 to 120 s.
    Research,
}

impl TimeClass {
    /// All of them, the fastest first.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Standard, Self::Research];

    /// How long such work usually takes.
    #[must_use]
    pub const fn takes(self) -> RangeInclusive<Duration> {
        let (from, to) = match self {
            Self::Fast => (1, 5),
            Self::Standard => (10, 30),
            Self::Research => (30, 120),
        };
        Duration::from_secs(from)..=Duration::from_secs(to)
    }

    /// How long it may take: the upper end of what it usually takes.
    #[must_use]
    pub const fn deadline(self) -> Duration {
        *self.takes().end()
    }

    /// The fastest class whose deadline leaves this much time; `None`: it takes
    /// longer than all of them.
    #[must_use]
    pub fn of(takes: Duration) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|class| takes <= class.deadline())
    }
}

impl fmt::Display for TimeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Standard => "standard",
            Self::Research => "research",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c9_the_upper_end_of_a_class_is_its_deadline() {
        let deadlines = TimeClass::ALL.map(|class| class.deadline().as_secs());
        assert_eq!(deadlines, [5, 30, 120]);
    }

    #[test]
    fn c9_work_belongs_to_the_fastest_class_that_leaves_it_enough_time() {
        let of = |secs| TimeClass::of(Duration::from_secs(secs));
        assert_eq!(of(0), Some(TimeClass::Fast));
        assert_eq!(of(5), Some(TimeClass::Fast));
        assert_eq!(of(6), Some(TimeClass::Standard));
        assert_eq!(of(120), Some(TimeClass::Research));
        assert_eq!(of(121), None);
    }
}
