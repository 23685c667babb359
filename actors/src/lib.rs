//! Ready-made agents for `callboard`, on its public API only.
#![forbid(unsafe_code)]
