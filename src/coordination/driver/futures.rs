//! Futures that live in an actor: no task for any of them.
//!
//! ```text
//!   wake ─▶ bell ─▶ list of those that rang ─▶ (the first one) news to the actor
//!                                                    │
//!   poll those on the list ◀── handle ◀──────────────┘
//! ```
//!
//! Each place has a bell that stays when its future goes, so a call costs no
//! waker. A bell that rings for the one who was there before only has the new
//! one polled once too often.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use crate::actor::BoxFuture;
use crate::actor::core::shell::catch;
use crate::supervision::pool::slab::Slab;
use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::AcqRel;

/// Where bells ring.
#[derive(Default)]
struct Tower {
    rung: Mutex<Vec<usize>>,
    /// Has the actor look at the list, soon and on its own task.
    tell: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Tower {
    fn tell(&self) {
        if let Some(tell) = self.tell.get() {
            tell();
        }
    }
}

struct Bell {
    at: usize,
    /// Whether it is on the list, or on the one that is being worked through.
    has_rung: AtomicBool,
    tower: Arc<Tower>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Pairs with the exchange in `Futures::answer`: what was done before a
        // ring that found the bell on the list is seen by the poll after it.
        if self.has_rung.swap(true, AcqRel) {
            return;
        }
        let is_first = {
            let mut rung = self.tower.rung.lock();
            rung.push(self.at);
            rung.len() == 1
        };
        if is_first {
            self.tower.tell();
        }
    }
}

/// A future panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

/// What a poll came to.
pub(crate) type Polled<T> = Poll<Result<T, Panicked>>;

struct Under<K, T> {
    key: K,
    future: BoxFuture<'static, T>,
}

/// Futures by their places, each with a key.
pub(crate) struct Futures<K, T> {
    under_way: Slab<Under<K, T>>,
    /// One for each place there has been.
    bells: Vec<(Arc<Bell>, Waker)>,
    tower: Arc<Tower>,
    /// An empty list, to be exchanged with the full one.
    spare: Vec<usize>,
}

impl<K: Copy, T> Futures<K, T> {
    pub(crate) fn new() -> Self {
        Self {
            under_way: Slab::new(),
            bells: Vec::new(),
            tower: Arc::default(),
            spare: Vec::new(),
        }
    }

    /// `tell` has the actor call [`Futures::rung`] soon. Said once, before
    /// anything is taken in.
    pub(crate) fn tell_with(&self, tell: impl Fn() + Send + Sync + 'static) {
        let _ = self.tower.tell.set(Box::new(tell));
    }

    /// Takes a future in. It is to be polled at once, whether or not the bell of
    /// its place has been answered.
    pub(crate) fn insert(&mut self, key: K, future: BoxFuture<'static, T>) -> usize {
        let at = self.under_way.insert(Under { key, future });
        if at == self.bells.len() {
            let bell = Arc::new(Bell {
                at,
                has_rung: AtomicBool::new(false),
                tower: Arc::clone(&self.tower),
            });
            let waker = Waker::from(Arc::clone(&bell));
            self.bells.push((bell, waker));
        }
        at
    }

    /// Drops a future, wherever it stands.
    pub(crate) fn remove(&mut self, at: usize) {
        let under = self.under_way.remove(at);
        // Its destructor is foreign code.
        let _ = catch(|| drop(under));
    }

    pub(crate) fn key(&self, at: usize) -> Option<K> {
        Some(self.under_way.get(at)?.key)
    }

    /// Polls one; it is gone once it is ready.
    pub(crate) fn poll(&mut self, at: usize) -> Polled<T> {
        let Some(under) = self.under_way.get_mut(at) else {
            return Poll::Pending;
        };
        let (_, waker) = &self.bells[at];
        let mut task = Context::from_waker(waker);
        let polled = catch(|| under.future.as_mut().poll(&mut task));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                self.remove(at);
                Poll::Ready(Ok(output))
            }
            Err(_) => {
                self.remove(at);
                Poll::Ready(Err(Panicked))
            }
        }
    }

    /// The places whose bells rang since the last time. Each is to be answered and
    /// polled; the list is given back with [`Futures::keep`].
    pub(crate) fn rung(&mut self) -> Vec<usize> {
        let spare = std::mem::take(&mut self.spare);
        std::mem::replace(&mut *self.tower.rung.lock(), spare)
    }

    /// From here on the bell of this place may ring again.
    pub(crate) fn answer(&self, at: usize) {
        self.bells[at].0.has_rung.swap(false, AcqRel);
    }

    pub(crate) fn keep(&mut self, mut list: Vec<usize>) {
        list.clear();
        self.spare = list;
    }

    /// Has the actor come again when its neighbours have run.
    pub(crate) fn come_again(&self) {
        self.tower.tell();
    }
}
