//! A pool at one instant.

/// A pool at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// The fewest members it is to have.
    pub min: usize,
    /// The most members it may have.
    pub max: usize,
    /// Members, busy and idle. Those on their way out are none any more.
    pub size: usize,
    /// Members that would be given a job now.
    pub available: usize,
    /// Members with a job or a lease.
    pub busy: usize,
    /// Jobs given to members, leases included.
    pub jobs: usize,
    /// Members that somebody has leased.
    pub leases: usize,
    /// Callers waiting for a member.
    pub waiting: usize,
    /// The most callers that ever waited at once.
    pub most_waiting: usize,
}

impl PoolStatus {
    /// Whether the next caller is served.
    #[must_use]
    pub const fn state(&self) -> PoolState {
        if self.available > 0 {
            PoolState::Ready
        } else if self.size < self.max {
            PoolState::Overflow
        } else {
            PoolState::Full
        }
    }

    /// Members beyond the minimum.
    #[must_use]
    pub const fn overflow(&self) -> usize {
        self.size.saturating_sub(self.min)
    }
}

/// Whether the next caller of a pool is served. poolboy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolState {
    /// At once.
    Ready,
    /// When the pool has grown.
    Overflow,
    /// When a member comes back.
    Full,
}
