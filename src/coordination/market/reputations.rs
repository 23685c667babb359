//! What is known of bidders, shared by markets.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::actor::system::clock;
use crate::policy::reputation::{InvalidReputation, Outcome, Reputation, ReputationRules};
use crate::sync::Mutex;

/// What is known of one bidder now.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Repute {
    /// How well it does, 0 to 1.
    pub score: f64,
    /// How many outcomes that rests on, as far as they count now.
    pub evidence: f64,
}

/// The reputations of bidders, by their names. Cheap to clone: all clones are one
/// ledger, which markets can share.
///
/// It has room for so many names; then the one of whom nothing was heard for longest
/// is forgotten, and begins anew.
#[derive(Clone)]
pub struct Reputations {
    rules: ReputationRules,
    room: usize,
    known: Arc<Mutex<HashMap<Arc<str>, Reputation>>>,
}

impl Default for Reputations {
    fn default() -> Self {
        Self {
            rules: ReputationRules::default(),
            room: 10_000,
            known: Arc::default(),
        }
    }
}

impl Reputations {
    /// An empty ledger with these rules.
    ///
    /// # Errors
    ///
    /// What [`ReputationRules::validate`] says.
    pub fn new(rules: ReputationRules) -> Result<Self, InvalidReputation> {
        rules.validate()?;
        Ok(Self {
            rules,
            ..Self::default()
        })
    }

    /// Names that it has room for, at least one. Default 10,000. Said before it is
    /// cloned.
    #[must_use]
    pub fn room(mut self, names: usize) -> Self {
        self.room = names.max(1);
        self
    }

    /// What is known of this bidder; the prior where nothing is.
    #[must_use]
    pub fn of(&self, bidder: &str) -> Repute {
        let reputation = self.known.lock().get(bidder).copied();
        self.repute(&reputation.unwrap_or_default())
    }

    /// All who are known, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(Arc<str>, Repute)> {
        let known = self.known.lock();
        let known = known.iter();
        let all = known.map(|(name, it)| (Arc::clone(name), self.repute(it)));
        let mut all: Vec<_> = all.collect();
        all.sort_by(|(name, _), (other, _)| name.cmp(other));
        all
    }

    /// Takes in how a contract went, also one made elsewhere. Looks at all names
    /// where there is no room for a new one.
    pub fn note(&self, bidder: &str, outcome: Outcome) {
        let now = clock();
        let mut known = self.known.lock();
        if !known.contains_key(bidder) && known.len() >= self.room {
            let oldest = known.iter().min_by_key(|(_, it)| it.last());
            if let Some(oldest) = oldest.map(|(name, _)| Arc::clone(name)) {
                known.remove(&oldest);
            }
        }
        let reputation = known.entry(bidder.into()).or_default();
        reputation.note(outcome, now, &self.rules);
    }

    fn repute(&self, reputation: &Reputation) -> Repute {
        let now = clock();
        Repute {
            score: reputation.score(now, &self.rules),
            evidence: reputation.evidence(now, &self.rules),
        }
    }
}

impl fmt::Debug for Reputations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reputations")
            .field("rules", &self.rules)
            .field("room", &self.room)
            .field("known", &self.known.lock().len())
            .finish()
    }
}
