//! Whether a callee that fails may be called again.
//!
//! ```text
//!                 tripped                          rested
//!   ┌────────┐ failures in a row,  ┌──────┐  first call, or the timer,   ┌───────────┐
//!   │ closed ├─failed or slow ────▶│ open ├──after open_for─────────────▶│ half-open │
//!   └────────┘ rate                └──────┘                              └──┬─────┬──┘
//!       ▲                             ▲     probes failed, or lapsed:       │     │
//!       │                             └──── no decision in half_open_for ───┘     │
//!       └────────── recovered: the probes succeeded ──────────────────────────────┘
//!
//!   by hand only: forced open (rejects all), disabled (admits all, counts nothing),
//!   metrics only (admits all, counts)
//! ```
//!
//! Every arrow begins a new generation. A [`Permit`] knows the generation it
//! was given in, so that the result of a call from before an arrow says
//! nothing about the time after it.
//!
//! # What trips it?
//!
//! Whichever of the [`Trip`]'s conditions is met first. The rates are taken
//! over the last calls or the last while ([`Window`]), once there are
//! [`min_calls`](BreakerConfig::min_calls)
//! (`cb_02_it_opens_with_the_call_that_completes_the_minimum`,
//! `cb_06_a_window_of_time_opens_with_the_sixth_call`). A call that is both
//! slow and failed counts in both rates, and once in their total
//! (`cb_11_a_slow_failure_counts_in_both_rates_and_once_in_total`).
//!
//! # What decides a trial?
//!
//! Successes in a row, with any failure against, or the same rates over all
//! the probes ([`Recovery`]). A call that says nothing gives its place to the
//! next (`cb_20_an_ignored_probe_gives_its_place_to_the_next`).
//!
//! # What does it remember?
//!
//! Two bytes for each call in a window of calls, sixty sums for a window of
//! time, whatever the traffic
//! (`unchecked_settings_do_not_take_unbounded_memory`).
//!
//! The states and their names are Nygard's (*Release It!*); rates, slow calls
//! and the states by hand follow Resilience4j, whose tests the `cb_` tests
//! restate.

mod call;
mod config;
mod event;
mod hand;
mod invalid;
mod machine;
mod window;

#[cfg(test)]
mod tests;

pub use call::{Metrics, Permit, Rejected};
pub use config::{BreakerConfig, Lapse, Recovery, Trip, Turns, Window};
pub use event::{Cause, Event, IllegalTransition, Outcome, State, Threshold, Transition};
pub use invalid::InvalidBreaker;
pub use machine::Breaker;
