//! D2 to D4, D11, D15, D16 and D19: patterns over real actors, on a paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod arbitrate;
mod common;
mod conflict;
mod graph;
mod iterate;
mod map_reduce;
mod patterns;
mod pipeline;
mod scatter;
mod vote;
