//! Patterns over real actors, on a paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod arbitrate;
mod bad_input;
mod blackboard;
mod bus;
mod common;
mod conflict;
mod conversation;
mod graph;
mod handoff;
mod hub;
mod iterate;
mod lease;
mod map_reduce;
mod market;
mod patterns;
mod peers;
mod pipeline;
mod plan;
mod refine;
mod route;
mod scatter;
mod states;
mod streaming;
mod swarm;
mod task;
mod vote;
