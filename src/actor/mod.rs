//! Actors.
pub(crate) mod core;
