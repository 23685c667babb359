//! The summary service: its answers, its life, and its promises under too much
//! load.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod answers;
mod client;
mod health;
mod limits;
mod overload;
mod process;
mod sockets;
