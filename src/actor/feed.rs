//! What happens somewhere, for whoever listens: bounded, lossy and counted.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::core::event::Event;

/// Publishes events to whoever listens. With nobody listening, an event costs
/// one relaxed load, and without a listener ever there is no buffer.
#[derive(Debug)]
pub(crate) struct Feed<E> {
    capacity: usize,
    events: OnceLock<broadcast::Sender<E>>,
    /// Subscribers, counted apart: the channel's own count takes its lock.
    listeners: Arc<AtomicUsize>,
}

impl<E: Clone> Feed<E> {
    /// A subscriber may fall `capacity` events behind, from 1 to about a
    /// million.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.clamp(1, 1 << 20),
            events: OnceLock::new(),
            listeners: Arc::default(),
        }
    }

    #[inline]
    pub(crate) fn has_listeners(&self) -> bool {
        self.listeners.load(Relaxed) > 0
    }

    /// Publishes it. In the order of the calls, so whoever decides under a lock
    /// calls it there.
    pub(crate) fn emit(&self, event: E) {
        if let Some(events) = self.events.get() {
            // No receiver: nobody wanted it.
            let _ = events.send(event);
        }
    }

    pub(crate) fn subscribe(&self) -> EventStream<E> {
        let events = self
            .events
            .get_or_init(|| broadcast::Sender::new(self.capacity));
        let stream = EventStream {
            events: events.subscribe(),
            lost: 0,
            listeners: Arc::clone(&self.listeners),
        };
        self.listeners.fetch_add(1, Relaxed);
        stream
    }
}

/// A subscriber's own view of what happens in a system, or to something in it.
///
/// Bounded: a subscriber that falls behind loses the oldest events, and
/// [`EventStream::lost`] counts them. It never slows an actor down.
#[derive(Debug)]
pub struct EventStream<E = Event> {
    events: broadcast::Receiver<E>,
    lost: u64,
    listeners: Arc<AtomicUsize>,
}

impl<E> Drop for EventStream<E> {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Relaxed);
    }
}

impl<E: Clone> EventStream<E> {
    /// The next event. `None` when what it was about is gone.
    ///
    /// # Cancel safety
    ///
    /// No event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<E> {
        loop {
            match self.events.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(missed)) => self.lost += missed,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Option<E> {
        loop {
            match self.events.try_recv() {
                Ok(event) => return Some(event),
                Err(TryRecvError::Lagged(missed)) => self.lost += missed,
                Err(_) => return None,
            }
        }
    }
}

impl<E> EventStream<E> {
    /// How many events this subscriber was too slow for.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_sees_what_happens_from_then_on_and_counts_what_it_missed() {
        let feed = Feed::new(2);
        feed.emit(0);
        assert!(!feed.has_listeners());
        let mut stream = feed.subscribe();
        for event in 1..=5 {
            feed.emit(event);
        }
        assert_eq!(stream.try_next(), Some(4));
        assert_eq!(stream.try_next(), Some(5));
        assert_eq!(stream.try_next(), None);
        assert_eq!(stream.lost(), 3);
        drop(stream);
        assert!(!feed.has_listeners());
    }
}
