//! D2 to D4, D10 and D11: patterns over real actors, on a paused clock.
//! D1 to D5, D11 and D25: patterns over real actors, on a paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod bad_input;
mod common;
mod graph;
mod hub;
mod iterate;
mod map_reduce;
mod patterns;
mod pipeline;
mod scatter;
mod states;
mod streaming;
mod task;
