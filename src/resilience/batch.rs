//! Batching: one call for many requests.
//!
//! ```text
//!  asks ──▶ [ mailbox: queue ] ──▶ gathered: up to max_items, or max_wait ──▶ one call
//!   ▲                                                                          │
//!   └───────────────── answer or fault of one's own ◀──────────────────────────┘
//! ```

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::actor::system::clock;
use crate::actor::worker::as_long_as_the_request;
use crate::actor::{
    Actor, ActorRef, BoxError, BoxFuture, ChildSpec, Context, Fault, FaultClass, Reply, Request,
    Serve, Served, TimerId, WorkerRef,
};
use crate::mailbox::{Mailbox, Overflow};
use crate::sync::Mutex;

/// When a batch is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BatchConfig {
    /// The most requests in one call. Default 16.
    pub max_items: NonZeroUsize,
    /// How long the first request of a batch waits for others. Default 10 ms:
    /// little beside a call that is worth batching. Zero takes what is there.
    #[serde(with = "humantime_serde")]
    pub max_wait: Duration,
    /// How many requests wait while a call is under way, besides those of the
    /// next batch. Default 1,000; the next one is refused as overloaded. Fixed
    /// when the batcher is made.
    pub queue: NonZeroUsize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            max_items: NonZeroUsize::new(16).expect("not 0"),
            max_wait: Duration::from_millis(10),
            queue: NonZeroUsize::new(1_000).expect("not 0"),
        }
    }
}

impl BatchConfig {
    /// The most requests in one call. Default 16.
    #[must_use]
    pub const fn max_items(mut self, items: NonZeroUsize) -> Self {
        self.max_items = items;
        self
    }

    /// How long the first request of a batch waits for others. Default 10 ms.
    #[must_use]
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// How many requests wait while a call is under way. Default 1,000.
    #[must_use]
    pub const fn queue(mut self, requests: NonZeroUsize) -> Self {
        self.queue = requests;
        self
    }
}

/// A worker that does many things in one call: an answer or a fault for each, in
/// order.
pub type BatchWorker<In, Out> = WorkerRef<Vec<In>, Vec<Result<Out, Fault>>>;

/// The worker gave so many answers to so many requests, and nobody knows which
/// is whose. The cause of the permanent [`Fault`] that each asker gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MiscountedBatch {
    /// How many there were to be.
    pub requests: usize,
    /// How many there were.
    pub answers: usize,
}

impl fmt::Display for MiscountedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the batch of {} requests came back with {} answers",
            self.requests, self.answers
        )
    }
}

impl Error for MiscountedBatch {}

/// Requests gathered into calls of a worker that does many things at once.
///
/// It is an actor, started wherever an actor can be, and what it gives is a
/// worker for one request.
///
/// ```
/// use callboard::prelude::*;
/// use callboard::resilience::{BatchConfig, BatchWorker, Batching};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let squares: BatchWorker<u64, u64> = WorkerRef::from_fn("squares", |all: Vec<u64>| async move {
///     Ok(all.into_iter().map(|n| n.checked_mul(n).ok_or(Fault::permanent("too large"))).collect())
/// });
/// let (batcher, squares) = Batching::new("batches", BatchConfig::default(), &squares);
/// system.spawn(batcher).await?;
///
/// let square = squares.worker();
/// let (small, large) = tokio::join!(square.ask(7), square.ask(u64::MAX));
/// assert_eq!(small?.value, 49);
/// assert_eq!(large.unwrap_err().message(), "too large", "its own failure");
/// assert_eq!(squares.stats().calls, 1);
/// # Ok(())
/// # }
/// ```
pub struct Batching<In, Out> {
    shared: Arc<Mutex<Shared>>,
    actor: ActorRef<Gather<In, Out>>,
    worker: WorkerRef<In, Out>,
}

struct Shared {
    config: BatchConfig,
    stats: BatchStats,
}

/// What was batched so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStats {
    /// Calls made.
    pub calls: u64,
    /// Requests in them.
    pub requests: u64,
    /// Requests whose asker was gone before the call began: they were left out.
    pub left_out: u64,
}

