//! Identical requests in flight share one call.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::resilience::Coalescer;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let calls = Arc::new(AtomicU32::new(0));
//! let lookup = WorkerRef::from_fn("lookup", {
//!     let calls = Arc::clone(&calls);
//!     move |city: &'static str| {
//!         calls.fetch_add(1, SeqCst);
//!         async move {
//!             tokio::time::sleep(ms(50)).await;
//!             Ok::<_, Fault>(city.len())
//!         }
//!     }
//! });
//! let shared = Coalescer::new("lookup", |city: &&str| city.to_string()).guard(&lookup);
//!
//! let (a, b) = tokio::join!(shared.ask("Oslo").into_future(), shared.ask("Oslo").into_future());
//! assert_eq!((a.unwrap().value, b.unwrap().value), (4, 4));
//! assert_eq!(calls.load(SeqCst), 1);
//! # }
//! ```
//!
//! # Questions
//!
//! *Whose call is it?* The first asker's: it runs on its task, within its
//! deadline. The others wait, each within its own.
//!
//! *What if the first asker gives up, panics or runs out of time?* The next in
//! line makes the call anew. There is never more than one call of a key at a
//! time, which loom checks (`l15_*`).
//!
//! *What if the call fails?* Those who wait get the same fault. It is not kept:
//! the next asker makes a new call.
//!
//! *How many may wait?* 10,000 for each call unless said otherwise; more are
//! refused as overloaded.

pub(crate) mod flights;

use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use flights::{Flights, Follower, Found, Role};

use crate::actor::{BoxFuture, Fault, FaultClass, Request, Serve, Served, WorkerRef};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicU64, AtomicUsize};

/// How many may wait for one call, unless said otherwise.
const MOST_WAITING: usize = 10_000;

type KeyOf<In, K> = Arc<dyn Fn(&In) -> K + Send + Sync>;
type Answer<Out> = Result<Served<Out>, Fault>;

/// Lets askers of the same thing share one call. Clones share counters.
pub struct Coalescer<In, K> {
    name: Arc<str>,
    key_of: KeyOf<In, K>,
    most_waiting: Arc<AtomicUsize>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    led: AtomicU64,
    shared: AtomicU64,
    refused: AtomicU64,
}

/// What a [`Coalescer`] did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoalescerStats {
    /// Calls that were made.
    pub led: u64,
    /// Askers who got the answer to somebody else's call.
    pub shared: u64,
    /// Askers for whom there was no room.
    pub refused: u64,
}

impl<In, K> Coalescer<In, K>
where
    In: Send + 'static,
    K: Hash + Eq + Clone + Send + Sync + 'static,
{
    /// `key_of` tells which requests are the same.
    pub fn new(
        name: impl Into<Arc<str>>,
        key_of: impl Fn(&In) -> K + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            key_of: Arc::new(key_of),
            most_waiting: Arc::new(AtomicUsize::new(MOST_WAITING)),
            counters: Arc::default(),
        }
    }

    /// How many may wait for one call. Default 10,000.
    #[must_use]
    pub fn most_waiting(self, askers: usize) -> Self {
        self.set_most_waiting(askers);
        self
    }

    /// Changes how many may wait for one call, for askers to come.
    pub fn set_most_waiting(&self, askers: usize) {
        self.most_waiting.store(askers, Relaxed);
    }

    /// Puts it in front of a worker; the result is a worker again. Two guarded
    /// workers share no calls.
    #[must_use]
    pub fn guard<Out>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out>
    where
        Out: Clone + Send + Sync + 'static,
    {
        WorkerRef::new(Guarded {
            by: self.clone(),
            worker: worker.clone(),
            flights: Flights::new(),
        })
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> CoalescerStats {
        CoalescerStats {
            led: self.counters.led.load(Relaxed),
            shared: self.counters.shared.load(Relaxed),
            refused: self.counters.refused.load(Relaxed),
        }
    }
}

impl<In, K> Clone for Coalescer<In, K> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            key_of: Arc::clone(&self.key_of),
            most_waiting: Arc::clone(&self.most_waiting),
            counters: Arc::clone(&self.counters),
        }
    }
}

