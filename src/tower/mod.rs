//! The resilience floor for [tower](https://docs.rs/tower) services, and workers
//! as services. Feature `tower`.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::tower::{GuardLayer, WorkerService, by_fault};
//! use tower_layer::Layer;
//! use tower_service::Service;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let worker = WorkerRef::from_fn("double", |n: u32| async move { Ok::<_, Fault>(n * 2) });
//! let breaker = Breaker::new("double", Breaker::consecutive(5));
//! // In an axum router this is `.layer(GuardLayer::new(breaker).answering(..))`.
//! let mut service = GuardLayer::new(breaker)
//!     .judging_results(by_fault)
//!     .layer(WorkerService::new(&worker));
//! assert_eq!(service.call(21).await.unwrap().value, 42);
//! # }
//! ```
//!
//! # Questions
//!
//! *Which guards are there?* Whatever is an [`Admission`]: a
//! [`Breaker`](crate::resilience::Breaker), a
//! [`Bulkhead`](crate::resilience::Bulkhead), a
//! [`RateLimiter`](crate::resilience::RateLimiter).
//!
//! *In which order?* As everywhere here, outer to inner: bulkhead, breaker, rate.
//! In axum the layer that is added last is the outermost.
//!
//! *What is an error?* [`Refused`], or what the service itself failed with.
//! Where every error must be an answer, as in axum,
//! [`GuardLayer::answering`] makes one of a refusal, for example
//! [`service_unavailable`], which is 503 with `Retry-After`.
//!
//! *What counts as a failure for a breaker?* A panic, an error, and what
//! [`GuardLayer::judging`] says of an answer, for example [`by_status`]: every
//! 5xx. Where not every error is one, [`GuardLayer::judging_results`] says so,
//! for example [`by_fault`] in front of a [`WorkerService`]. A call that is
//! dropped says nothing.
//!
//! *Where is backpressure?* In the call, not in `poll_ready`: a guard that waits
//! does so within the call, where a deadline holds and a dropped call leaves its
//! place. So a service is ready when the one inside is
//! (`readiness_is_that_of_the_service_inside`).

mod admission;
mod guard;
mod http;
mod worker;

pub use admission::{Admission, Place};
pub use guard::{
    Answering, GuardLayer, GuardService, Judge, Judging, JudgingResults, Refused, Respond,
};
pub use http::{by_status, service_unavailable};
pub use worker::{WorkerService, by_fault};
