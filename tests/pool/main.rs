//! C12 and C13: pools, on a paused clock. `po_*` are cases of poolboy's tests.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod common;
mod concurrent;
mod crashes;
mod dispatch;
mod elastic;
mod leases;
mod settings;
