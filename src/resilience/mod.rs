//! What stands between a caller and a worker that may fail.
//!
//! A layer is put in front of anything that answers, and the result answers
//! again: a [`Breaker`] asks whether the callee is well, a [`Bulkhead`] how
//! many are with it already, a [`RateLimiter`] how often it was asked lately, a
//! [`Quota`] what that costs.
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
//! # Questions
//!
//! *What counts as a failure to a breaker?* Transient, cascading, overloaded and
//! deadline faults, and crashes. Permanent faults are the request's own doing and
//! cancelled calls are nobody's: they count neither way and give their permit
//! back.
//!
//! *What does the caller see while it is open?* A cascading [`Fault`] at once,
//! with the time after which it makes sense to come again.
//!
//! *What does a call cost?* A breaker two short locks and two clock reads.
//!
//! *One breaker for how many?* Clones share one state. Use one breaker per
//! thing that fails as one.
//!
//! # Limits
//!
//! ```
//! use callboard::policy::rate::TokenBucket;
//! use callboard::prelude::*;
//! use callboard::resilience::{Bulkhead, BulkheadConfig, RateLimiter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let search = WorkerRef::from_fn("search", |n: u32| async move { Ok(n) });
//! let calm = RateLimiter::new("search", TokenBucket::per_minute(2)).guard(&search);
//! let calm = Bulkhead::new("search", BulkheadConfig::new(4)).guard(&calm);
//!
//! calm.ask(1).await.unwrap();
//! calm.ask(2).await.unwrap();
//! let refused = calm.ask(3).await.unwrap_err();
//! assert_eq!(refused.class(), FaultClass::Overloaded);
//! assert!(refused.retry_after() <= Some(secs(30)));
//! # }
//! ```
//!
//! *What happens when a limit is reached?* The call is refused with an
//! overloaded [`Fault`] that says when to come again
//! (`rl_01_the_sixth_of_five_is_told_to_come_in_a_second`), or it waits: in a
//! bulkhead by default, at a limiter with [`WhenSpent::Wait`]. More than a
//! limiter can ever give is a permanent fault, not a wait (`rl_04_*`).
//!
//! *In which order do callers wait?* In order of arrival, and no newcomer
//! overtakes (`c7_those_who_wait_are_served_in_order_and_nobody_overtakes`;
//! loom `l7`). So one that wants much holds up those behind it that want
//! little, and is not starved by them.
//!
//! *How long do they wait?* No longer than the deadline in force. A limiter
//! knows the wait beforehand, and refuses at once where it is too long
//! (`c7_a_wait_that_would_outlive_the_deadline_fails_at_once`); a bulkhead
//! does not, and has a [`max_wait`](BulkheadConfig::max_wait) of its own
//! (`c6_a_call_waits_as_long_as_it_may_and_no_longer`).
//!
//! *What if a caller goes away?* It leaves the line, and a place that was on
//! its way to it goes to the next
//! (`c6_a_waiter_that_gives_up_passes_its_place_on`,
//! `c7_one_who_gives_up_gives_its_turn_to_the_next`).
//!
//! *What if the cost is known afterwards?* A [`Quota`] reserves an estimate and
//! settles what it was: the rest is refunded, and what it cost more is a debt
//! that delays the next (`rl_15_*`). A reservation that is dropped is given
//! back. It is paid from an account and all above it, or from none (`rl_13_*`;
//! loom `l9`). A refusal is a fault of class budget, which no retry repeats.
//!
//! *What if there is a limit for each user?* A [`KeyedRateLimiter`] has a bucket
//! for each key, forgets those that are full, and refuses new keys rather than
//! forget one that is not (`rl_12_*`).
//!
//! *What if nobody knows how much the callee can take?*
//! [`BulkheadConfig::adaptive()`] finds out: it lets one more in while answers
//! come in time, and a tenth fewer when one is late or lost
//! (`c6_an_adaptive_bulkhead_finds_what_its_callee_can_take`).
//!
//! *Can it be changed while it runs?* `reconfigure` is in force at once, and
//! says what becomes of calls under way and of those who wait (`rl_09_*`,
//! `rl_18_*`).
//!
//! *What does a limit cost?* A bulkhead two short locks; a token bucket one
//! compare-and-swap and a clock read (loom `l8`); a window one lock; a
//! quota two locks for each account on the way up.
//!
//! [`Fault`]: crate::actor::Fault

mod breaker;
mod bulkhead;
mod line;
pub(crate) mod quota;
pub(crate) mod rate;

pub use breaker::{Breaker, BreakerPermit, BreakerStats, Open};
pub use bulkhead::{Bulkhead, BulkheadConfig, BulkheadFull, BulkheadPermit, BulkheadStats};
pub use quota::{Quota, QuotaConfig, QuotaSpent, QuotaStats, Reservation};
pub use rate::{
    KeyedRateLimiter, KeyedRateLimiterConfig, KeyedRateLimiterStats, RateLimited, RateLimiter,
    RateLimiterConfig, RateLimiterStats, WhenSpent,
};
