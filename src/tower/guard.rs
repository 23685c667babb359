//! A guard in front of any service.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::admission::{Admission, Call};
use crate::actor::{BoxFuture, Fault};
use crate::policy::breaker::Outcome;

/// Puts a guard in front of services. The guard is shared by all of them.
pub struct GuardLayer<A, Respond = (), Judge = ()> {
    guard: A,
    respond: Respond,
    judge: Judge,
}

impl<A: Admission> GuardLayer<A> {
    /// Refusals are errors, what a service answers is a success, and an error is
    /// a failure.
    #[must_use]
    pub fn new(guard: A) -> Self {
        Self {
            guard,
            respond: (),
            judge: (),
        }
    }
}

impl<A: Admission, Respond, Judge> GuardLayer<A, Respond, Judge> {
    /// Answers refusals with what this makes of them, so that the service has no
    /// errors but its own. For axum: [`service_unavailable`](super::service_unavailable).
    pub fn answering<F>(self, respond: F) -> GuardLayer<A, Answering<F>, Judge> {
        GuardLayer {
            guard: self.guard,
            respond: Answering(Arc::new(respond)),
            judge: self.judge,
        }
    }

    /// Says how a call ended that was answered. Errors are failures.
    pub fn judging<F>(self, judge: F) -> GuardLayer<A, Respond, Judging<F>> {
        GuardLayer {
            guard: self.guard,
            respond: self.respond,
            judge: Judging(Arc::new(judge)),
        }
    }

    /// Says how a call ended, by its answer or its error, where not every error
    /// is a failure. For workers: [`by_fault`](super::by_fault).
    pub fn judging_results<F>(self, judge: F) -> GuardLayer<A, Respond, JudgingResults<F>> {
        GuardLayer {
            guard: self.guard,
            respond: self.respond,
            judge: JudgingResults(Arc::new(judge)),
        }
    }
}

/// Refusals are answered.
pub struct Answering<F>(Arc<F>);

/// Answers are judged.
pub struct Judging<F>(Arc<F>);

/// Answers and errors are judged.
pub struct JudgingResults<F>(Arc<F>);

impl<F> Clone for Answering<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> Clone for Judging<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> Clone for JudgingResults<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> fmt::Debug for Answering<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}

impl<F> fmt::Debug for Judging<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judging")
    }
}

impl<F> fmt::Debug for JudgingResults<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JudgingResults")
    }
}

/// What becomes of a refusal: nothing (`()`), so that it is an error, or an
/// answer ([`Answering`]).
pub trait Respond<T, E>: Clone + Send + 'static {
    /// The error of the guarded service.
    type Error;

    /// The guard did not let a call in.
    ///
    /// # Errors
    ///
    /// The refusal, where it is not answered.
    fn refused(&self, fault: Fault) -> Result<T, Self::Error>;

    /// The service itself failed.
    fn failed(error: E) -> Self::Error;
}

impl<T, E> Respond<T, E> for () {
    type Error = Refused<E>;

    fn refused(&self, fault: Fault) -> Result<T, Refused<E>> {
        Err(Refused::ByGuard(fault))
    }

    fn failed(error: E) -> Refused<E> {
        Refused::Failed(error)
    }
}

impl<T, E, F> Respond<T, E> for Answering<F>
where
    F: Fn(&Fault) -> T + Send + Sync + 'static,
{
    type Error = E;

    fn refused(&self, fault: Fault) -> Result<T, E> {
        Ok(self.0(&fault))
    }

    fn failed(error: E) -> E {
        error
    }
}

/// How a call ended: well if it was answered (`()`), or as is judged
/// ([`Judging`], [`JudgingResults`]).
pub trait Judge<T, E>: Clone + Send + 'static {
    /// How the call ended of which this came.
    fn outcome(&self, result: &Result<T, E>) -> Outcome;
}

impl<T, E> Judge<T, E> for () {
    fn outcome(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        }
    }
}

impl<T, E, F> Judge<T, E> for Judging<F>
where
    F: Fn(&T) -> Outcome + Send + Sync + 'static,
{
    fn outcome(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(answer) => self.0(answer),
            Err(_) => Outcome::Failure,
        }
    }
}

impl<T, E, F> Judge<T, E> for JudgingResults<F>
where
    F: Fn(&Result<T, E>) -> Outcome + Send + Sync + 'static,
{
    fn outcome(&self, result: &Result<T, E>) -> Outcome {
        self.0(result)
    }
}

impl<A: Clone, R: Clone, J: Clone> Clone for GuardLayer<A, R, J> {
    fn clone(&self) -> Self {
        Self {
            guard: self.guard.clone(),
            respond: self.respond.clone(),
            judge: self.judge.clone(),
        }
    }
}

impl<A: fmt::Debug, R, J> fmt::Debug for GuardLayer<A, R, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GuardLayer").field(&self.guard).finish()
    }
}

impl<S, A: Clone, R: Clone, J: Clone> Layer<S> for GuardLayer<A, R, J> {
    type Service = GuardService<S, A, R, J>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService {
            inner,
            by: self.clone(),
        }
    }
}

/// A service behind a guard. Made by [`GuardLayer`].
pub struct GuardService<S, A, R = (), J = ()> {
    inner: S,
    by: GuardLayer<A, R, J>,
}

impl<S: Clone, A: Clone, R: Clone, J: Clone> Clone for GuardService<S, A, R, J> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            by: self.by.clone(),
        }
    }
}

impl<S: fmt::Debug, A: fmt::Debug, R, J> fmt::Debug for GuardService<S, A, R, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardService")
            .field("inner", &self.inner)
            .field("by", &self.by)
            .finish()
    }
}

impl<Req, S, A, R, J> Service<Req> for GuardService<S, A, R, J>
where
    Req: Send + 'static,
    S: Service<Req> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    A: Admission,
    R: Respond<S::Response, S::Error>,
    R::Error: Send,
    J: Judge<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = R::Error;
    type Future = BoxFuture<'static, Result<S::Response, R::Error>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(task).map_err(R::failed)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The one that was ready makes the call; its clone is asked next.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let by = self.by.clone();
        Box::pin(async move {
            let call = match by.guard.admit().await {
                Ok(permit) => Call::<A>::new(permit),
                Err(fault) => return by.respond.refused(fault),
            };
            let answer = inner.call(request).await;
            call.end(by.judge.outcome(&answer));
            answer.map_err(R::failed)
        })
    }
}

/// The error of a service behind a guard.
#[derive(Clone, Debug)]
pub enum Refused<E> {
    /// The guard did not let the call in.
    ByGuard(Fault),
    /// It did, and the service failed.
    Failed(E),
}

impl<E: fmt::Display> fmt::Display for Refused<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByGuard(fault) => write!(f, "the call was refused: {fault}"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for Refused<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::ByGuard(fault) => Some(fault),
            Self::Failed(error) => error.source(),
        }
    }
}
