//! Copies of the primitives in which one line can be wrong.

pub(crate) mod breaker;
pub(crate) mod bucket;
pub(crate) mod flights;
pub(crate) mod leases;
pub(crate) mod queue;
pub(crate) mod quota;
pub(crate) mod reply;
pub(crate) mod semaphore;
pub(crate) mod turn;
