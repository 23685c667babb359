//! The register of pending deadlines: one per system, no timer per ask.
//!
//! A timer for every ask would cost more than the ask. A pending ask is entered
//! into a list instead, one list per thread, which is a short, uncontended
//! lock. One task per system sleeps until the earliest entry could be due,
//! sweeps what is, and sleeps again. With nothing entered it does not wake at
//! all, so a paused clock can jump.
//!
//! An ask that is over does not leave: nobody holds it any more, and that can be
//! seen. Whoever enters next takes such entries from the front, where the
//! oldest are; where an older ask is still pending in front of them, all are
//! looked through each time the list has doubled. So a list is never longer
//! than twice what was pending, and a few.

use std::collections::VecDeque;
use std::sync::Weak;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::sync::{Mutex, thread_local};

const SHARDS: usize = 8;

/// A list is looked through when it has become this long, at the earliest.
const SHORT: usize = 64;

static NEXT_SHARD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SHARD: usize = NEXT_SHARD.fetch_add(1, Relaxed) % SHARDS;
}

/// Something that ends when its deadline passes.
pub(crate) trait Expire: Send + Sync {
    fn expire(&self);
}

struct Shard {
    entries: VecDeque<(Instant, Weak<dyn Expire>)>,
    /// At this length the entries that are over are looked for everywhere.
    full_at: usize,
    /// When the sweeper will come. `None`: only when it is told.
    planned: Option<Instant>,
}

/// Pending deadlines. See the file's guide.
pub(crate) struct Register {
    shards: [Mutex<Shard>; SHARDS],
}

impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Register").finish_non_exhaustive()
    }
}

impl Register {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| {
                Mutex::new(Shard {
                    entries: VecDeque::new(),
                    full_at: SHORT,
                    planned: None,
                })
            }),
        }
    }

    /// Enters a deadline. `true` when the sweeper plans to sleep past it and
    /// must be told.
    #[must_use]
    pub(crate) fn enter(&self, at: Instant, expire: Weak<dyn Expire>) -> bool {
        let shard = SHARD.try_with(|shard| *shard).unwrap_or(0);
        let mut shard = self.shards[shard].lock();
        while let Some((_, first)) = shard.entries.front()
            && first.strong_count() == 0
        {
            shard.entries.pop_front();
        }
        if shard.entries.len() >= shard.full_at {
            shard.tidy();
        }
        shard.entries.push_back((at, expire));
        shard.planned.is_none_or(|planned| at < planned)
    }

    /// Expires what is due at `now` and returns when to come again.
    pub(crate) fn sweep(&self, now: Instant) -> Option<Instant> {
        let mut due = Vec::new();
        let mut earliest: Option<Instant> = None;
        let mut latest_over: Option<Instant> = None;
        for shard in &self.shards {
            let mut shard = shard.lock();
            // From here on, every newcomer tells the sweeper.
            shard.planned = None;
            shard.entries.retain(|(at, expire)| {
                if *at <= now {
                    due.extend(expire.upgrade());
                    return false;
                }
                let is_pending = expire.strong_count() > 0;
                if is_pending {
                    earliest = Some(earliest.map_or(*at, |e| e.min(*at)));
                } else {
                    latest_over = latest_over.max(Some(*at));
                }
                is_pending
            });
            shard.give_back();
        }
        // Where short asks follow one another, each is over before the sweeper
        // has come: it plans as if the last one were not, or each would have to
        // tell it.
        let next = earliest.or(latest_over);
        if next.is_some() {
            for shard in &self.shards {
                shard.lock().planned = next;
            }
        }
        for expire in due {
            expire.expire();
        }
        next
    }
}

impl Shard {
    /// Drops what is over, wherever it stands.
    #[cold]
    fn tidy(&mut self) {
        self.entries.retain(|(_, expire)| expire.strong_count() > 0);
        self.give_back();
    }

    /// A burst's memory is given back.
    fn give_back(&mut self) {
        self.full_at = SHORT.max(2 * self.entries.len());
        if self.entries.capacity() > 2 * self.full_at {
            self.entries.shrink_to(self.full_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Expire for Bell {
        fn expire(&self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn enter(register: &Register, at: Instant, bell: &Arc<Bell>) -> bool {
        let weak: Weak<Bell> = Arc::downgrade(bell);
        register.enter(at, weak)
    }

    fn len(register: &Register) -> usize {
        register.shards.iter().map(|s| s.lock().entries.len()).sum()
    }

    fn base() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "any beginning will do")]
        Instant::now()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_due_expires_once_and_the_rest_is_planned() {
        let (register, t0) = (Register::new(), base());
        let (early, late) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        assert!(enter(&register, t0 + SECOND, &early), "nothing is planned");
        assert!(enter(&register, t0 + 3 * SECOND, &late));
        assert_eq!(register.sweep(t0), Some(t0 + SECOND));
        assert_eq!(register.sweep(t0 + SECOND), Some(t0 + 3 * SECOND));
        assert_eq!(register.sweep(t0 + 2 * SECOND), Some(t0 + 3 * SECOND));
        assert_eq!((early.0.load(Relaxed), late.0.load(Relaxed)), (1, 0));
        assert_eq!(register.sweep(t0 + 3 * SECOND), None);
        assert_eq!(late.0.load(Relaxed), 1);
    }

    #[test]
    fn the_sweeper_is_told_of_an_earlier_deadline_only() {
        let (register, t0) = (Register::new(), base());
        let bell = Arc::new(Bell::default());
        assert!(enter(&register, t0 + 2 * SECOND, &bell));
        assert_eq!(register.sweep(t0), Some(t0 + 2 * SECOND));
        assert!(!enter(&register, t0 + 2 * SECOND, &bell));
        assert!(enter(&register, t0 + SECOND, &bell));
    }

    #[test]
    fn what_is_over_takes_no_room_and_one_visit_of_the_sweeper() {
        let (register, t0) = (Register::new(), base());
        for n in 0..10_000 {
            let _ = enter(&register, t0 + n * SECOND, &Arc::new(Bell::default()));
            assert!(len(&register) <= 1);
        }
        let last = t0 + 9_999 * SECOND;
        assert_eq!(register.sweep(t0), Some(last));
        assert_eq!(len(&register), 0);
        let over = Arc::new(Bell::default());
        assert!(!enter(&register, last, &over), "the sweeper comes by then");
        drop(over);
        assert_eq!(register.sweep(last), None);
    }

    #[test]
    fn behind_a_pending_one_the_list_is_bounded_all_the_same() {
        let (register, t0) = (Register::new(), base());
        let pending: Vec<_> = (0..100).map(|_| Arc::new(Bell::default())).collect();
        for bell in &pending {
            let _ = enter(&register, t0 + SECOND, bell);
        }
        for _ in 0..100_000 {
            let _ = enter(&register, t0 + SECOND, &Arc::new(Bell::default()));
            assert!(len(&register) <= 2 * pending.len() + SHORT);
        }
        assert_eq!(register.sweep(t0 + SECOND), None);
        assert!(pending.iter().all(|bell| bell.0.load(Relaxed) == 1));
    }
}
