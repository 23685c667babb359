//! What stands between a caller and a worker that may fail.
//!
//! First form: the circuit breaker. It is a [`Breaker`] in front of anything
//! that answers, and the result answers again.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::resilience::Breaker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let flaky = WorkerRef::from_fn("flaky", |_: u32| async { Err::<u32, _>(Fault::transient("down")) });
//! let breaker = Breaker::new("flaky", Breaker::consecutive(2).open_for(secs(30)));
//! let guarded = breaker.guard(&flaky);
//!
//! for _ in 0..2 {
//!     assert_eq!(guarded.ask(1).await.unwrap_err().class(), FaultClass::Transient);
//! }
//! let refused = guarded.ask(1).await.unwrap_err();
//! assert_eq!(refused.class(), FaultClass::Cascading, "open: the worker is not asked");
//! assert!(refused.retry_after().is_some());
//! # }
//! ```
//!
//! # The breaker
//!
//! *What opens it?* Failures in a row, a share of failures, a share of slow
//! calls, or whichever of them comes first:
//! `Breaker::failure_rate(0.5).or_slow_rate(0.8, secs(2)).time_window(secs(60))`.
//! The [settings](crate::policy::breaker::BreakerConfig) are plain data, can
//! stand in a file, and change live with [`Breaker::reconfigure`]
//! (`c1_settings_are_changed_live_and_nonsense_changes_nothing`).
//!
//! *What counts as a failure?* Transient, cascading, overloaded and deadline
//! faults, and crashes. Permanent faults are the request's own doing and
//! cancelled calls are nobody's: they count neither way and give their permit
//! back (`cb_20_a_fault_that_says_nothing_gives_its_permit_back`).
//! [`Breaker::counting`] says otherwise for a class, and
//! [`Breaker::guard_judging`] looks at the answer itself
//! (`cb_34_an_answer_may_count_as_a_failure_and_is_handed_on`).
//!
//! *What does the caller see while it is open?* A cascading [`Fault`] at once,
//! with the time after which it makes sense to come again; the worker is not
//! asked (`cb_12_while_it_is_open_the_worker_is_never_asked`).
//!
//! *How does it close again?* After `open_for` the next calls are probes, as
//! many at once as allowed and no more
//! (`cb_16_exactly_as_many_probes_get_through_as_the_trial_has`). Two that
//! succeed in a row close it, one that fails opens it again; or the rates over
//! a fixed number of probes decide. A trial that nobody fills does not last
//! for ever (`cb_26_a_trial_that_is_never_full_ends_by_timer_too`).
//!
//! *Who turns it half-open?* The next call; until then it reads open. With
//! [`Turns::ByTimer`](crate::policy::breaker::Turns::ByTimer) a timer does
//! (`cb_14_with_a_timer_it_turns_half_open_without_a_call`).
//!
//! *What if a call is dropped halfway?* It counts neither way, and its place is
//! free (`c1_a_call_that_is_dropped_halfway_gives_its_permit_back`). The result
//! of a call from before a change of state says nothing after it.
//!
//! *Can I say so by hand?* [`Breaker::turn`] forces it open, disables it or has
//! it only measure; [`Breaker::reset`] closes it. What makes no sense is an
//! error (`cb_31_a_change_that_is_none_is_an_error`).
//!
//! *How do I watch it?* [`Breaker::stats`] at one instant, [`Breaker::subscribe`]
//! for what happens, in order and numbered
//! (`cb_02_the_call_the_threshold_and_the_state_are_told_in_this_order_once`).
//! Who is slow loses the oldest events, counted
//! (`c1_a_slow_listener_loses_the_oldest_events_and_knows_how_many`).
//!
//! *What does a call cost?* Two short locks and one box. The clock is read
//! where it matters: once at each end of a call where slow calls count, once
//! for each call in a window of time, and when the state may change.
//!
//! *One breaker for how many?* Clones share one state. Use one breaker per
//! thing that fails as one.
//!
//! [`Fault`]: crate::actor::Fault

pub(crate) mod breaker;
#[cfg(feature = "cache")]
pub mod cache;
pub mod coalesce;
pub mod degradation;
pub mod fallback;
mod live;
pub mod retry;

pub use breaker::{Breaker, BreakerEvent, BreakerEvents, BreakerPermit, BreakerStats, Open};
#[cfg(feature = "cache")]
pub use cache::{Cache, CacheConfig};
pub use coalesce::Coalescer;
pub use degradation::Degradation;
pub use fallback::{Fallback, Tier};
pub use live::Live;
pub use retry::{Retrier, RetryBudget};
