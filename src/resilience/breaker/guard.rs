//! The breaker in front of a worker.

use super::Breaker;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::policy::breaker::Outcome;

impl Breaker {
    /// Puts the breaker in front of a worker; the result is a worker again.
    ///
    /// An answer is a success; what a fault is, its class decides
    /// ([`Breaker::counting`]).
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped halfway gives its permit back and counts neither
    /// way.
    #[must_use]
    pub fn guard<In, Out>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        let judge = self.judge;
        self.guard_judging(worker, move |answer| match answer {
            Ok(_) => Outcome::Success,
            Err(fault) => judge(fault.class()),
        })
    }

    /// As [`guard`](Self::guard), where the answer itself says how the call
    /// went: an answer may be a failure, and is handed on all the same.
    ///
    /// ```
    /// # use callboard::prelude::*;
    /// # use callboard::policy::breaker::{Outcome, State};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let search = WorkerRef::from_fn("search", |_: u32| async { Ok(Vec::<u32>::new()) });
    /// let breaker = Breaker::new("search", Breaker::consecutive(1));
    /// let guarded = breaker.guard_judging(&search, |answer| match answer {
    ///     Ok(found) if found.value.is_empty() => Outcome::Failure,
    ///     Ok(_) => Outcome::Success,
    ///     Err(fault) => Breaker::judge(fault.class()),
    /// });
    /// assert!(guarded.ask(1).await.unwrap().value.is_empty());
    /// assert_eq!(breaker.state(), State::Open);
    /// # }
    /// ```
    #[must_use]
    pub fn guard_judging<In, Out, J>(
        &self,
        worker: &WorkerRef<In, Out>,
        judge: J,
    ) -> WorkerRef<In, Out>
    where
        In: Send + 'static,
        Out: Send + 'static,
        J: Fn(&Result<Served<Out>, Fault>) -> Outcome + Send + Sync + 'static,
    {
        WorkerRef::new(Guarded {
            breaker: self.clone(),
            worker: worker.clone(),
            judge,
        })
    }
}

struct Guarded<In, Out, J> {
    breaker: Breaker,
    worker: WorkerRef<In, Out>,
    judge: J,
}

impl<In, Out, J> Serve<In, Out> for Guarded<In, Out, J>
where
    In: Send + 'static,
    Out: Send + 'static,
    J: Fn(&Result<Served<Out>, Fault>) -> Outcome + Send + Sync,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let permit = self.breaker.try_acquire()?;
            let answer = self.worker.ask(input).await;
            permit.end((self.judge)(&answer));
            answer
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.breaker.is_passable() && self.worker.is_available()
    }
}
