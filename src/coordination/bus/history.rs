//! What was said to whom.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::actor::Envelope;
use crate::sync::Mutex;

/// Settings of a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HistoryConfig {
    /// Messages kept in all. Default 1,000.
    pub most: usize,
    /// Messages kept for each agent. Default 100.
    pub per_agent: usize,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            most: 1_000,
            per_agent: 100,
        }
    }
}

impl HistoryConfig {
    /// Messages kept in all. Default 1,000.
    #[must_use]
    pub fn most(mut self, messages: usize) -> Self {
        self.most = messages;
        self
    }

    /// Messages kept for each agent. Default 100.
    #[must_use]
    pub fn per_agent(mut self, messages: usize) -> Self {
        self.per_agent = messages;
        self
    }
}

/// Messages in their order, each with its number.
type Line<P> = VecDeque<(u64, Arc<Envelope<P>>)>;

struct Kept<P> {
    next: u64,
    all: Line<P>,
    /// By sender and by receiver. Nobody is in it without a message in `all`.
    by_agent: HashMap<String, Line<P>>,
}

/// The newest messages between agents, so many at most, and so many for each agent.
/// Clones are the same history.
///
/// # Examples
///
/// ```
/// use callboard::actor::{Envelope, Kind};
/// use callboard::coordination::bus::{History, HistoryConfig};
///
/// let history = History::new(HistoryConfig::default());
/// let say = |id: &str, from: &str, to: &str| {
///     history.record(Envelope::new(id, from, to, Kind::TaskRequest, "hello"));
/// };
/// say("1", "planner", "writer");
/// say("2", "writer", "critic");
/// say("3", "critic", "planner");
/// assert_eq!(history.of("writer").len(), 2, "to it and from it");
/// assert_eq!(history.all().len(), 3);
/// assert!(serde_json::to_string(&history.all()).is_ok());
/// ```
pub struct History<P> {
    config: HistoryConfig,
    kept: Arc<Mutex<Kept<P>>>,
}

impl<P> History<P> {
    /// An empty one.
    #[must_use]
    pub fn new(config: HistoryConfig) -> Self {
        Self {
            config,
            kept: Arc::new(Mutex::new(Kept {
                next: 0,
                all: VecDeque::new(),
                by_agent: HashMap::new(),
            })),
        }
    }

    /// Keeps a message, as the newest.
    pub fn record(&self, message: Envelope<P>) {
        let message = Arc::new(message);
        // What goes is dropped without the lock: payloads are foreign code.
        let _gone = self.kept.lock().add(&message, self.config);
    }

    /// What this agent sent or received, oldest first.
    #[must_use]
    pub fn of(&self, agent: &str) -> Vec<Arc<Envelope<P>>> {
        let kept = self.kept.lock();
        kept.by_agent.get(agent).map(messages).unwrap_or_default()
    }

    /// What all agents said, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Envelope<P>>> {
        messages(&self.kept.lock().all)
    }
}

fn messages<P>(line: &Line<P>) -> Vec<Arc<Envelope<P>>> {
    line.iter()
        .map(|(_, message)| Arc::clone(message))
        .collect()
}

/// Whom a message is between: one where it is to oneself.
fn agents<P>(message: &Envelope<P>) -> impl Iterator<Item = &str> {
    let header = &message.header;
    let (from, to) = (header.sender_id.as_str(), header.receiver_id.as_str());
    std::iter::once(from).chain((to != from).then_some(to))
}

impl<P> Kept<P> {
    /// Adds it; what is not kept any more.
    fn add(&mut self, message: &Arc<Envelope<P>>, config: HistoryConfig) -> Line<P> {
        let (number, mut gone) = (self.next, Line::new());
        self.next += 1;
        self.all.push_back((number, Arc::clone(message)));
        for agent in agents(message) {
            let line = self.by_agent.entry(agent.to_owned()).or_default();
            line.push_back((number, Arc::clone(message)));
            if line.len() > config.per_agent {
                gone.extend(line.pop_front());
            }
        }
        while self.all.len() > config.most
            && let Some(oldest) = self.all.pop_front()
        {
            self.forget(&oldest, &mut gone);
            gone.push_back(oldest);
        }
        gone
    }

    /// Takes the oldest message of all from its agents.
    fn forget(&mut self, (number, message): &(u64, Arc<Envelope<P>>), gone: &mut Line<P>) {
        for agent in agents(message) {
            let Some(line) = self.by_agent.get_mut(agent) else {
                continue;
            };
            if line.front().is_some_and(|(first, _)| first == number) {
                gone.extend(line.pop_front());
            }
            if line.is_empty() {
                self.by_agent.remove(agent);
            }
        }
    }
}

impl<P> Clone for History<P> {
    fn clone(&self) -> Self {
        Self {
            config: self.config,
            kept: Arc::clone(&self.kept),
        }
    }
}

impl<P> fmt::Debug for History<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Kind;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn d8_a_history_is_the_newest_of_all_and_of_each_agent(
            said in proptest::collection::vec((0_u8..4, 0_u8..4), 0..40),
            most in 0_usize..12,
            per_agent in 0_usize..6,
        ) {
            let config = HistoryConfig::default().most(most).per_agent(per_agent);
            let history = History::new(config);
            for (n, (from, to)) in said.iter().enumerate() {
                let (from, to) = (from.to_string(), to.to_string());
                history.record(Envelope::new(n.to_string(), from, to, Kind::Event, n));
            }
            let newest = |agent: Option<u8>, most: usize| -> Vec<usize> {
                let last = said.len().saturating_sub(config.most);
                let mut all: Vec<usize> = (last..said.len())
                    .filter(|n| agent.is_none_or(|it| said[*n].0 == it || said[*n].1 == it))
                    .collect();
                all.split_off(all.len().saturating_sub(most))
            };
            let numbers = |all: Vec<Arc<Envelope<usize>>>| -> Vec<usize> {
                all.iter().map(|it| it.payload).collect()
            };
            prop_assert_eq!(numbers(history.all()), newest(None, most));
            for agent in 0..4 {
                let of = numbers(history.of(&agent.to_string()));
                prop_assert_eq!(of, newest(Some(agent), per_agent));
            }
            let kept = history.kept.lock();
            prop_assert!(kept.by_agent.len() <= 2 * most, "agents without messages are forgotten");
        }
    }
}
