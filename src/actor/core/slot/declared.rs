//! Declared states: who may change one, and who is told.
//!
//! A change is handed to its observers under the slot's lock, so each sees all
//! changes in order; it is only put down there. Whatever runs foreign code (a
//! waker, a watcher's own function) runs after the lock is released, or on the
//! watcher's own task. Each observer holds a bounded number of changes: one that
//! falls behind loses the oldest, counted.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::Instant;

use super::{AnySlot, Life, Signal, Slot, Stage, WatchId};
use crate::actor::core::event::Event;
use crate::actor::core::life::{IllegalTransition, Lifecycle, Transition};
use crate::sync::Mutex;

/// How many changes an observer may fall behind.
pub(crate) const CAPACITY: usize = 64;

/// Somebody who is told of each change of a slot's state.
pub(crate) trait Observer: Send + Sync {
    /// Puts the change down. Called under the slot's lock.
    fn note(&self, transition: Transition);
    /// There is something to look at. Called without the lock.
    fn prod(&self);
    /// Nothing comes any more: the actor has ended for good.
    fn over(&self);
    /// The watch has been ended.
    fn left(&self);
}

/// Where an actor fetches what it watches, on its own task.
pub(crate) trait News<M>: Send + Sync {
    fn fetch(&self) -> Option<M>;
}

/// A change that is yet to be announced.
pub(crate) struct Change {
    from: Lifecycle,
    to: Lifecycle,
    observers: Vec<Arc<dyn Observer>>,
}

impl Life {
    /// The one place where the state changes, but for a slot that is asked back.
    pub(super) fn turn(&mut self, to: Lifecycle, now: impl FnOnce() -> Instant) -> Option<Change> {
        if self.stage == Stage::Ending && to != Lifecycle::Shutdown {
            // It ends for good: whatever comes late changes nothing.
            return None;
        }
        let from = std::mem::replace(&mut self.state, to);
        if from == to {
            return None;
        }
        debug_assert!(from.may_become(to), "{from} became {to}");
        let mut observers = Vec::new();
        if let Some(rare) = &self.rare
            && !rare.observers.is_empty()
        {
            let transition = Transition {
                from,
                to,
                at: now(),
                missed: 0,
            };
            for (_, observer) in &rare.observers {
                observer.note(transition);
                observers.push(Arc::clone(observer));
            }
        }
        Some(Change {
            from,
            to,
            observers,
        })
    }

    pub(super) fn pause(&mut self, now: impl FnOnce() -> Instant) -> Option<Change> {
        if self.state != Lifecycle::Maintenance {
            self.beneath = self.state;
        }
        self.turn(Lifecycle::Maintenance, now)
    }

    pub(super) fn resume(&mut self, now: impl FnOnce() -> Instant) -> Option<Change> {
        if self.state != Lifecycle::Maintenance {
            return None;
        }
        self.turn(self.beneath, now)
    }
}

impl<M: Send + 'static> Slot<M> {
    /// Tells of a change, with no lock held.
    pub(super) fn announce(&self, change: Option<Change>) {
        let Some(Change {
            from,
            to,
            observers,
        }) = change
        else {
            return;
        };
        self.emit(|path| Event::StateChanged { path, from, to });
        for observer in observers {
            observer.prod();
        }
    }

    /// A ready actor changes its own state. Paused, it changes what it will be
    /// after the pause. With a number, only that life does.
    pub(super) fn declare_state(
        &self,
        to: Lifecycle,
        of: Option<u32>,
    ) -> Result<(), IllegalTransition> {
        let change = {
            let mut life = self.life.lock();
            let is_paused = life.state == Lifecycle::Maintenance;
            let from = if is_paused { life.beneath } else { life.state };
            let is_meant = life.stage == Stage::Up && of.is_none_or(|n| n == self.incarnation());
            if from == to && is_meant {
                return Ok(());
            }
            if !is_meant || !from.may_declare(to) {
                return Err(IllegalTransition { from, to });
            }
            if is_paused {
                life.beneath = to;
                return Ok(());
            }
            life.turn(to, || self.now())
        };
        self.announce(change);
        Ok(())
    }

    pub(super) fn add_observer(&self, id: WatchId, observer: Arc<dyn Observer>) {
        {
            let mut life = self.life.lock();
            if !life.end.is_reached() {
                let rare = life.rare.get_or_insert_default();
                rare.observers.push((id, observer));
                return;
            }
        }
        observer.over();
    }
}

