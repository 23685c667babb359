//! What the examples share: finding and reading files, trouble on purpose,
//! progress, reports that are there whole or not at all.
//!
//! An example takes it in with `#[path = "../common/mod.rs"] mod common;`.

#![allow(dead_code, reason = "each example uses its own part")]

pub(crate) mod chaos;
pub(crate) mod cli;
pub(crate) mod hash;
#[expect(
    clippy::disallowed_methods,
    reason = "what is shown to people goes by their clock"
)]
pub(crate) mod progress;
pub(crate) mod publish;
pub(crate) mod read;
pub(crate) mod scan;
#[cfg(test)]
pub(crate) mod testing;
