//! What was decided, from what and how.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::claim::{Conflict, Resolution};
use crate::actor::system::clock;
use crate::sync::Mutex;

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry<K, V> {
    /// Counted from 0, without gaps.
    pub number: u64,
    /// When, since the resolver was started.
    pub at: Duration,
    /// What contradicted what.
    pub conflict: Conflict<K, V>,
    /// What came of it, and by which strategy.
    pub resolution: Resolution<V>,
}

/// What was decided, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Audit<K, V> {
    /// The latest decisions, the oldest first.
    pub entries: Vec<AuditEntry<K, V>>,
    /// Earlier ones, which are not kept any more.
    pub dropped: u64,
}

/// Keeps the latest decisions.
pub(super) struct AuditLog<K, V> {
    keeps: usize,
    began: Instant,
    kept: Mutex<Kept<K, V>>,
}

struct Kept<K, V> {
    next: u64,
    entries: VecDeque<Arc<AuditEntry<K, V>>>,
}

impl<K: Clone, V: Clone> AuditLog<K, V> {
    pub(super) fn new(keeps: usize) -> Self {
        Self {
            keeps,
            began: clock(),
            kept: Mutex::new(Kept {
                next: 0,
                entries: VecDeque::new(),
            }),
        }
    }

    pub(super) fn enter(&self, conflict: Conflict<K, V>, resolution: Resolution<V>) {
        let mut entry = AuditEntry {
            number: 0,
            at: clock().saturating_duration_since(self.began),
            conflict,
            resolution,
        };
        // Dropped when the lock is not held: values are foreign.
        let _displaced = {
            let mut kept = self.kept.lock();
            entry.number = kept.next;
            kept.next += 1;
            let displaced = match kept.entries.len() >= self.keeps {
                true => kept.entries.pop_front(),
                false => None,
            };
            if self.keeps > 0 {
                kept.entries.push_back(Arc::new(entry));
            }
            displaced
        };
    }

    pub(super) fn read(&self) -> Audit<K, V> {
        let (next, entries) = {
            let kept = self.kept.lock();
            (kept.next, kept.entries.clone())
        };
        Audit {
            dropped: next - entries.len() as u64,
            entries: entries
                .iter()
                .map(|entry| AuditEntry::clone(entry))
                .collect(),
        }
    }
}
