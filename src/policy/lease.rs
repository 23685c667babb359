//! Leases: a resource has one holder at a time, for a time.
//!
//! ```
//! use callboard::policy::lease::{Fence, LeaseTable};
//! use std::time::{Duration, Instant};
//!
//! let term = Duration::from_secs(10);
//! let now = Instant::now();
//! let mut table = LeaseTable::new(term, 100);
//! let first = table.take("disk", "a", now)?;
//! assert!(table.take("disk", "b", now).is_err());
//!
//! // The first holder has not renewed it: another takes it, with a higher number.
//! let later = now + term;
//! let second = table.take("disk", "b", later)?;
//! assert!(second.number > first.number);
//! assert!(table.check(&first, later).is_err());
//!
//! // And what is guarded refuses who was late, whatever it believes.
//! let mut fence = Fence::default();
//! assert!(fence.admit(second.number));
//! assert!(!fence.admit(first.number));
//! # Ok::<(), callboard::policy::lease::LeaseError>(())
//! ```
//!
//! Gray, Cheriton: *Leases: an efficient fault-tolerant mechanism for distributed file
//! cache consistency*, 1989. The number is a fencing token: a holder that slept through
//! the end of its lease still believes in it, and only the one who is written to can
//! refuse it, by the number.
//!
//! # Questions
//!
//! *Can there be two holders?* No, at no time
//! (`whatever_is_done_a_resource_has_one_holder_and_numbers_grow`).
//!
//! *When is a lease over?* At its end, to the instant; after that it cannot be renewed,
//! even if nobody has taken it since.
//!
//! *What if the same holder takes it twice?* It is refused the second time: whoever has
//! crashed does not know what its former self still does.
//!
//! *What is bounded?* Leases at once. Those that are over make room for others. Each
//! operation takes constant time, but for one that finds no room: it looks at all.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A resource that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease<K> {
    /// Which resource.
    pub resource: K,
    /// Who holds it.
    pub holder: Arc<str>,
    /// Higher than that of every lease before: the fencing token.
    pub number: u64,
    /// When it is over, unless it is renewed.
    pub until: Instant,
}

#[derive(Clone, Debug)]
struct Held {
    holder: Arc<str>,
    number: u64,
    until: Instant,
}

/// Who holds what, until when. Time is given to it.
#[derive(Clone, Debug)]
pub struct LeaseTable<K> {
    term: Duration,
    most: usize,
    last: u64,
    held: HashMap<K, Held>,
}

impl<K: Clone + Eq + Hash> LeaseTable<K> {
    /// Leases of this length, a century at most, and so many at once.
    #[must_use]
    pub fn new(term: Duration, most: usize) -> Self {
        Self {
            term: term.min(CENTURY),
            most,
            last: 0,
            held: HashMap::new(),
        }
    }

    /// Takes a resource that nobody holds.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Held`] and [`LeaseError::Full`].
    pub fn take(
        &mut self,
        resource: K,
        holder: impl Into<Arc<str>>,
        now: Instant,
    ) -> Result<Lease<K>, LeaseError> {
        match self.held.get(&resource) {
            Some(held) if now < held.until => {
                return Err(LeaseError::Held {
                    by: Arc::clone(&held.holder),
                    left: held.until.saturating_duration_since(now),
                });
            }
            Some(_) => {}
            None if self.held.len() < self.most => {}
            None => {
                self.held.retain(|_, held| now < held.until);
                if self.held.len() >= self.most {
                    return Err(LeaseError::Full(self.most));
                }
            }
        }
        self.last += 1;
        let held = Held {
            holder: holder.into(),
            number: self.last,
            until: now + self.term,
        };
        self.held.insert(resource.clone(), held.clone());
        Ok(Lease {
            resource,
            holder: held.holder,
            number: held.number,
            until: held.until,
        })
    }

    /// Holds it for another term from now on, with the same number.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`].
    pub fn renew(&mut self, lease: &Lease<K>, now: Instant) -> Result<Lease<K>, LeaseError> {
        self.check(lease, now)?;
        let until = now + self.term;
        if let Some(held) = self.held.get_mut(&lease.resource) {
            held.until = until;
        }
        Ok(Lease {
            until,
            ..lease.clone()
        })
    }

    /// Whether it is still held.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`].
    pub fn check(&self, lease: &Lease<K>, now: Instant) -> Result<(), LeaseError> {
        let held = self.held.get(&lease.resource);
        match held {
            Some(held) if held.number == lease.number && now < held.until => Ok(()),
            _ => Err(LeaseError::Lost(lease.number)),
        }
    }

    /// Gives it back before it is over. Nothing happens if it was lost.
    pub fn give_back(&mut self, lease: &Lease<K>) {
        let held = self.held.get(&lease.resource);
        if held.is_some_and(|held| held.number == lease.number) {
            self.held.remove(&lease.resource);
        }
    }

    /// Who holds a resource.
    #[must_use]
    pub fn holder(&self, resource: &K, now: Instant) -> Option<Arc<str>> {
        let held = self.held.get(resource)?;
        (now < held.until).then(|| Arc::clone(&held.holder))
    }
}

