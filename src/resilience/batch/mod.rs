//! Batching: one call for many requests.
//!
//! ```text
//!  asks ──▶ [ mailbox: queue ] ──▶ gathered: up to max_items, or max_wait ──▶ one call
//!   ▲                                                                          │
//!   └───────────────── answer or fault of one's own ◀──────────────────────────┘
//! ```

mod batcher;

use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::worker::as_long_as_the_request;
use crate::actor::{
    ActorRef, BoxFuture, ChildSpec, Fault, FaultClass, Reply, Serve, Served, WorkerRef,
};
use crate::mailbox::{Mailbox, Overflow};
use crate::sync::Mutex;

pub use batcher::Batcher;

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
            move || Batcher::new(Arc::clone(&shared), worker.clone())
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
