//! Settings that can be changed while they are in force.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;

struct Cell<T> {
    version: u64,
    value: Arc<T>,
    watchers: Vec<(u64, Waker)>,
    next_watcher: u64,
}

/// A value with a version: read by many, exchanged as a whole, and watched.
/// Clones are the same value.
///
/// A reader sees one value or the next, never a mixture, and versions never go
/// back. Whoever watches sees the last value; of those that followed one
/// another quickly it may see only the last.
///
/// # Examples
///
/// ```
/// use callboard::resilience::Live;
///
/// let limit = Live::new(10);
/// let (seen, value) = limit.read();
/// assert_eq!(*value, 10);
/// limit.set(20);
/// assert_eq!(*limit.get(), 20);
/// assert!(limit.read().0 > seen);
/// ```
pub struct Live<T> {
    cell: Arc<Mutex<Cell<T>>>,
}

impl<T> Live<T> {
    /// The first value, of version 1.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            cell: Arc::new(Mutex::new(Cell {
                version: 1,
                value: Arc::new(value),
                watchers: Vec::new(),
                next_watcher: 0,
            })),
        }
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.cell.lock().value)
    }

    /// The value now, and its version.
    #[must_use]
    pub fn read(&self) -> (u64, Arc<T>) {
        let cell = self.cell.lock();
        (cell.version, Arc::clone(&cell.value))
    }

    /// Exchanges the value; returns the new version.
    pub fn set(&self, value: T) -> u64 {
        let value = Arc::new(value);
        let (version, old, watchers) = {
            let mut cell = self.cell.lock();
            cell.version += 1;
            let old = std::mem::replace(&mut cell.value, value);
            (cell.version, old, std::mem::take(&mut cell.watchers))
        };
        // Both run foreign code: not under the lock.
        for (_, waker) in watchers {
            waker.wake();
        }
        drop(old);
        version
    }

    /// Waits for a version after `seen`, and returns it with its value; at once
    /// if there is one already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn changed(&self, seen: u64) -> (u64, Arc<T>) {
        let mut watching = Watching {
            of: self,
            number: None,
        };
        poll_fn(|task| watching.poll(seen, task)).await
    }
}

/// A place among the watchers; given up when dropped.
struct Watching<'a, T> {
    of: &'a Live<T>,
    number: Option<u64>,
}

impl<T> Watching<'_, T> {
    /// Looks and, under the same lock, registers: a change in between would
    /// wake nobody.
    fn poll(&mut self, seen: u64, task: &Context<'_>) -> Poll<(u64, Arc<T>)> {
        let waker = task.waker().clone();
        let mut cell = self.of.cell.lock();
        if cell.version > seen {
            return Poll::Ready((cell.version, Arc::clone(&cell.value)));
        }
        let number = match self.number {
            Some(number) => number,
            None => {
                cell.next_watcher += 1;
                cell.next_watcher
            }
        };
        self.number = Some(number);
        let place = cell.watchers.iter_mut().find(|(n, _)| *n == number);
        let unused = match place {
            Some((_, old)) => Some(std::mem::replace(old, waker)),
            None => {
                cell.watchers.push((number, waker));
                None
            }
        };
        drop(cell);
        drop(unused);
        Poll::Pending
    }
}

impl<T> Drop for Watching<'_, T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut cell = self.of.cell.lock();
            let at = cell.watchers.iter().position(|(n, _)| *n == number);
            let unused = at.map(|at| cell.watchers.swap_remove(at));
            drop(cell);
            drop(unused);
        }
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self {
            cell: Arc::clone(&self.cell),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, value) = self.read();
        f.debug_struct("Live")
            .field("version", &version)
            .field("value", &value)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_watcher_is_woken_by_a_change_and_one_that_has_gone_is_forgotten() {
        let live = Live::new(1);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut task = Context::from_waker(&waker);
        {
            let mut gone = pin!(live.changed(1));
            assert!(gone.as_mut().poll(&mut task).is_pending());
            assert!(gone.as_mut().poll(&mut task).is_pending());
            assert_eq!(live.cell.lock().watchers.len(), 1, "one place each");
        }
        assert!(live.cell.lock().watchers.is_empty());

        let mut watching = pin!(live.changed(1));
        assert!(watching.as_mut().poll(&mut task).is_pending());
        live.set(2);
        live.set(3);
        assert_eq!(woken.0.load(Relaxed), 1);
        match watching.as_mut().poll(&mut task) {
            Poll::Ready((version, value)) => assert_eq!((version, *value), (3, 3)),
            Poll::Pending => panic!("there is a new version"),
        }
    }
}
