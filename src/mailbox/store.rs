//! Where accepted messages lie until the actor takes them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::line::Line;
use crate::policy::priority::{Priority, choose};

/// What the store asks of a message.
pub(crate) trait Item {
    fn priority(&self) -> Priority;
}

/// A message in a lane, with what ageing and dead letters need.
#[derive(Debug)]
struct Aged<T> {
    item: T,
    seq: u64,
    queued_at: Instant,
}

/// Ten first-in-first-out lanes, one a priority.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    lanes: [VecDeque<Aged<T>>; 10],
    per_level: Duration,
    len: usize,
    next_seq: u64,
}

/// Accepted messages in the order in which they will be taken.
#[derive(Debug)]
pub(crate) enum Store<T> {
    /// Arrival order. `head` is the sequence number of the first message.
    Fifo { items: Line<T>, head: u64 },
    /// Priority order with ageing.
    Lanes(Box<Lanes<T>>),
}

impl<T: Item> Store<T> {
    pub(crate) fn fifo() -> Self {
        Self::Fifo {
            items: Line::new(),
            head: 0,
        }
    }

    pub(crate) fn lanes(per_level: Duration) -> Self {
        Self::Lanes(Box::new(Lanes {
            lanes: Default::default(),
            per_level,
            len: 0,
            next_seq: 0,
        }))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Fifo { items, .. } => items.len(),
            Self::Lanes(lanes) => lanes.len,
        }
    }

    /// Adds the newest message. The clock is read only where order depends on
    /// it.
    #[inline]
    pub(crate) fn push(&mut self, item: T, now: impl FnOnce() -> Instant) {
        match self {
            Self::Fifo { items, .. } => items.push_back(item),
            Self::Lanes(lanes) => {
                let lane = usize::from(item.priority().get());
                let seq = lanes.next_seq;
                lanes.next_seq += 1;
                lanes.len += 1;
                lanes.lanes[lane].push_back(Aged {
                    item,
                    seq,
                    queued_at: now(),
                });
            }
        }
    }

    /// Takes the message whose turn it is, with its sequence number.
    pub(crate) fn pop(&mut self, now: impl FnOnce() -> Instant) -> Option<(T, u64)> {
        match self {
            Self::Fifo { items, head } => {
                let item = items.pop_front()?;
                let seq = *head;
                *head += 1;
                Some((item, seq))
            }
            Self::Lanes(lanes) => {
                if lanes.len == 0 {
                    return None;
                }
                let heads = std::array::from_fn(|i| lanes.lanes[i].front().map(|a| a.queued_at));
                let lane = choose(&heads, now(), lanes.per_level)?;
                lanes.pop_lane(lane)
            }
        }
    }

    /// Takes the message that a newer one displaces: the oldest, and among
    /// priorities the oldest of the lowest.
    pub(crate) fn pop_displaced(&mut self) -> Option<(T, u64)> {
        match self {
            Self::Fifo { items, head } => {
                let item = items.pop_front()?;
                let seq = *head;
                *head += 1;
                Some((item, seq))
            }
            Self::Lanes(lanes) => {
                let lane = lanes.lanes.iter().position(|lane| !lane.is_empty())?;
                lanes.pop_lane(lane)
            }
        }
    }

    /// Puts a taken message back as the next one of its priority.
    pub(crate) fn put_back(&mut self, item: T, seq: u64, now: impl FnOnce() -> Instant) {
        match self {
            Self::Fifo { items, head } => {
                items.push_front(item);
                *head = seq;
            }
            Self::Lanes(lanes) => {
                let lane = usize::from(item.priority().get());
                lanes.len += 1;
                let queued_at = lanes.lanes[lane].front().map_or_else(now, |a| a.queued_at);
                lanes.lanes[lane].push_front(Aged {
                    item,
                    seq,
                    queued_at,
                });
            }
        }
    }

    /// Whether [`Store::take_buffer`] would find heap memory.
    pub(super) fn has_spare(&self) -> bool {
        matches!(self, Self::Fifo { items: Line::Many(items), .. } if items.is_empty())
    }

    /// Hands the heap memory of an empty store to the caller, who drops it
    /// without the lock.
    pub(super) fn take_buffer(&mut self) -> Line<T> {
        match self {
            Self::Fifo { items, .. } if items.is_empty() => std::mem::replace(items, Line::new()),
            _ => Line::new(),
        }
    }
}

impl<T> Lanes<T> {
    fn pop_lane(&mut self, lane: usize) -> Option<(T, u64)> {
        let aged = self.lanes[lane].pop_front()?;
        self.len -= 1;
        Some((aged.item, aged.seq))
    }
}
