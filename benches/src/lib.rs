//! What the benchmarks share: the same workloads written once for callboard
//! and once for each peer, and the table of what must hold between them.
//!
//! ```text
//! rows       what is measured, against whom, and what must hold
//! measure    runs the contenders of a subject in turn: A B C A B C ...
//! work       the workloads as data, and the arithmetic they share
//! contender  one file a contender: the workloads as async functions
//! runtime    the runtime each measurement gets, and what workloads wait with
//! counting   the allocator that knows how many bytes are out
//! crash      the scripted panic, and the hook that keeps quiet about it
//! ```
//!
//! Each measurement of each contender gets a **fresh tokio runtime with two
//! workers**, and the workload runs as a task of it, so that no third thread
//! takes part. actix has a `System` with one arbiter on a thread of its own,
//! and its callers run there too: that is its single-threaded case.
//!
//! Peers run with their default features. With `--features ractor-cluster`
//! ractor runs with `cluster` on top.
//!
//! Setting actors up is outside the time, except where a row is about it.
#![deny(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "benchmarks read the real clock and start bare tasks: both are what is measured"
)]

pub mod contender;
pub mod counting;
pub mod crash;
pub mod measure;
pub mod rows;
pub mod runtime;
pub mod work;
