//! What two looks at a system say about it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::Lint;
use crate::supervision::Node;

/// Settings of a [`Linter`](super::Linter).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LintConfig {
    /// Between two looks. Default 10 s: longer than a burst.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// One actor that handles more than this share of all messages does too much.
    /// Default 0.5.
    pub share: f64,
    /// Messages of the whole system between two looks from which on shares are
    /// compared. Default 1,000.
    pub messages: u64,
    /// Restarts of an actor between two looks that make a storm. Default 10.
    pub restarts: u32,
    /// Findings kept. Default 256.
    pub kept: usize,
}

impl Default for LintConfig {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(10),
            share: 0.5,
            messages: 1_000,
            restarts: 10,
            kept: 256,
        }
    }
}

/// An actor at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) path: Arc<str>,
    pub(super) incarnation: u32,
    pub(super) restarts: u32,
    pub(super) depth: u64,
    pub(super) capacity: usize,
    pub(super) handled: u64,
}

/// All actors below a node, sorted by their paths.
pub(super) fn looks(node: &Node) -> Vec<Look> {
    let mut all = Vec::new();
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        left.extend(&node.children);
        if node.kind == "actor" {
            all.push(Look {
                path: node.path.as_str().into(),
                incarnation: node.incarnation,
                restarts: node.restarts,
                depth: node.depth,
                capacity: node.capacity,
                handled: node.handled,
            });
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// What is wrong now; both are sorted by paths.
pub(super) fn judge(before: &[Look], now: &[Look], config: &LintConfig) -> Vec<(Arc<str>, Lint)> {
    let mut findings = Vec::new();
    let both: Vec<(&Look, &Look)> = now
        .iter()
        .filter_map(|now| {
            let at = before.binary_search_by(|it| it.path.cmp(&now.path)).ok()?;
            Some((&before[at], now))
        })
        .collect();
    let done = |(before, now): &(&Look, &Look)| now.handled.saturating_sub(before.handled);
    let all: u64 = both.iter().map(done).sum();
    for pair in &both {
        let (before, now) = *pair;
        let mut found = |lint| findings.push((Arc::clone(&now.path), lint));
        let is_full = |look: &Look| look.depth >= look.capacity as u64;
        let is_same_life = before.incarnation == now.incarnation;
        if is_same_life && before.depth > 0 && now.depth > 0 && done(pair) == 0 {
            found(Lint::Stalled { waiting: now.depth });
        } else if is_full(before) && is_full(now) {
            let capacity = now.capacity;
            found(Lint::Bottleneck { capacity });
        }
        let restarts = now.restarts.saturating_sub(before.restarts);
        if restarts >= config.restarts.max(1) {
            found(Lint::RestartStorm { restarts });
        }
        let share = done(pair) as f64 / all.max(1) as f64;
        if both.len() > 2 && all >= config.messages && share > config.share {
            let percent = (share * 100.0) as u8;
            found(Lint::DoesTooMuch { percent });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(path: &str, depth: u64, handled: u64) -> Look {
        Look {
            path: path.into(),
            incarnation: 0,
            restarts: 0,
            depth,
            capacity: 8,
            handled,
        }
    }

    fn found(before: &[Look], now: &[Look]) -> Vec<(String, Lint)> {
        let findings = judge(before, now, &LintConfig::default());
        let named = findings.into_iter();
        named.map(|(path, lint)| (path.to_string(), lint)).collect()
    }

    #[test]
    fn d23_a_mailbox_that_stays_full_is_a_bottleneck_and_one_that_empties_is_not() {
        let before = [look("a", 8, 10), look("b", 8, 10)];
        let now = [look("a", 8, 90), look("b", 3, 90)];
        let wanted = ("a".into(), Lint::Bottleneck { capacity: 8 });
        assert_eq!(found(&before, &now), [wanted]);
    }

    #[test]
    fn d23_who_handles_nothing_while_messages_wait_has_stalled() {
        let wanted = ("a".into(), Lint::Stalled { waiting: 2 });
        assert_eq!(found(&[look("a", 1, 10)], &[look("a", 2, 10)]), [wanted]);
        assert_eq!(found(&[look("a", 0, 10)], &[look("a", 2, 10)]), []);
        let mut next_life = look("a", 2, 10);
        next_life.incarnation = 1;
        assert_eq!(found(&[look("a", 1, 10)], &[next_life]), []);
    }

    #[test]
    fn d23_one_actor_that_handles_most_of_all_does_too_much() {
        let before = [look("a", 0, 0), look("b", 0, 0), look("c", 0, 0)];
        let now = [look("a", 0, 800), look("b", 0, 100), look("c", 0, 100)];
        let wanted = ("a".into(), Lint::DoesTooMuch { percent: 80 });
        assert_eq!(found(&before, &now), [wanted]);
        let few = [look("a", 0, 80), look("b", 0, 10), look("c", 0, 10)];
        assert_eq!(found(&before, &few), [], "too few to tell");
    }

    #[test]
    fn d23_restarts_that_do_not_help_are_a_storm() {
        let mut now = look("a", 0, 0);
        (now.restarts, now.incarnation) = (12, 12);
        let wanted = ("a".into(), Lint::RestartStorm { restarts: 12 });
        assert_eq!(found(&[look("a", 0, 0)], &[now]), [wanted]);
    }
}