impl<In: Send + 'static, Out: Send + 'static> Batching<In, Out> {
    /// The batcher as a child to be, for
    /// [`System::spawn`](crate::actor::System::spawn) or a supervisor, and the
    /// handle to it. Asks made before it is started wait.
    pub fn new(
        name: impl Into<Arc<str>>,
        config: BatchConfig,
        worker: &BatchWorker<In, Out>,
    ) -> (ChildSpec<Batcher<In, Out>>, Self) {
        let queue = Mailbox::bounded(config.queue.get()).overflow(Overflow::Reject);
        let shared = Arc::new(Mutex::new(Shared {
            config,
            stats: BatchStats::default(),
        }));
        let make = {
            let (shared, worker) = (Arc::clone(&shared), worker.clone());
            move || Batcher {
                shared: Arc::clone(&shared),
                worker: worker.clone(),
                gathered: Vec::new(),
                batch: 0,
                timer: None,
            }
        };
        let spec = ChildSpec::new(name, make).mailbox(queue);
        let actor = spec.actor_ref();
        let handle = Self {
            shared,
            worker: WorkerRef::new(Front {
                actor: actor.clone(),
            }),
            actor,
        };
        (spec, handle)
    }

    /// The batcher as a worker for one request.
    ///
    /// # Cancel safety
    ///
    /// A request whose asker goes away before the call begins is left out of it;
    /// a call that nobody waits for any more is dropped.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<In, Out> {
        self.worker.clone()
    }

    /// Changes when a batch is complete, from the next request on. The queue
    /// keeps the length that it was made with.
    pub fn reconfigure(&self, config: BatchConfig) {
        self.shared.lock().config = config;
    }

    /// What was batched so far.
    #[must_use]
    pub fn stats(&self) -> BatchStats {
        self.shared.lock().stats
    }
}

impl<In, Out> Clone for Batching<In, Out> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            actor: self.actor.clone(),
            worker: self.worker.clone(),
        }
    }
}

impl<In: Send + 'static, Out: Send + 'static> fmt::Debug for Batching<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batching({})", self.actor.path())
    }
}

/// What a [`Batcher`] is told.
pub struct Gather<In, Out>(Command<In, Out>);

enum Command<In, Out> {
    Add(In, Reply<Result<Out, Fault>>),
    /// The first request of this batch has waited long enough.
    Flush(u64),
}

impl<In, Out> fmt::Debug for Gather<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gather")
    }
}

struct Front<In, Out> {
    actor: ActorRef<Gather<In, Out>>,
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Front<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let add = |reply_to| Gather(Command::Add(input, reply_to));
            let answer = as_long_as_the_request(self.actor.ask(add)).await;
            let answer = answer.map_err(|error| match Fault::from(error) {
                full if full.class() == FaultClass::Overloaded => full.after(RETRY_AFTER),
                other => other,
            });
            answer?.map(Served::new)
        })
    }

    fn name(&self) -> String {
        self.actor.path()
    }
}

/// When it makes sense to come again to a full queue.
const RETRY_AFTER: Duration = Duration::from_secs(1);

struct Item<In, Out> {
    input: In,
    reply_to: Reply<Result<Out, Fault>>,
    request: Request,
}

/// The actor that gathers requests. Made by [`Batching::new`].
pub struct Batcher<In, Out> {
    shared: Arc<Mutex<Shared>>,
    worker: BatchWorker<In, Out>,
    gathered: Vec<Item<In, Out>>,
    /// Which batch is being gathered.
    batch: u64,
    timer: Option<TimerId>,
}

impl<In, Out> fmt::Debug for Batcher<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batcher({} gathered)", self.gathered.len())
    }
}

impl<In: Send + 'static, Out: Send + 'static> Actor for Batcher<In, Out> {
    type Msg = Gather<In, Out>;

