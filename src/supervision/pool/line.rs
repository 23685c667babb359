//! Callers that wait for a member: by priority, first come first served inside
//! one, and one level up for each second of waiting.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::policy::priority::{LANES, Priority, choose};

/// A waiting caller rises one level a second, as a waiting message does.
const PER_LEVEL: Duration = Duration::from_secs(1);

/// Where a caller stands in the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    lane: usize,
    number: u64,
}

#[derive(Debug)]
pub(super) struct Caller {
    number: u64,
    since: Instant,
    pub(super) seat: usize,
    pub(super) key: Option<u64>,
    /// The one member that it waits for.
    pub(super) home: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Line {
    lanes: [VecDeque<Caller>; LANES],
    next: u64,
    len: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            lanes: std::array::from_fn(|_| VecDeque::new()),
            next: 0,
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn join(
        &mut self,
        priority: Priority,
        since: Instant,
        seat: usize,
        key: Option<u64>,
        home: Option<usize>,
    ) -> Stand {
        let (lane, number) = (priority.lane(), self.next);
        self.next += 1;
        self.len += 1;
        self.lanes[lane].push_back(Caller {
            number,
            since,
            seat,
            key,
            home,
        });
        Stand { lane, number }
    }

    pub(super) fn leave(&mut self, stand: Stand) {
        let lane = &mut self.lanes[stand.lane];
        // Numbers rise along a lane.
        if let Ok(at) = lane.binary_search_by_key(&stand.number, |caller| caller.number) {
            lane.remove(at);
            self.len -= 1;
        }
    }

    /// Takes the caller whose turn it is, of those that can be served.
    pub(super) fn next(
        &mut self,
        now: fn() -> Instant,
        mut can_serve: impl FnMut(&Caller) -> bool,
    ) -> Option<Caller> {
        if self.len == 0 {
            return None;
        }
        let firsts: [Option<usize>; LANES] =
            std::array::from_fn(|lane| self.lanes[lane].iter().position(&mut can_serve));
        let mut lanes = (0..LANES).filter(|lane| firsts[*lane].is_some());
        let only = lanes.next()?;
        let lane = match lanes.next() {
            None => only,
            Some(_) => {
                let heads: [Option<Instant>; LANES] =
                    std::array::from_fn(|lane| Some(self.lanes[lane].get(firsts[lane]?)?.since));
                choose(&heads, now(), PER_LEVEL)?
            }
        };
        let caller = self.lanes[lane].remove(firsts[lane]?)?;
        self.len -= 1;
        Some(caller)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Caller> {
        self.lanes.iter_mut().flatten()
    }

    /// Everybody, in no particular order.
    pub(super) fn clear(&mut self) -> Vec<Caller> {
        self.len = 0;
        self.lanes
            .iter_mut()
            .flat_map(|lane| lane.drain(..))
            .collect()
    }
}
