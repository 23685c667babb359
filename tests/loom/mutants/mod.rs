//! Copies of the primitives in which one line can be wrong.

pub(crate) mod breaker;
pub(crate) mod flights;
pub(crate) mod queue;
pub(crate) mod reply;
pub(crate) mod turn;
