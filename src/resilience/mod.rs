//! What stands between a caller and a worker that may fail.
//!
//! A [`Breaker`] in front of anything that answers, and the result answers
//! again; and queued work: [`Batching`] makes one call of many requests,
//! [`Tickets`] take work that is asked after later, a [`DeadLetterQueue`] keeps
//! what failed for good.
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
//! *What counts as a failure?* Transient, cascading, overloaded and deadline
//! faults, and crashes. Permanent faults are the request's own doing and
//! cancelled calls are nobody's: they count neither way and give their permit
//! back.
//!
//! *What does the caller see while it is open?* A cascading [`Fault`] at once,
//! with the time after which it makes sense to come again.
//!
//! *What does a call cost?* Two short locks and two clock reads.
//!
//! *One breaker for how many?* Clones share one state. Use one breaker per
//! thing that fails as one.
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

mod batch;
mod breaker;
mod dead_letters;
mod tickets;

pub use batch::{BatchConfig, BatchStats, BatchWorker, Batcher, Batching, Gather, MiscountedBatch};
pub use breaker::{Breaker, BreakerPermit, BreakerStats, Open};
pub use dead_letters::{
    DeadLetterConfig, DeadLetterQueue, DeadWork, ReplayError, ReplayReport, WhenFull,
};
pub use tickets::{
    Ticket, TicketCommand, TicketConfig, TicketError, TicketId, TicketOffice, Tickets,
};