/// Stands before a resource: lets through nobody whose number is lower than one that
/// was there before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    highest: u64,
}

impl Fence {
    /// Whether the holder of this number may write.
    #[must_use]
    pub fn admit(&mut self, number: u64) -> bool {
        let is_current = number >= self.highest;
        self.highest = self.highest.max(number);
        is_current
    }
}

/// Why a lease is not given, or does not hold any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseError {
    /// Somebody holds it.
    Held {
        /// Who.
        by: Arc<str>,
        /// For how long, if it is not renewed.
        left: Duration,
    },
    /// There are so many leases, and no more may be.
    Full(usize),
    /// The lease of this number is over, was given back or is somebody else's by now.
    Lost(u64),
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { by, left } => {
                write!(f, "{by} holds it, try again in {} ms", left.as_millis())
            }
            Self::Full(most) => write!(f, "there are {most} leases, give one back first"),
            Self::Lost(number) => write!(f, "lease {number} is lost, take it again"),
        }
    }
}

impl Error for LeaseError {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const TERM: Duration = Duration::from_secs(10);

    proptest! {
        /// Takes, renewals, returns and waits by three holders of two resources.
        #[test]
        fn whatever_is_done_a_resource_has_one_holder_and_numbers_grow(
            steps in prop::collection::vec((0..4_u8, 0..2_u8, 0..3_u8, 0..15_u64), 1..60),
        ) {
            let mut now = Instant::now();
            let mut table = LeaseTable::new(TERM, 2);
            let mut fences = BTreeMap::from([(0, Fence::default()), (1, Fence::default())]);
            // Every lease there ever was, as its holder believes.
            let mut all: Vec<Lease<u8>> = Vec::new();
            for (what, resource, holder, wait) in steps {
                let mine = all.iter().rposition(|it| {
                    it.resource == resource && *it.holder == *holder.to_string()
                });
                match (what, mine) {
                    (0, _) => {
                        let taken = table.take(resource, holder.to_string(), now);
                        if let Ok(lease) = taken {
                            prop_assert!(all.iter().all(|it| it.number < lease.number));
                            all.push(lease);
                        }
                    }
                    (1, Some(at)) => {
                        let was_held = table.check(&all[at], now).is_ok();
                        let renewed = table.renew(&all[at], now);
                        prop_assert_eq!(renewed.is_ok(), was_held);
                        if let Ok(lease) = renewed {
                            all[at] = lease;
                        }
                    }
                    (2, Some(at)) => table.give_back(&all[at]),
                    _ => now += Duration::from_secs(wait),
                }
                for resource in 0..2 {
                    let of = all.iter().filter(|it| it.resource == resource);
                    let good: Vec<_> = of.filter(|it| table.check(it, now).is_ok()).collect();
                    prop_assert!(good.len() <= 1, "{good:?}");
                    let holder = good.first().map(|it| Arc::clone(&it.holder));
                    prop_assert_eq!(table.holder(&resource, now), holder);
                    // Whoever holds it gets through, and nobody from before it.
                    let fence = fences.get_mut(&resource).unwrap();
                    if let Some(good) = good.first() {
                        prop_assert!(now < good.until);
                        prop_assert!(fence.admit(good.number));
                        let mut older = all.iter().filter(|it| {
                            it.resource == resource && it.number < good.number
                        });
                        prop_assert!(older.all(|it| !fence.admit(it.number)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_lease_is_over_at_its_end_to_the_instant() {
        let now = Instant::now();
        let mut table = LeaseTable::new(TERM, 1);
        let lease = table.take("a", "x", now).unwrap();
        let last = now + TERM - Duration::from_nanos(1);
        assert_eq!(table.check(&lease, last), Ok(()));
        assert_eq!(table.check(&lease, now + TERM), Err(LeaseError::Lost(1)));
        let late = table.renew(&lease, now + TERM);
        assert_eq!(late, Err(LeaseError::Lost(1)));
        // What is over makes room.
        assert!(table.take("b", "x", last).is_err());
        assert_eq!(table.take("b", "x", now + TERM).unwrap().number, 2);
    }

    #[test]
    fn no_term_makes_a_lease_table_panic() {
        for term in [Duration::ZERO, Duration::MAX] {
            let mut table = LeaseTable::new(term, 1);
            assert!(table.take("a", "x", Instant::now()).is_ok());
        }
    }

    #[test]
    fn who_was_refused_is_told_by_whom_and_for_how_long() {
        let now = Instant::now();
        let mut table = LeaseTable::new(TERM, 1);
        let lease = table.take("a", "x", now).unwrap();
        let refused = table.take("a", "x", now + TERM / 2).unwrap_err();
        assert_eq!(refused.to_string(), "x holds it, try again in 5000 ms");
        let full = table.take("b", "y", now).unwrap_err();
        assert_eq!(full, LeaseError::Full(1));
        table.give_back(&lease);
        assert!(table.take("a", "y", now).is_ok());
    }
}
