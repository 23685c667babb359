//! Pure arithmetic: `(state, event, now) -> (state, decision)`.
#![forbid(unsafe_code)]

pub mod backoff;
pub mod breaker;
pub mod choice;
pub mod intensity;
pub mod priority;
pub mod sizing;
