//! Programs on callboard that need more than light crates: a web service that
//! keeps its promises under too much load, and what loads it.
#![forbid(unsafe_code)]

pub mod load;
pub mod service;
