//! What stands between a caller and a worker that may fail.
//!
//! A layer is put in front of anything that answers, and the result answers
//! again. So layers stack, and a stack stands wherever a worker can.
//!
//! ```
//! use callboard::policy::retry::Retry;
//! use callboard::prelude::*;
//! use callboard::resilience::{BulkheadConfig, Fallback, Stack, StackConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let model = WorkerRef::from_fn("model", |_: u32| async { Err::<u32, _>(Fault::transient("down")) });
//! let config = StackConfig::new()
//!     .deadline(secs(2))
//!     .bulkhead(BulkheadConfig::new(16))
//!     .breaker(Breaker::consecutive(2).open_for(secs(30)))
//!     .retry(Retry::constant(ms(1)).attempts(2));
//! let stack = Stack::new("model", config)?;
//! let answer = Fallback::first("model", stack.guard(&model)).or("safe", |n| n);
//!
//! for n in 0..3 {
//!     assert_eq!(answer.ask(n).await?.value, n);
//! }
//! assert_eq!(stack.breaker().unwrap().stats().admitted, 2, "then it was open");
//! # Ok(())
//! # }
//! ```
//!
//! | question | layer |
//! | --- | --- |
//! | Is the callee well? | [`Breaker`] |
//! | May it work the next time? | [`Retrier`], within a [`RetryBudget`] |
//! | Who else can answer? | [`Fallback`] |
//! | Who fits best just now? | [`Balancer`] |
//! | Can the answer do without a part? | [`Degradation`] |
//! | How many are with it already? | [`Bulkhead`] |
//! | How often was it asked lately? | [`RateLimiter`], [`KeyedRateLimiter`] |
//! | What does that cost? | [`Quota`] |
//! | Does somebody ask the same right now? | [`Coalescer`] |
//! | Has somebody asked it before? | `Cache` (feature `cache`) |
//! | Can several requests be one call? | [`Batching`] |
//! | Can the caller come back for it? | [`Tickets`] |
//! | What becomes of work that failed for good? | [`DeadLetterQueue`] |
//! | All of it, in the right order? | [`Stack`] |
//!
//! The order, from the outside to the inside, is deadline, fallback, bulkhead,
//! breaker, retry, rate and quota; `docs/resilience.md` says why. Modules have
//! guides of their own: [`breaker`], [`retry`], [`fallback`], [`degradation`],
//! [`coalesce`].
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
//! # Queued work
//!
//! *How long does a request wait for others?* Until its batch is full, or
//! `max_wait` after the first of them (`c14_a_batch_goes_when_it_is_full_or_has_waited`).
//! One call is under way at a time; its deadline is the latest of its members',
//! and none if one of them has none (`c14_the_latest_deadline_is_the_batchs`).
//!
//! *What if one of a batch fails?* Its asker alone gets the fault. If the call
//! fails, or gives another number of answers than there were requests, all of
//! them do (`c14_a_wrong_number_of_answers_is_a_fault_for_all`).
//!
//! *What if the one who submitted goes away?* The work of a ticket goes on
//! (`c15_the_work_goes_on_when_the_submitter_is_gone`), and ends when it is
//! cancelled (`c15_a_cancelled_ticket_ends_its_work`). Its outcome is kept for 10 min.
//!
//! *What if dead work fails again?* A replay that fails keeps its entry and counts
//! the attempt (`c11_a_failed_replay_stays_and_counts`). In memory: a restart of
//! the process forgets it.
//!
//! *Is any of that unbounded?* No: a full batch queue and a full ticket office
//! refuse as overloaded, a full dead-letter queue drops its oldest entry and
//! counts it.
//!
//! [`Fault`]: crate::actor::Fault

mod balancer;
mod batch;
pub mod breaker;
mod bulkhead;
#[cfg(feature = "cache")]
pub mod cache;
pub mod coalesce;
mod dead_letters;
pub mod degradation;
pub mod fallback;
mod line;
mod live;
pub(crate) mod quota;
pub(crate) mod rate;
pub mod retry;
mod stack;
mod tickets;

pub use balancer::Balancer;
pub use batch::{BatchConfig, BatchStats, BatchWorker, Batcher, Batching, Gather, MiscountedBatch};
pub use breaker::{Breaker, BreakerEvent, BreakerEvents, BreakerPermit, BreakerStats, Open};
pub use bulkhead::{Bulkhead, BulkheadConfig, BulkheadFull, BulkheadPermit, BulkheadStats};
#[cfg(feature = "cache")]
pub use cache::{Cache, CacheConfig};
pub use coalesce::Coalescer;
pub use dead_letters::{
    DeadLetterConfig, DeadLetterQueue, DeadWork, ReplayError, ReplayReport, WhenFull,
};
pub use degradation::Degradation;
pub use fallback::{Fallback, Tier};
pub use live::Live;
pub use quota::{Quota, QuotaConfig, QuotaSpent, QuotaStats, Reservation};
pub use rate::{
    KeyedRateLimiter, KeyedRateLimiterConfig, KeyedRateLimiterStats, RateLimited, RateLimiter,
    RateLimiterConfig, RateLimiterStats, WhenSpent,
};
pub use retry::{Retrier, RetryBudget};
pub use stack::{InvalidStack, Stack, StackConfig};
pub use tickets::{
    Ticket, TicketCommand, TicketConfig, TicketError, TicketId, TicketOffice, Tickets,
};
