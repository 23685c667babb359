//! callboard: an actor runtime in which every agent, monitor and orchestrator
//! is a supervised actor with a typed, bounded mailbox.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests of the arithmetic begin somewhere in time"
    )
)]

pub mod actor;
pub mod coordination;
pub mod mailbox;
pub mod policy;
pub mod prelude;
pub mod resilience;
pub mod supervision;
pub(crate) mod sync;
pub mod testing;