/// Changes that wait to be looked at: the newest, and how many there were
/// before.
#[derive(Debug, Default)]
struct Newest {
    kept: VecDeque<Transition>,
    lost: u64,
}

impl Newest {
    /// `true`: there is one more to look at.
    fn push(&mut self, transition: Transition) -> bool {
        self.kept.push_back(transition);
        if self.kept.len() <= CAPACITY {
            return true;
        }
        self.lost += 1;
        if let Some(oldest) = self.kept.pop_front()
            && let Some(next) = self.kept.front_mut()
        {
            next.missed += oldest.missed + 1;
        }
        false
    }
}

/// What a task that watches looks at.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<Looking>);

#[derive(Debug, Default)]
struct Looking {
    newest: Newest,
    is_over: bool,
    waker: Option<Waker>,
}

impl Watched {
    /// `None`: there will be none.
    pub(crate) fn poll_next(&self, waker: Option<&Waker>) -> Poll<Option<Transition>> {
        let mut looking = self.0.lock();
        if let Some(transition) = looking.newest.kept.pop_front() {
            return Poll::Ready(Some(transition));
        }
        if looking.is_over {
            return Poll::Ready(None);
        }
        let old = match waker {
            Some(waker) => looking.waker.replace(waker.clone()),
            None => None,
        };
        drop(looking);
        drop(old);
        Poll::Pending
    }

    pub(crate) fn lost(&self) -> u64 {
        self.0.lock().newest.lost
    }
}

impl Observer for Watched {
    fn note(&self, transition: Transition) {
        self.0.lock().newest.push(transition);
    }

    fn prod(&self) {
        let waker = self.0.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn over(&self) {
        self.0.lock().is_over = true;
        self.prod();
    }

    fn left(&self) {}
}

/// Carries an actor's changes of state to another's system lane: as many words
/// as there are changes to fetch, so the lane is bounded too.
pub(crate) struct Relay<M, F> {
    to: Weak<Slot<M>>,
    make: F,
    waiting: Mutex<Waiting>,
    /// Itself, to go into the lane.
    me: Weak<Self>,
}

#[derive(Default)]
struct Waiting {
    newest: Newest,
    unsent: usize,
}

impl<M, F> Relay<M, F>
where
    M: Send + 'static,
    F: Fn(Transition) -> M + Send + Sync + 'static,
{
    pub(crate) fn new(to: Weak<Slot<M>>, make: F) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            to,
            make,
            waiting: Mutex::new(Waiting::default()),
            me: Weak::clone(me),
        })
    }
}

impl<M, F> Observer for Relay<M, F>
where
    M: Send + 'static,
    F: Fn(Transition) -> M + Send + Sync + 'static,
{
    fn note(&self, transition: Transition) {
        let mut waiting = self.waiting.lock();
        if waiting.newest.push(transition) {
            waiting.unsent += 1;
        }
    }

    fn prod(&self) {
        let unsent = std::mem::take(&mut self.waiting.lock().unsent);
        let (Some(to), Some(me)) = (self.to.upgrade(), self.me.upgrade()) else {
            return;
        };
        for _ in 0..unsent {
            to.queue
                .signal(Signal::News(Arc::clone(&me) as Arc<dyn News<M>>));
        }
    }

    fn over(&self) {
        // What was announced before may still be fetched.
    }

    fn left(&self) {
        self.waiting.lock().newest.kept.clear();
    }
}

impl<M, F> News<M> for Relay<M, F>
where
    M: Send + 'static,
    F: Fn(Transition) -> M + Send + Sync + 'static,
{
    fn fetch(&self) -> Option<M> {
        let next = self.waiting.lock().newest.kept.pop_front();
        next.map(&self.make)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::core::exit::Exit;
    use crate::actor::core::slot::Name;
    use crate::mailbox::Mailbox;

    #[test]
    fn b7_what_comes_late_does_not_change_the_state_of_an_ended_actor() {
        let slot = Slot::<()>::new(Name::Plain("a".into()), &Mailbox::default(), None);
        slot.set_ready();
        slot.end(Exit::Normal);
        slot.pause();
        slot.note_exit(&Exit::Killed);
        slot.set_ready();
        assert_eq!(slot.state(), Lifecycle::Shutdown);
        assert!(!slot.is_up());
        slot.revive();
        assert_eq!(slot.state(), Lifecycle::Initializing);
        slot.set_ready();
        assert_eq!((slot.state(), slot.is_up()), (Lifecycle::Ready, true));
    }
}
