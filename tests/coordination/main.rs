//! Patterns over real actors, on a paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod arbitrate;
mod bad_input;
mod common;
mod conflict;
mod graph;
mod hub;
mod iterate;
mod map_reduce;
mod market;
mod patterns;
mod peers;
mod pipeline;
mod scatter;
mod states;
mod streaming;
mod task;
mod vote;
