//! callboard: an actor runtime in which every agent, monitor and orchestrator
//! is a supervised actor with a typed, bounded mailbox.
//!
//! - [`actor`]: what you write, and how it is reached. Start here.
//! - [`mailbox`]: bounded queues, what happens when they are full, the books.
//! - [`supervision`]: who restarts whom; pools.
//! - [`resilience`]: breakers, retries, limits, fallbacks in front of workers.
//! - [`coordination`]: pipelines, scatters, map-reduce, task graphs and loops, as protocols
//!   that compose.
//! - [`policy`]: the pure arithmetic behind all of it.
//! - [`testing`]: probes, scripted workers, assertions.
//!
//! Everything that answers is a [`WorkerRef`](actor::WorkerRef), and everything
//! takes one, so patterns, pools, breakers and actors compose.
//!
//! # Features
//!
//! - `tracing` (default): lifecycle events and dead letters as `tracing` events.
//! - `cache`: answers that are kept, by content hash.
//! - `tower`: workers as tower services, the resilience floor as tower layers.
//!
//! # Loom
//!
//! Under `--cfg callboard_loom` the very same mailboxes and shell run on loom's
//! primitives, and `callboard::model` runs your own actors in a model; see
//! `tests/loom_your_actor.rs` for one to copy.
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
#[cfg(callboard_loom)]
pub mod model;
pub mod policy;
pub mod prelude;
pub mod resilience;
pub mod supervision;
pub(crate) mod sync;
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;

#[cfg(callboard_loom)]
pub use model::model;

/// The README's program, compiled and run with the doc-tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The guides' programs, likewise.
#[cfg(doctest)]
#[doc = include_str!("../docs/supervision.md")]
struct SupervisionGuide;

#[cfg(doctest)]
#[doc = include_str!("../docs/coming-from.md")]
struct ComingFrom;

#[cfg(doctest)]
#[doc = include_str!("../docs/resilience.md")]
struct ResilienceGuide;

#[cfg(doctest)]
#[doc = include_str!("../docs/patterns.md")]
struct PatternCatalogue;

#[cfg(doctest)]
#[doc = include_str!("../docs/anti-patterns.md")]
struct AntiPatterns;
