//! Leases that actors share: one holder at a time, by the clock of their deadlines.
//!
//! ```
//! use callboard::coordination::lease::{Fence, Leases};
//! use callboard::prelude::secs;
//!
//! let leases = Leases::new(secs(10), 100);
//! let first = leases.take("chart", "ann")?;
//! assert!(leases.take("chart", "bob").is_err());
//! leases.give_back(&first);
//! let second = leases.take("chart", "bob")?;
//!
//! // Whoever keeps the chart refuses what comes from an earlier holder.
//! let mut fence = Fence::default();
//! assert!(fence.admit(second.number));
//! assert!(!fence.admit(first.number), "ann is late");
//! # Ok::<(), callboard::coordination::lease::LeaseError>(())
//! ```
//!
//! # Questions
//!
//! *When is a lease over?* After its term by the clock that the actors' deadlines go by,
//! unless it is [renewed](Leases::renew)
//! (`a_lease_that_is_not_renewed_goes_to_another_and_its_holder_is_refused`). The rules
//! are those of [`LeaseTable`].
//!
//! *Why is there a fence, too?* A holder that sleeps between looking at its lease and
//! writing does not notice its end. Whoever is written to does, by the number that goes
//! with the write: an actor keeps one [`Fence`] for each resource, and refuses a number
//! that is lower than one that it has seen.
//!
//! *What is it leases on?* Whatever has a name: an entry of a
//! [blackboard](mod@super::blackboard), a file, a seat.
//!
//! *What is it not?* It knows of no other process: for several nodes it has to live in a
//! store that they share.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::system::clock;
use crate::sync::Mutex;

#[doc(no_inline)]
pub use crate::policy::lease::{Fence, Lease, LeaseError, LeaseTable};

/// Leases by the names of resources. Cheap to clone; all clones are the same leases.
pub struct Leases<K> {
    table: Arc<Mutex<LeaseTable<K>>>,
}

impl<K: Clone + Eq + Hash> Leases<K> {
    /// Leases of this length, and so many at once.
    #[must_use]
    pub fn new(term: Duration, most: usize) -> Self {
        Self {
            table: Arc::new(Mutex::new(LeaseTable::new(term, most))),
        }
    }

    /// Takes a resource that nobody holds.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Held`] and [`LeaseError::Full`].
    pub fn take(&self, resource: K, holder: impl Into<Arc<str>>) -> Result<Lease<K>, LeaseError> {
        let holder = holder.into();
        self.table.lock().take(resource, holder, clock())
    }

    /// Holds it for another term from now on.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`].
    pub fn renew(&self, lease: &Lease<K>) -> Result<Lease<K>, LeaseError> {
        self.table.lock().renew(lease, clock())
    }

    /// Whether it is still held.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`].
    pub fn check(&self, lease: &Lease<K>) -> Result<(), LeaseError> {
        self.table.lock().check(lease, clock())
    }

    /// Gives it back before it is over. Nothing happens if it was lost.
    pub fn give_back(&self, lease: &Lease<K>) {
        self.table.lock().give_back(lease);
    }

    /// Who holds a resource.
    #[must_use]
    pub fn holder(&self, resource: &K) -> Option<Arc<str>> {
        self.table.lock().holder(resource, clock())
    }
}

impl<K> Clone for Leases<K> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
        }
    }
}

impl<K> fmt::Debug for Leases<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").finish_non_exhaustive()
    }
}
