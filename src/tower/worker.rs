//! A worker as a service.

use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

use crate::actor::{BoxFuture, Fault, Served, WorkerRef};
use crate::policy::breaker::Outcome;
use crate::resilience::Breaker;

/// A [`WorkerRef`] as a tower service. Clones ask the same worker.
///
/// It is always ready: whoever is behind the reference bounds what waits.
pub struct WorkerService<In, Out> {
    worker: WorkerRef<In, Out>,
}

impl<In, Out> WorkerService<In, Out> {
    /// The worker as a service.
    #[must_use]
    pub fn new(worker: &WorkerRef<In, Out>) -> Self {
        Self {
            worker: worker.clone(),
        }
    }
}

impl<In, Out> Clone for WorkerService<In, Out> {
    fn clone(&self) -> Self {
        Self::new(&self.worker)
    }
}

impl<In, Out> fmt::Debug for WorkerService<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerService({:?})", self.worker)
    }
}

impl<In: Send + 'static, Out: Send + 'static> Service<In> for WorkerService<In, Out> {
    type Response = Served<Out>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Served<Out>, Fault>>;

    fn poll_ready(&mut self, _task: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, input: In) -> Self::Future {
        let worker = self.worker.clone();
        Box::pin(async move { worker.ask(input).await })
    }
}

/// For [`GuardLayer::judging_results`](super::GuardLayer::judging_results) in
/// front of a [`WorkerService`]: what a fault counts as, its class decides, as
/// [`Breaker::judge`] says.
#[must_use]
pub fn by_fault<T>(answer: &Result<T, Fault>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Success,
        Err(fault) => Breaker::judge(fault.class()),
    }
}
