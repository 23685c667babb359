//! Small changes to a worker, each a worker again.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Serve, WorkerRef};
use crate::actor::fault::Fault;
use crate::actor::served::Served;

impl<In: Send + 'static, Out: Send + 'static> WorkerRef<In, Out> {
    /// The same worker, with another answer made of its own. How it came about,
    /// and what it says about itself, stays. `f` runs on the asker's task, and
    /// its panic is the asker's.
    ///
    /// ```
    /// use callboard::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let length = WorkerRef::from_fn("length", |text: &'static str| async move { Ok(text.len()) });
    /// let is_long = length.map(|length| length > 3);
    /// assert!(is_long.ask("four").await?.value);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn map<New: Send + 'static>(
        &self,
        f: impl Fn(Out) -> New + Send + Sync + 'static,
    ) -> WorkerRef<In, New> {
        self.try_map(move |out| Ok(f(out)))
    }

    /// As [`WorkerRef::map`], where there may be no other answer.
    #[must_use]
    pub fn try_map<New: Send + 'static>(
        &self,
        f: impl Fn(Out) -> Result<New, Fault> + Send + Sync + 'static,
    ) -> WorkerRef<In, New> {
        self.mapped(move |served| served.try_map(&f))
    }

    /// As [`WorkerRef::map`], with how the answer came about and what it says
    /// about itself.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::actor::Metadata;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let guess = WorkerRef::from_fn("guess", |n: u32| async move { Ok(n) })
    ///     .with_metadata(|_| Metadata::new().confidence(0.4));
    /// let sure = guess.map_served(|served| {
    ///     let is_sure = served.metadata.confidence >= Some(0.5);
    ///     served.map(|n| is_sure.then_some(n))
    /// });
    /// assert_eq!(sure.ask(7).await?.value, None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn map_served<New: Send + 'static>(
        &self,
        f: impl Fn(Served<Out>) -> Served<New> + Send + Sync + 'static,
    ) -> WorkerRef<In, New> {
        self.mapped(move |served| Ok(f(served)))
    }

    fn mapped<New: Send + 'static>(
        &self,
        f: impl Fn(Served<Out>) -> Result<Served<New>, Fault> + Send + Sync + 'static,
    ) -> WorkerRef<In, New> {
        WorkerRef::new(Mapped {
            worker: self.clone(),
            f,
        })
    }

    /// This worker, then another one with its answer. The tokens and the cost of
    /// both are those of the answer; whatever else it says is the last one's.
    ///
    /// For more than two, or with retries and fallbacks, there is
    /// [`pipeline`](crate::coordination::pipeline()).
    #[must_use]
    pub fn and_then<Next: Send + 'static>(
        &self,
        next: impl Into<WorkerRef<Out, Next>>,
    ) -> WorkerRef<In, Next> {
        WorkerRef::new(Chained {
            first: self.clone(),
            next: next.into(),
        })
    }

    /// The same worker, whose every job may take this long at most, or what is
    /// left of the asker's deadline if that is less.
    #[must_use]
    pub fn with_deadline(&self, within: Duration) -> Self {
        Self::new(Hurried {
            worker: self.clone(),
            within,
        })
    }

    /// The same worker under another name, in errors and drawings.
    #[must_use]
    pub fn named(&self, name: impl Into<Arc<str>>) -> Self {
        Self::new(Named {
            worker: self.clone(),
            name: name.into(),
        })
    }
}

struct Mapped<In, Out, F> {
    worker: WorkerRef<In, Out>,
    f: F,
}

impl<In, Out, New, F> Serve<In, New> for Mapped<In, Out, F>
where
    In: Send + 'static,
    Out: Send + 'static,
    F: Fn(Served<Out>) -> Result<Served<New>, Fault> + Send + Sync,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<New>, Fault>> {
        let answer = self.worker.serve.serve(input);
        Box::pin(async move { (self.f)(answer.await?) })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}

struct Chained<In, Out, Next> {
    first: WorkerRef<In, Out>,
    next: WorkerRef<Out, Next>,
}

impl<In, Out, Next> Serve<In, Next> for Chained<In, Out, Next>
where
    In: Send + 'static,
    Out: Send + 'static,
    Next: Send + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Next>, Fault>> {
        let first = self.first.serve.serve(input);
        Box::pin(async move {
            let first = first.await?;
            let last = self.next.ask(first.value).await?;
            let metadata = last.metadata.after(&first.metadata);
            Ok(last.with(metadata))
        })
    }

    fn name(&self) -> String {
        format!("{} then {}", self.first.name(), self.next.name())
    }

    fn is_available(&self) -> bool {
        self.first.is_available() && self.next.is_available()
    }
}

struct Hurried<In, Out> {
    worker: WorkerRef<In, Out>,
    within: Duration,
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Hurried<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        self.worker.ask(input).deadline(self.within).into_future()
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}

struct Named<In, Out> {
    worker: WorkerRef<In, Out>,
    name: Arc<str>,
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Named<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        self.worker.serve.serve(input)
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
