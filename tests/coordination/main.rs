//! Patterns over real actors, on a paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod arbitrate;
mod bad_input;
mod blackboard;
mod common;
mod conflict;
mod graph;
mod handoff;
mod hub;
mod iterate;
mod lease;
mod map_reduce;
mod patterns;
mod pipeline;
mod plan;
mod scatter;
mod states;
mod streaming;
mod task;
mod vote;