    async fn handle(&mut self, msg: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let (items, wait) = {
            let shared = self.shared.lock();
            (shared.config.max_items.get(), shared.config.max_wait)
        };
        match msg.0 {
            Command::Add(input, reply_to) => {
                self.gathered.push(Item {
                    input,
                    reply_to,
                    request: cx.request(),
                });
                if self.gathered.len() == 1 {
                    // On the system lane: a full mailbox must not hold it up.
                    let flush = Gather(Command::Flush(self.batch));
                    self.timer = Some(cx.notify_after(wait, flush));
                }
                if self.gathered.len() >= items {
                    self.flush(cx).await;
                }
            }
            Command::Flush(batch) if batch == self.batch => self.flush(cx).await,
            Command::Flush(_) => {}
        }
        Ok(())
    }

    async fn stop(
        &mut self,
        _exit: &crate::actor::Exit,
        cx: &mut Context<Self>,
    ) -> Result<(), BoxError> {
        // What was accepted is done, also at a drain.
        self.flush(cx).await;
        Ok(())
    }
}

impl<In: Send + 'static, Out: Send + 'static> Batcher<In, Out> {
    async fn flush(&mut self, cx: &mut Context<Self>) {
        self.batch += 1;
        if let Some(timer) = self.timer.take() {
            cx.cancel(timer);
        }
        let mut inputs = Vec::with_capacity(self.gathered.len());
        let mut askers = Vec::with_capacity(self.gathered.len());
        let mut left_out = 0;
        for item in self.gathered.drain(..) {
            if item.request.is_cancelled() {
                left_out += 1;
            } else {
                inputs.push(item.input);
                askers.push((item.reply_to, item.request));
            }
        }
        {
            let stats = &mut self.shared.lock().stats;
            stats.left_out += left_out;
            stats.calls += u64::from(!inputs.is_empty());
            stats.requests += inputs.len() as u64;
        }
        if inputs.is_empty() {
            return;
        }
        let answers = call(&self.worker, inputs, &askers).await;
        hand_out(answers, askers);
    }
}

/// One call for all, until the latest of their deadlines. `None`: nobody waits
/// for it any more.
async fn call<In, Out>(
    worker: &BatchWorker<In, Out>,
    inputs: Vec<In>,
    askers: &[(Reply<Result<Out, Fault>>, Request)],
) -> Option<Result<Vec<Result<Out, Fault>>, Fault>>
where
    In: Send + 'static,
    Out: Send + 'static,
{
    let latest = latest(askers.iter().map(|(_, request)| request.deadline()));
    // The request in force is that of whoever came last: the call is everybody's.
    let nobodys = Request::new(None);
    let ask = async {
        let ask = worker.ask(inputs);
        match latest {
            Some(at) => ask.deadline(at.saturating_duration_since(clock())).await,
            None => ask.await,
        }
    };
    let mut answers = pin!(nobodys.within(ask));
    poll_fn(|task| {
        if let Poll::Ready(answers) = answers.as_mut().poll(task) {
            return Poll::Ready(Some(answers.map(|served| served.value)));
        }
        // Those who are gone would wake this at once, again and again.
        let mut waiting = askers.iter().filter(|(_, r)| !r.is_cancelled()).peekable();
        if waiting.peek().is_none() {
            return Poll::Ready(None);
        }
        for (_, request) in waiting {
            request.wake_when_cancelled(task.waker());
        }
        Poll::Pending
    })
    .await
}

/// The latest of the deadlines; none if one of them has none.
fn latest(deadlines: impl Iterator<Item = Option<Instant>>) -> Option<Instant> {
    let all: Option<Vec<Instant>> = deadlines.collect();
    all?.into_iter().max()
}

fn hand_out<Out: Send + 'static>(
    answers: Option<Result<Vec<Result<Out, Fault>>, Fault>>,
    askers: Vec<(Reply<Result<Out, Fault>>, Request)>,
) {
    let fault = match answers {
        Some(Ok(answers)) if answers.len() == askers.len() => {
            for (answer, (reply_to, _)) in answers.into_iter().zip(askers) {
                reply_to.send(answer);
            }
            return;
        }
        Some(Ok(answers)) => {
            let miscounted = MiscountedBatch {
                requests: askers.len(),
                answers: answers.len(),
            };
            Fault::permanent(miscounted.to_string()).because(miscounted)
        }
        Some(Err(fault)) => fault,
        // Nobody waits.
        None => return,
    };
    for (reply_to, _) in askers {
        reply_to.send(Err(fault.clone()));
    }
}
