//! Which subscriptions a topic goes to.
//!
//! ```text
//!  root ─ task ─┬─ created: here        a topic is walked segment by segment, by
//!       │       └─ *: here              name and by wildcard; what does not match
//!       └─ **                           is not looked at
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use super::topic::{Filter, Segment};

/// A tree of filters with something at each. The filters that match a topic of `n`
/// segments are found in `2^n` steps at most, however many there are.
#[derive(Debug)]
pub(super) struct Index<T> {
    by_name: HashMap<Box<str>, Index<T>>,
    any: Option<Box<Index<T>>>,
    here: Option<Arc<T>>,
    /// For all topics that begin like this.
    open: Option<Arc<T>>,
}

impl<T> Index<T> {
    pub(super) fn new() -> Self {
        Self {
            by_name: HashMap::new(),
            any: None,
            here: None,
            open: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.any.is_none() && self.here.is_none() && self.open.is_none()
    }

    /// What is at this filter; made if there is nothing.
    pub(super) fn at(&mut self, filter: &Filter, make: impl FnOnce() -> T) -> &Arc<T> {
        let mut node = self;
        for segment in &filter.segments {
            node = match segment {
                Segment::Is(name) => node.by_name.entry(name.clone()).or_insert_with(Self::new),
                Segment::Any => node.any.get_or_insert_with(|| Box::new(Self::new())),
            };
        }
        let place = if filter.is_open {
            &mut node.open
        } else {
            &mut node.here
        };
        place.get_or_insert_with(|| Arc::new(make()))
    }

    /// Takes away what is at this filter, if it is not needed.
    pub(super) fn prune(
        &mut self,
        filter: &Filter,
        mut is_needed: impl FnMut(&T) -> bool,
    ) -> Option<Arc<T>> {
        self.prune_below(&filter.segments, filter.is_open, &mut is_needed)
    }

    fn prune_below(
        &mut self,
        segments: &[Segment],
        is_open: bool,
        is_needed: &mut impl FnMut(&T) -> bool,
    ) -> Option<Arc<T>> {
        let Some((first, rest)) = segments.split_first() else {
            let place = if is_open {
                &mut self.open
            } else {
                &mut self.here
            };
            return match place {
                Some(it) if !is_needed(it) => place.take(),
                _ => None,
            };
        };
        match first {
            Segment::Is(name) => {
                let below = self.by_name.get_mut(name)?;
                let gone = below.prune_below(rest, is_open, is_needed);
                if below.is_empty() {
                    self.by_name.remove(name);
                }
                gone
            }
            Segment::Any => {
                let below = self.any.as_mut()?;
                let gone = below.prune_below(rest, is_open, is_needed);
                if below.is_empty() {
                    self.any = None;
                }
                gone
            }
        }
    }

    /// Everything whose filter matches this topic.
    pub(super) fn matching(&self, topic: &str) -> Vec<Arc<T>> {
        let mut all = Vec::new();
        self.gather(Some(topic), &mut all);
        all
    }

    /// `left` is what is left of the topic.
    fn gather(&self, left: Option<&str>, all: &mut Vec<Arc<T>>) {
        all.extend(self.open.clone());
        let Some(left) = left else {
            all.extend(self.here.clone());
            return;
        };
        let (first, rest) = match left.split_once(':') {
            Some((first, rest)) => (first, Some(rest)),
            None => (left, None),
        };
        if let Some(below) = self.by_name.get(first) {
            below.gather(rest, all);
        }
        if let Some(below) = &self.any {
            below.gather(rest, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_match(filter: &str, topic: &str) -> bool {
        let mut index = Index::new();
        let filter = Filter::new(filter).unwrap();
        index.at(&filter, || ());
        let is_match = index.matching(topic).len() == 1;
        assert!(index.prune(&filter, |()| false).is_some());
        assert!(index.is_empty(), "nothing is left behind");
        is_match
    }

    #[test]
    fn d8_a_wildcard_stands_for_one_segment_and_two_stars_for_the_rest() {
        let cases = [
            ("task:created", "task:created", true),
            ("task:created", "task:failed", false),
            ("task", "task:created", false),
            ("task:*", "task:created", true),
            ("task:*", "task", false),
            ("task:*", "task:created:late", false),
            ("*:created", "task:created", true),
            ("*:*", "task:created", true),
            ("*:*", "task", false),
            ("task:**", "task", true),
            ("task:**", "task:created:late", true),
            ("task:**", "agent:available", false),
            ("*:created:**", "task:created:late:again", true),
            ("*", "task:created:late", true),
            ("**", "task", true),
        ];
        for (filter, topic, expected) in cases {
            assert_eq!(is_match(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn d8_a_filter_that_could_be_misread_is_refused() {
        for filter in [
            "",
            "task:",
            ":",
            "task:cr*",
            "**:created",
            "a:**:b",
            "a:b:c:d:e:f:g:h:i",
        ] {
            assert!(Filter::new(filter).is_err(), "{filter}");
        }
        assert!(Filter::new(&"a".repeat(257)).is_err());
    }

    /// The naive way.
    fn matches(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["**"], _) => true,
            ([], []) => true,
            ([f, filter @ ..], [t, topic @ ..]) => (*f == "*" || f == t) && matches(filter, topic),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn d8_the_index_finds_what_matches_and_nothing_else(
            filters in proptest::collection::vec(
                (proptest::collection::vec("[ab*]", 1..4), any::<bool>()), 1..8),
            topic in proptest::collection::vec("[ab]", 1..5),
        ) {
            let mut index = Index::new();
            let mut expected = Vec::new();
            for (mut filter, is_open) in filters {
                if is_open {
                    filter.push("**".to_owned());
                }
                let text = filter.join(":");
                index.at(&Filter::new(&text).unwrap(), || text.clone());
                let filter: Vec<&str> = filter.iter().map(String::as_str).collect();
                let topic: Vec<&str> = topic.iter().map(String::as_str).collect();
                if text == "*" || matches(&filter, &topic) {
                    expected.push(if text == "**" { "*".to_owned() } else { text });
                }
            }
            // `*` and `**` are one filter.
            let found = index.matching(&topic.join(":"));
            let mut found: Vec<_> = found.iter().map(|it| it.replace("**", "*")).collect();
            let mut expected: Vec<_> = expected.iter().map(|it| it.replace("**", "*")).collect();
            found.sort();
            expected.sort();
            expected.dedup();
            found.dedup();
            prop_assert_eq!(found, expected);
        }
    }
}
