//! The receiving side of a bus.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

use tokio::sync::Mutex as Turns;

use super::topic::Filter;
use super::{Channel, Inside, Published};
use crate::actor::EventStream;

type Stream<E> = EventStream<Arc<Published<E>>>;

/// Ends a subscription's place on the bus when dropped.
pub(super) struct Leave<E> {
    pub(super) bus: Weak<Inside<E>>,
    pub(super) filter: Filter,
    pub(super) kind: Kind<E>,
}

/// What takes a place in a channel.
pub(super) enum Kind<E> {
    Listener,
    Member(Arc<str>),
    Tap(Arc<Tap<E>>),
}

impl<E> Drop for Leave<E> {
    fn drop(&mut self) {
        if let Some(bus) = self.bus.upgrade() {
            bus.leave(&self.filter, &self.kind);
        }
    }
}

/// Members of a group take turns at its events.
pub(super) struct Group<E> {
    pub(super) stream: Turns<Stream<E>>,
    lost: AtomicU64,
}

impl<E> Group<E> {
    pub(super) fn new(stream: Stream<E>) -> Self {
        Self {
            stream: Turns::new(stream),
            lost: AtomicU64::new(0),
        }
    }
}

pub(super) enum Source<E> {
    Alone(Stream<E>),
    Shared(Arc<Group<E>>),
}

/// A subscriber's own view of a bus. Dropping it ends the subscription.
///
/// Bounded: a subscriber that falls behind loses the oldest events, and
/// [`Subscription::lost`] counts them. It slows nobody down.
pub struct Subscription<E> {
    // First: the last listener of a channel takes it along.
    source: Source<E>,
    _leave: Leave<E>,
}

impl<E: Send + Sync + 'static> Subscription<E> {
    pub(super) fn new(source: Source<E>, leave: Leave<E>) -> Self {
        Self {
            source,
            _leave: leave,
        }
    }

    /// The next event; of a group, the next that no other member has taken. `None`
    /// when the bus is gone.
    ///
    /// # Cancel safety
    ///
    /// No event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<Arc<Published<E>>> {
        match &mut self.source {
            Source::Alone(stream) => stream.next().await,
            Source::Shared(group) => {
                let mut stream = group.stream.lock().await;
                let next = stream.next().await;
                group.lost.store(stream.lost(), Relaxed);
                next
            }
        }
    }

    /// The next event, if there is one now. In a group, another member that waits
    /// comes first.
    pub fn try_next(&mut self) -> Option<Arc<Published<E>>> {
        match &mut self.source {
            Source::Alone(stream) => stream.try_next(),
            Source::Shared(group) => {
                let mut stream = group.stream.try_lock().ok()?;
                let next = stream.try_next();
                group.lost.store(stream.lost(), Relaxed);
                next
            }
        }
    }

    /// How many events this subscriber, or its group, was too slow for, as far as it
    /// has read.
    #[must_use]
    pub fn lost(&self) -> u64 {
        match &self.source {
            Source::Alone(stream) => stream.lost(),
            Source::Shared(group) => group.lost.load(Relaxed),
        }
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

/// How one event was taken.
pub(super) enum Taken {
    Yes,
    Lost,
}

/// An actor that is told of events.
pub(super) struct Tap<E> {
    pub(super) tell: Box<dyn Fn(Arc<Published<E>>) -> Taken + Send + Sync>,
    pub(super) lost: AtomicU64,
}

/// An actor's subscription. Dropping it ends it.
pub struct ActorSubscription<E> {
    tap: Arc<Tap<E>>,
    _leave: Leave<E>,
}

impl<E> ActorSubscription<E> {
    pub(super) fn new(tap: Arc<Tap<E>>, leave: Leave<E>) -> Self {
        Self { tap, _leave: leave }
    }

    /// How many events the actor's mailbox had no room for, or came after its end.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.tap.lost.load(Relaxed)
    }
}

impl<E> fmt::Debug for ActorSubscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActorSubscription")
    }
}

impl<E> Channel<E> {
    /// One more subscription has a place in it.
    pub(super) fn enter(&self) {
        self.places.fetch_add(1, Relaxed);
    }
}
