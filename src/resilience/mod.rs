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
//! [`Fault`]: crate::actor::Fault

mod breaker;
mod dead_letters;

pub use breaker::{Breaker, BreakerPermit, BreakerStats, Open};
pub use dead_letters::{
    DeadLetterConfig, DeadLetterQueue, DeadWork, ReplayError, ReplayReport, WhenFull,
};
