//! The mailbox as its users see it: capacity, order, overflow, books.
#![allow(
    clippy::disallowed_methods,
    reason = "a test owns its threads, its tasks and its clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod asks;
mod capacity;
mod endings;
mod order;
mod overflow;
