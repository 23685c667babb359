//! The event stream and the office of dead letters.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::core::dead_letter::DeadLetter;
use super::core::event::Event;
use super::feed::{EventStream, Feed};
use crate::sync::Mutex;

/// Publishes a system's events, to whoever listens and to `tracing`.
#[derive(Debug)]
pub(crate) struct Hub {
    feed: Feed<Event>,
}

impl Hub {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            feed: Feed::new(capacity),
        }
    }

    pub(crate) fn has_listeners(&self) -> bool {
        self.feed.has_listeners() || is_traced()
    }

    pub(crate) fn emit(&self, event: Event) {
        trace(&event);
        self.feed.emit(event);
    }

    pub(crate) fn subscribe(&self) -> EventStream {
        self.feed.subscribe()
    }
}

#[cfg(feature = "tracing")]
fn is_traced() -> bool {
    tracing::level_filters::LevelFilter::current() >= tracing::Level::WARN
        && tracing::event_enabled!(target: "callboard", tracing::Level::WARN)
}

#[cfg(not(feature = "tracing"))]
fn is_traced() -> bool {
    false
}

#[cfg(feature = "tracing")]
fn trace(event: &Event) {
    match event {
        Event::Escalated { .. } => tracing::error!(target: "callboard", "{event}"),
        Event::Crashed { .. } | Event::Lint { .. } => {
            tracing::warn!(target: "callboard", "{event}");
        }
        Event::Restarted { .. } | Event::DeadLetter(_) => {
            tracing::info!(target: "callboard", "{event}");
        }
        _ => tracing::debug!(target: "callboard", "{event}"),
    }
}

#[cfg(not(feature = "tracing"))]
fn trace(_event: &Event) {}

#[derive(Debug, Default)]
struct Kept {
    letters: VecDeque<DeadLetter>,
    by_reason: BTreeMap<&'static str, u64>,
}

/// Keeps the newest dead letters of a system.
#[derive(Debug)]
pub(crate) struct Office {
    kept: Mutex<Kept>,
    capacity: usize,
    late_replies: AtomicU64,
}

impl Office {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            kept: Mutex::new(Kept::default()),
            capacity,
            late_replies: AtomicU64::new(0),
        }
    }

    pub(crate) fn keep(&self, letter: DeadLetter) {
        let mut kept = self.kept.lock();
        *kept.by_reason.entry(letter.reason.kind()).or_default() += 1;
        let oldest = (kept.letters.len() >= self.capacity)
            .then(|| kept.letters.pop_front())
            .flatten();
        if self.capacity > 0 {
            kept.letters.push_back(letter);
        }
        drop(kept);
        drop(oldest);
    }

    pub(crate) fn count_late_reply(&self) {
        self.late_replies.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> DeadLetters {
        let (kept, by_reason) = {
            let kept = self.kept.lock();
            let letters: Vec<_> = kept.letters.iter().cloned().collect();
            (letters, kept.by_reason.clone())
        };
        let total = by_reason.values().sum();
        DeadLetters {
            dropped: total - kept.len() as u64,
            total,
            by_reason,
            late_replies: self.late_replies.load(Relaxed),
            kept,
        }
    }
}

/// The office of dead letters at one instant.
///
/// It is no actor and has no mailbox, so a dead letter can never cause another.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetters {
    /// The newest letters, oldest first; as many as the system keeps (default
    /// 1,000).
    pub kept: Vec<DeadLetter>,
    /// How many there have been.
    pub total: u64,
    /// How many there have been for each [kind](crate::actor::DeadReason::kind)
    /// of reason.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// How many are no longer kept.
    pub dropped: u64,
    /// Answers that came after the asker was gone. They are dropped, and never
    /// reach another ask.
    pub late_replies: u64,
}

impl fmt::Display for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} dead letters, {} kept, {} late replies",
            self.total,
            self.kept.len(),
            self.late_replies
        )
    }
}
