//! D1 to D5, D11 and D25: patterns over real actors, on a paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod common;
mod graph;
mod hub;
mod iterate;
mod map_reduce;
mod patterns;
mod pipeline;
mod scatter;
mod task;
