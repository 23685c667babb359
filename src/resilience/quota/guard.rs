//! A quota in front of a worker.

use super::Quota;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::policy::quota::Cost;

impl Quota {
    /// Puts the quota in front of a worker; the result is a worker again.
    ///
    /// Each job is paid for at `price`, whether it is answered or fails; one
    /// that is cancelled is not paid for. A refusal is a [`Fault`] of class
    /// budget.
    #[must_use]
    pub fn guard<In, Out>(
        &self,
        worker: &WorkerRef<In, Out>,
        price: impl Fn(&In) -> Cost + Send + Sync + 'static,
    ) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        self.serve_paid(worker, price, |_, estimate| estimate)
    }

    /// As [`Quota::guard`] for work whose cost is known afterwards: it is
    /// reserved at `estimate` and settled at `actual`. A job that fails is paid
    /// for at the estimate.
    #[must_use]
    pub fn guard_metered<In, Out>(
        &self,
        worker: &WorkerRef<In, Out>,
        estimate: impl Fn(&In) -> Cost + Send + Sync + 'static,
        actual: impl Fn(&Served<Out>) -> Cost + Send + Sync + 'static,
    ) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        self.serve_paid(worker, estimate, move |served, _| actual(served))
    }

    fn serve_paid<In, Out>(
        &self,
        worker: &WorkerRef<In, Out>,
        estimate: impl Fn(&In) -> Cost + Send + Sync + 'static,
        actual: impl Fn(&Served<Out>, Cost) -> Cost + Send + Sync + 'static,
    ) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        WorkerRef::new(Guarded {
            quota: self.clone(),
            worker: worker.clone(),
            estimate,
            actual,
        })
    }
}

struct Guarded<In, Out, E, A> {
    quota: Quota,
    worker: WorkerRef<In, Out>,
    estimate: E,
    actual: A,
}

impl<In, Out, E, A> Serve<In, Out> for Guarded<In, Out, E, A>
where
    In: Send + 'static,
    Out: Send + 'static,
    E: Fn(&In) -> Cost + Send + Sync,
    A: Fn(&Served<Out>, Cost) -> Cost + Send + Sync,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let estimate = (self.estimate)(&input);
            let mut reservation = self.quota.reserve(estimate).await?;
            let answer = self.worker.ask(input).await;
            let actual = match &answer {
                Ok(served) => (self.actual)(served, estimate),
                Err(_) => estimate,
            };
            reservation.settle(actual);
            answer
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
