//! callboard: an actor runtime in which every agent, monitor and orchestrator
//! is a supervised actor with a typed, bounded mailbox.
#![forbid(unsafe_code)]

pub mod actor;
pub mod mailbox;
#[cfg(callboard_loom)]
pub mod model;
pub mod policy;
pub(crate) mod sync;

#[cfg(callboard_loom)]
pub use model::model;
