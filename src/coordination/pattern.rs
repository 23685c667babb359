//! What all patterns share: starting the driver, many items through one worker.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinSet;

use super::driver::{Drive, Driver, Listener, Score};
use super::protocol::{Limits, Protocol};
use crate::actor::core::shell::catch;
use crate::actor::worker::as_long_as_the_request;
use crate::actor::{
    ActorRef, BoxFuture, ChildSpec, Fault, Job, Lint, Request, Serve, Served, System, WorkerRef,
};
use crate::supervision::{StartError, lint};

/// The limit of calls for a pattern that makes so many at most.
pub(crate) fn calls_for(most: usize) -> usize {
    most.max(Limits::default().calls)
}

/// What foreign code that may run on the driver's task comes to: its panic is a
/// permanent fault with these words.
pub(crate) async fn caught<T>(
    asked: impl Future<Output = Result<T, Fault>>,
    panicked: impl Fn() -> String,
) -> Result<T, Fault> {
    let mut asked = pin!(asked);
    let answer = poll_fn(|cx| {
        let polled = catch(|| asked.as_mut().poll(cx));
        polled.unwrap_or_else(|_| Poll::Ready(Err(Fault::permanent(panicked()))))
    });
    answer.await
}

/// Starts the driver of a pattern; the result answers.
pub(crate) async fn start<P, In, Out>(
    system: &System,
    name: Arc<str>,
    score: Score<P, Out>,
) -> Result<WorkerRef<In, Out>, StartError>
where
    P: Protocol,
    In: Send + 'static,
    Out: Send + 'static,
{
    let driver = spawn(system, name, score).await?;
    Ok(WorkerRef::new(Pattern { driver }))
}

/// As [`start`], and gives the driver itself.
pub(crate) async fn spawn<P, In, Out>(
    system: &System,
    name: Arc<str>,
    score: Score<P, Out>,
) -> Result<ActorRef<Drive<In, Out>>, StartError>
where
    P: Protocol,
    In: Send + 'static,
    Out: Send + 'static,
{
    let capacity = score.limit.clamp(1, 1_024);
    let score = Arc::new(score);
    let spec = ChildSpec::new(name, move || Driver::<P, In, Out>::new(Arc::clone(&score)))
        .mailbox(capacity);
    system.spawn(spec).await
}

/// Tells who listens that a pattern's shape will hurt, where it will.
pub(crate) fn warn(system: &System, pattern: &str, lints: impl IntoIterator<Item = Lint>) {
    for found in lints {
        let path = format!("{}/{pattern}", system.name());
        lint::tell(system, &path, found);
    }
}

/// A driver, asked like any worker.
pub(crate) struct Pattern<In, Out> {
    pub(crate) driver: ActorRef<Drive<In, Out>>,
}

/// One run of a pattern.
pub(crate) async fn run<In: Send + 'static, Out: Send + 'static>(
    driver: &ActorRef<Drive<In, Out>>,
    input: In,
    listener: Option<Listener>,
) -> Result<Served<Out>, Fault> {
    let ask = driver.ask(|reply_to| Drive::Submit(Job { input, reply_to }, listener));
    let answer = as_long_as_the_request(ask).await;
    answer.map_err(Fault::from)?
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Pattern<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(run(&self.driver, input, None))
    }

    fn name(&self) -> String {
        self.driver.path()
    }

    fn is_available(&self) -> bool {
        self.driver.any().is_up()
    }
}

/// What comes in any order, put into that of its positions.
pub(crate) struct InOrder<T>(Vec<Option<T>>);

impl<T> InOrder<T> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn put(&mut self, at: usize, what: T) {
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = Some(what);
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        self.0.into_iter().flatten().collect()
    }
}

/// Many items on their way through one worker. Made by [`WorkerRef::stream`].
#[must_use = "items are worked on when `collect` or `collect_partial` is awaited"]
#[derive(Debug)]
pub struct Streamed<In, Out, I> {
    worker: WorkerRef<In, Out>,
    items: I,
    concurrency: usize,
}

impl<In: Send + 'static, Out: Send + 'static> WorkerRef<In, Out> {
    /// Sends many items through this worker, at most 10 at a time unless said.
    /// An item is taken from the iterator only when there is room for it.
    pub fn stream<I>(&self, items: I) -> Streamed<In, Out, I::IntoIter>
    where
        I: IntoIterator<Item = In>,
    {
        Streamed {
            worker: self.clone(),
            items: items.into_iter(),
            concurrency: 10,
        }
    }
}

impl<In, Out, I> Streamed<In, Out, I>
where
    In: Send + 'static,
    Out: Send + 'static,
    I: Iterator<Item = In>,
{
    /// Items under way at once. Default 10.
    pub fn concurrency(mut self, items: usize) -> Self {
        self.concurrency = items.max(1);
        self
    }

    /// Hands each outcome to `take` as it comes, with the item's position.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the items under way.
    pub async fn for_each(mut self, mut take: impl FnMut(usize, Result<Out, Fault>)) {
        let request = Request::in_force();
        let mut under_way = JoinSet::new();
        let mut next = 0;
        loop {
            while under_way.len() < self.concurrency
                && let Some(item) = self.items.next()
            {
                let (worker, request, at) = (self.worker.clone(), request.clone(), next);
                next += 1;
                under_way.spawn(async move {
                    let answer = request.within(async { worker.ask(item).await }).await;
                    (at, answer.map(|served| served.value))
                });
            }
            match under_way.join_next().await {
                Some(Ok((at, outcome))) => take(at, outcome),
                // A serve that panicked on this task rather than in an actor.
                Some(Err(error)) => {
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
                None => return,
            }
        }
    }

    /// Every outcome, in the order of the items.
    pub async fn collect_partial(self) -> Vec<Result<Out, Fault>> {
        let mut all = InOrder::new();
        self.for_each(|at, outcome| all.put(at, outcome)).await;
        all.into_vec()
    }

    /// Every answer in the order of the items, or the first fault there.
    ///
    /// # Errors
    ///
    /// The fault of the first item, in order, that has one.
    pub async fn collect(self) -> Result<Vec<Out>, Fault> {
        self.collect_partial().await.into_iter().collect()
    }
}