impl<In, K> fmt::Debug for Coalescer<In, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coalescer({})", self.name)
    }
}

struct Guarded<In, K, Out> {
    by: Coalescer<In, K>,
    worker: WorkerRef<In, Out>,
    flights: Flights<K, Answer<Out>>,
}

/// Leads a call; gone without an answer, the next in line leads.
struct Leading<'a, K: Hash + Eq + Clone, T> {
    flights: &'a Flights<K, T>,
    key: Option<K>,
}

impl<K: Hash + Eq + Clone, T> Leading<'_, K, T> {
    fn land(mut self, answer: T) {
        if let Some(key) = self.key.take() {
            self.flights.land(&key, answer);
        }
    }
}

impl<K: Hash + Eq + Clone, T> Drop for Leading<'_, K, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.flights.leave(&key);
        }
    }
}

/// Waits in line; gone, it leaves its place.
struct Following<'a, K: Hash + Eq + Clone, T> {
    flights: &'a Flights<K, T>,
    key: &'a K,
    place: Option<Follower<T>>,
}

impl<K: Hash + Eq + Clone, T> Drop for Following<'_, K, T> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.flights.give_up(self.key, &place);
        }
    }
}

impl<In, K, Out> Guarded<In, K, Out>
where
    In: Send + 'static,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    Out: Clone + Send + Sync + 'static,
{
    async fn lead(&self, key: K, input: In) -> Answer<Out> {
        self.by.counters.led.fetch_add(1, Relaxed);
        let leading = Leading {
            flights: &self.flights,
            key: Some(key),
        };
        let answer = self.worker.ask(input).await;
        // This asker's own end is nobody else's answer.
        let is_own = matches!(
            answer.as_ref().map_err(Fault::class),
            Err(FaultClass::Deadline | FaultClass::Cancelled)
        );
        if !is_own {
            leading.land(answer.clone());
        }
        answer
    }

    /// The answer to somebody else's call, or `None`: this asker is to lead.
    async fn follow(&self, key: &K, place: Follower<Answer<Out>>) -> Option<Answer<Out>> {
        let mut following = Following {
            flights: &self.flights,
            key,
            place: Some(place),
        };
        let found = poll_fn(|task| {
            let place = following.place.as_ref().expect("it waits in line");
            self.flights.poll(key, place, task.waker())
        })
        .await;
        following.place = None;
        match found {
            Found::Answer(answer) => {
                self.by.counters.shared.fetch_add(1, Relaxed);
                answer.get().cloned()
            }
            Found::Lead => None,
        }
    }

    async fn within_deadline(&self, key: &K, place: Follower<Answer<Out>>) -> Option<Answer<Out>> {
        match Request::in_force().deadline() {
            None => self.follow(key, place).await,
            Some(at) => match tokio::time::timeout_at(at.into(), self.follow(key, place)).await {
                Ok(answer) => answer,
                Err(_) => Some(Err(Fault::new(
                    FaultClass::Deadline,
                    format!("no answer to the call of {} in time", self.by.name),
                ))),
            },
        }
    }
}

impl<In, K, Out> Serve<In, Out> for Guarded<In, K, Out>
where
    In: Send + 'static,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    Out: Clone + Send + Sync + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let key = (self.by.key_of)(&input);
            let most = self.by.most_waiting.load(Relaxed);
            let role =
                poll_fn(|task| std::task::Poll::Ready(self.flights.join(&key, most, task.waker())))
                    .await;
            match role {
                Role::Lead => self.lead(key, input).await,
                Role::Follow(place) => match self.within_deadline(&key, place).await {
                    Some(answer) => answer,
                    None => self.lead(key, input).await,
                },
                Role::Refused => {
                    self.by.counters.refused.fetch_add(1, Relaxed);
                    Err(Fault::overloaded(
                        format!("too many wait for one call of {}", self.by.name),
                        Duration::from_secs(1),
                    ))
                }
            }
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
