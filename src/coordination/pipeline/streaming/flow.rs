//! Items on their way through a line.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::iter;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::stage::Word;
use super::ticket::{Arrived, Outcome, Outcomes, Run, Ticket};
use crate::actor::{
    ActorRef, BoxFuture, Fault, FaultClass, Request, Serve, Served, TryTellError, WorkerRef,
};
use crate::coordination::pattern::InOrder;
use crate::supervision::SupervisorRef;

/// A pipeline with an actor for each stage, for many items. Made by
/// [`Pipeline::start_streaming`](super::super::Pipeline::start_streaming).
///
/// ```
/// use callboard::prelude::*;
/// use callboard::coordination::{Stage, pipeline};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let parse = WorkerRef::from_fn("parse", |text: &'static str| async move {
///     text.parse::<u32>().map_err(|error| Fault::permanent("no number").because(error))
/// });
/// let look_up = WorkerRef::from_fn("look-up", |n: u32| async move { Ok(n * 10) });
/// let line = pipeline("line")
///     .then("parse", parse)
///     .stage(Stage::new("look up", look_up).at_once(8))
///     .start_streaming(&system)
///     .await?;
/// let outcomes = line.stream(["1", "x", "3"]).collect_partial().await;
/// assert_eq!(outcomes[0].as_ref().ok(), Some(&10));
/// assert!(outcomes[1].as_ref().is_err_and(|fault| fault.message() == "parse: no number"));
/// assert_eq!(outcomes[2].as_ref().ok(), Some(&30));
/// # Ok(())
/// # }
/// ```
pub struct PipelineRef<In, Out> {
    name: Arc<str>,
    first: ActorRef<Word<In>>,
    stages: SupervisorRef,
    /// Items of one flow under way at once.
    room: usize,
    gives: std::marker::PhantomData<fn() -> Out>,
}

impl<In: Send + 'static, Out: Send + 'static> PipelineRef<In, Out> {
    pub(super) fn new(
        name: Arc<str>,
        first: ActorRef<Word<In>>,
        stages: SupervisorRef,
        room: usize,
    ) -> Self {
        Self {
            name,
            first,
            stages,
            room,
            gives: std::marker::PhantomData,
        }
    }

    /// Sends many items through it. One is taken from the iterator only when there
    /// is room for it: no more are under way, their outcomes that nobody has read
    /// yet included, than have room in front of all stages and of the reader. They
    /// belong to the request in force here.
    pub fn stream<I: IntoIterator<Item = In>>(&self, items: I) -> Flow<In, Out, I::IntoIter> {
        Flow {
            first: self.first.clone(),
            arrived: Arrived::new(Request::in_force()),
            items: Some(items.into_iter()),
            next: 0,
            entering: None,
            under_way: 0,
            room: self.room,
            outcomes: VecDeque::new(),
        }
    }

    /// The supervisor of the stages, `stage-0` and so on.
    #[must_use]
    pub fn supervisor(&self) -> &SupervisorRef {
        &self.stages
    }

    /// The same as a worker, for one item at a time.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<In, Out> {
        WorkerRef::new(self.clone())
    }
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for PipelineRef<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        let mut flow = self.stream(iter::once(input));
        Box::pin(async move {
            let host = self.first.any().host();
            let limit = match flow.arrived.shared().request.deadline() {
                Some(at) => Some(at.into()),
                // As an ask waits, where nothing else is said.
                None => host
                    .and_then(|host| host.ask_deadline())
                    .and_then(|within| Instant::now().checked_add(within)),
            };
            let outcome = match limit {
                None => flow.next().await,
                Some(at) => match tokio::time::timeout_at(at, flow.next()).await {
                    Ok(outcome) => outcome,
                    Err(_) => {
                        return Err(Fault::new(FaultClass::Deadline, "no answer in time"));
                    }
                },
            };
            match outcome {
                Some((_, outcome)) => outcome,
                None => Err(Fault::transient("the item was lost")),
            }
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn is_available(&self) -> bool {
        self.first.any().is_up()
    }
}

impl<In, Out> Clone for PipelineRef<In, Out> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            first: self.first.clone(),
            stages: self.stages.clone(),
            room: self.room,
            gives: std::marker::PhantomData,
        }
    }
}

impl<In, Out> fmt::Debug for PipelineRef<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PipelineRef({})", self.name)
    }
}

/// Many items on their way through a line. Made by [`PipelineRef::stream`].
///
/// Dropping it ends the work on those under way, and drops those that wait.
#[must_use = "items enter when an outcome is awaited"]
pub struct Flow<In, Out: Send + 'static, I> {
    first: ActorRef<Word<In>>,
    arrived: Arc<Arrived<Out>>,
    /// Absent once there are no more.
    items: Option<I>,
    next: usize,
    /// An item that waits for room in front of the first stage.
    entering: Option<BoxFuture<'static, ()>>,
    /// Entered, and their outcomes not yet read.
    under_way: usize,
    room: usize,
    outcomes: Outcomes<Out>,
}

impl<In, Out, I> Flow<In, Out, I>
where
    In: Send + 'static,
    Out: Send + 'static,
    I: Iterator<Item = In>,
{
    /// What came of the next item that is through, or has failed, with its position.
    /// `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// No outcome is lost by dropping the future.
    pub async fn next(&mut self) -> Option<(usize, Result<Served<Out>, Fault>)> {
        poll_fn(|task| self.poll_next(task)).await
    }

    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Option<Outcome<Out>>> {
        if self.outcomes.is_empty()
            && self
                .arrived
                .take(&mut self.outcomes, task.waker())
                .is_pending()
        {
            let is_over = self.poll_enter(task).is_ready() && self.under_way == 0;
            if is_over {
                return Poll::Ready(None);
            }
            // One that failed at the door is there already, and has woken the task.
            return Poll::Pending;
        }
        self.under_way -= 1;
        Poll::Ready(self.outcomes.pop_front())
    }

    /// Lets in as many as there is room for; ready when there are no more.
    fn poll_enter(&mut self, task: &mut Context<'_>) -> Poll<()> {
        // Items carry their request with them; the words between stages need none.
        let _none = Request::new(None).enter();
        loop {
            if let Some(entering) = &mut self.entering {
                ready!(entering.as_mut().poll(task));
                self.entering = None;
            }
            if self.under_way >= self.room {
                return Poll::Pending;
            }
            let Some(item) = self.items.as_mut().and_then(Iterator::next) else {
                self.items = None;
                return Poll::Ready(());
            };
            let run: Arc<dyn Run> = Arc::clone(&self.arrived) as Arc<dyn Run>;
            let ticket = Ticket::new(self.next, run);
            self.next += 1;
            self.under_way += 1;
            if let Err(TryTellError::Full(word)) = self.first.try_tell(Word::Item(item, ticket)) {
                let first = self.first.clone();
                self.entering = Some(Box::pin(async move {
                    // One that cannot enter is dropped, and its ticket tells of it.
                    let _ = first.tell(word).await;
                }));
            }
        }
    }

    /// Hands each outcome to `take` as it comes, with the item's position.
    pub async fn for_each(mut self, mut take: impl FnMut(usize, Result<Out, Fault>)) {
        while let Some((at, outcome)) = self.next().await {
            take(at, outcome.map(|served| served.value));
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

impl<In, Out: Send + 'static, I> Drop for Flow<In, Out, I> {
    fn drop(&mut self) {
        self.arrived.shared().leave();
    }
}

impl<In, Out: Send + 'static, I> fmt::Debug for Flow<In, Out, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("entered", &self.next)
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}
