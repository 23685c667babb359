//! Actors as their users see them: hooks, messages, questions, time, names.
#![allow(
    clippy::disallowed_methods,
    reason = "a test owns its threads, its tasks and its clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod asks;
mod budgets;
mod crashes;
mod deadlines;
mod envelopes;
mod events;
mod health;
mod hooks;
mod kept;
mod letters;
mod names;
mod pause;
mod refs;
mod shutdown;
mod states;
mod streams;
mod systems;
mod tells;
mod timers;
mod watches;
mod workers;
