//! callboard: an actor runtime in which every agent, monitor and orchestrator
//! is a supervised actor with a typed, bounded mailbox.
#![forbid(unsafe_code)]

pub mod actor;
pub mod mailbox;
pub mod policy;
pub mod prelude;
pub mod supervision;
pub(crate) mod sync;
