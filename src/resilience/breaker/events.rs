//! What happened to a breaker, numbered and in order, for whoever listens.
//!
//! ```text
//!  log      …│ 7 │ 8 │ 9 │10 │      at most 256; one for all listeners
//!              ▲           ▲
//!              slow        quick    each has the number that it reads next
//! ```
//!
//! The log is written under the breaker's lock, so its order is the order of
//! the decisions. It begins with the first listener and goes with the last one.
//! A listener that has been overtaken by the end of the log counts what it
//! missed. Wakers are taken under the lock and woken after it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use super::{Shared, Turned};
use crate::policy::breaker::{Event, Transition};
use crate::sync::WakeList;

/// How many transitions a breaker remembers.
const REMEMBERED: usize = 64;

/// How many events a listener may fall behind.
const LOGGED: usize = 256;

/// One event of a breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakerEvent {
    /// Its number. There are no gaps, but for what a listener has lost.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

/// What is written down of what happened.
#[derive(Default)]
pub(super) struct Journal {
    transitions: VecDeque<Transition>,
    has_turned: bool,
    admitted: u64,
    not_permitted: u64,
    /// The number of the next event.
    next: u64,
    /// Absent while nobody listens.
    log: Option<Box<Log>>,
}

/// What is to be done once the lock is free.
pub(super) struct News {
    pub(super) wakers: WakeList,
    pub(super) turned: Turned,
}

#[derive(Default)]
struct Log {
    /// The last ones; the newest has the number before [`Journal::next`].
    events: VecDeque<Event>,
    listeners: Vec<Listener>,
    has_news: bool,
    /// The id of the next listener.
    next_id: u64,
}

struct Listener {
    id: u64,
    waker: Option<Waker>,
}

/// What a listener finds.
#[derive(Debug)]
pub(crate) enum Read {
    /// The event with this number, after so many that it has lost.
    Event {
        event: BreakerEvent,
        lost: u64,
    },
    Nothing,
}

impl Journal {
    /// Most calls change nothing, and nobody listens.
    #[inline]
    pub(super) fn note(&mut self, event: Event) {
        if self.log.is_some() || matches!(event, Event::Changed(_)) {
            self.write_down(event);
        }
    }

    #[cold]
    fn write_down(&mut self, event: Event) {
        if let Event::Changed(transition) = event {
            if self.transitions.len() == REMEMBERED {
                self.transitions.pop_front();
            }
            self.transitions.push_back(transition);
            self.has_turned = true;
        }
        let Some(log) = &mut self.log else {
            return;
        };
        if log.events.len() == LOGGED {
            log.events.pop_front();
        }
        log.events.push_back(event);
        log.has_news = true;
        self.next += 1;
    }

    #[inline]
    pub(super) fn count(&mut self, is_admitted: bool) {
        if is_admitted {
            self.admitted += 1;
        } else {
            self.not_permitted += 1;
        }
    }

    pub(super) fn admitted(&self) -> u64 {
        self.admitted
    }

    pub(super) fn not_permitted(&self) -> u64 {
        self.not_permitted
    }

    pub(super) fn transitions(&self) -> Vec<Transition> {
        self.transitions.iter().copied().collect()
    }

    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.has_turned || self.log.as_ref().is_some_and(|log| log.has_news)
    }

    pub(super) fn take_news(&mut self) -> News {
        let turned = match std::mem::take(&mut self.has_turned) {
            true => Turned::Yes,
            false => Turned::No,
        };
        let wakers = self.wakers();
        News { wakers, turned }
    }

    /// Takes the wakers of all who wait.
    pub(super) fn wakers(&mut self) -> WakeList {
        let mut wakers = WakeList::default();
        if let Some(log) = &mut self.log {
            log.has_news = false;
            for listener in &mut log.listeners {
                if let Some(waker) = listener.waker.take() {
                    wakers.push(waker);
                }
            }
        }
        wakers
    }

    pub(super) fn listen(&mut self) -> (u64, u64) {
        let log = self.log.get_or_insert_default();
        let id = log.next_id;
        log.next_id += 1;
        log.listeners.push(Listener { id, waker: None });
        (id, self.next)
    }

    /// Returns what is to be dropped once the lock is free.
    pub(super) fn leave(&mut self, id: u64) -> impl Sized + use<> {
        let Some(log) = &mut self.log else {
            return (None, None);
        };
        let at = log.listeners.iter().position(|listener| listener.id == id);
        let listener = at.map(|at| log.listeners.swap_remove(at));
        let log = match log.listeners.is_empty() {
            true => self.log.take(),
            false => None,
        };
        (listener, log)
    }

    /// Leaves the waker where there is nothing to read; what was there before
    /// is handed back in its place.
    pub(super) fn read(&mut self, id: u64, next: u64, waker: &mut Option<Waker>) -> Read {
        let Some(log) = &mut self.log else {
            return Read::Nothing;
        };
        let first = self.next - log.events.len() as u64;
        let number = next.max(first);
        if let Some(&event) = log.events.get((number - first) as usize) {
            return Read::Event {
                event: BreakerEvent { number, event },
                lost: number - next,
            };
        }
        let mut listeners = log.listeners.iter_mut();
        if waker.is_some()
            && let Some(listener) = listeners.find(|listener| listener.id == id)
        {
            std::mem::swap(&mut listener.waker, waker);
        }
        Read::Nothing
    }
}

/// A listener's own view of what happens to a breaker.
///
/// Bounded: whoever falls 256 events behind loses the oldest, and
/// [`BreakerEvents::lost`] counts them.
pub struct BreakerEvents {
    of: Weak<Shared>,
    id: u64,
    next: u64,
    lost: u64,
}

impl BreakerEvents {
    pub(super) fn new(of: &Arc<Shared>) -> Self {
        let (id, next) = of.core.listen();
        Self {
            of: Arc::downgrade(of),
            id,
            next,
            lost: 0,
        }
    }

    fn poll(&mut self, waker: Option<&Waker>) -> Poll<Option<BreakerEvent>> {
        let Some(of) = self.of.upgrade() else {
            return Poll::Ready(None);
        };
        match of.core.read(self.id, self.next, waker) {
            Read::Nothing => Poll::Pending,
            Read::Event { event, lost } => {
                self.next = event.number + 1;
                self.lost += lost;
                Poll::Ready(Some(event))
            }
        }
    }

    /// The next event. `None` when the breaker is gone.
    ///
    /// # Cancel safety
    ///
    /// No event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<BreakerEvent> {
        poll_fn(|task| self.poll(Some(task.waker()))).await
    }

    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Option<BreakerEvent> {
        match self.poll(None) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        }
    }

    /// How many events this listener was too slow for.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl Drop for BreakerEvents {
    fn drop(&mut self) {
        if let Some(of) = self.of.upgrade() {
            of.core.leave(self.id);
        }
    }
}

impl fmt::Debug for BreakerEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerEvents")
            .field("next", &self.next)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
