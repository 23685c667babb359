//! Copies of the primitives in which one line can be wrong.

pub(crate) mod leases;
pub(crate) mod queue;
pub(crate) mod reply;
pub(crate) mod turn;
