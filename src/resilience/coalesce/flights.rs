//! Who makes a call, and who waits for what comes of it.
//!
//! ```text
//!  first ──▶ leads ──────────── lands ──▶ its answer, to all who wait
//!  second ─▶ waits ─┐              │
//!  third ──▶ waits ─┤   leader is gone: the next in line leads
//!                   └──────────────┘
//! ```
//!
//! One lock for all keys, held for a look at a hash map. An answer is cloned and
//! dropped without it.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

use crate::sync::Mutex;

struct Flight<T> {
    answer: Arc<OnceLock<T>>,
    is_led: bool,
    /// In the order in which they came.
    waiting: VecDeque<(u64, Waker)>,
}

struct Table<K, T> {
    flights: HashMap<K, Flight<T>>,
    next_ticket: u64,
}

/// Calls under way, by key.
pub(crate) struct Flights<K, T> {
    table: Mutex<Table<K, T>>,
}

/// What a caller is to do.
pub(crate) enum Role<T> {
    /// Make the call, and then [`land`](Flights::land) or
    /// [`leave`](Flights::leave).
    Lead,
    /// Wait for this answer.
    Follow(Follower<T>),
    /// Too many wait already.
    Refused,
}

/// A place in line.
pub(crate) struct Follower<T> {
    ticket: u64,
    answer: Arc<OnceLock<T>>,
}

/// What a follower found.
pub(crate) enum Found<T> {
    Answer(Arc<OnceLock<T>>),
    /// The leader is gone: this one leads now, and its place in line is free.
    Lead,
}

impl<K: Hash + Eq + Clone, T> Flights<K, T> {
    pub(crate) fn new() -> Self {
        Self {
            table: Mutex::new(Table {
                flights: HashMap::new(),
                next_ticket: 0,
            }),
        }
    }

    /// Joins the call of this key, behind at most so many, or begins it.
    pub(crate) fn join(&self, key: &K, most_waiting: usize, waker: &Waker) -> Role<T> {
        let waker = waker.clone();
        let mut table = self.table.lock();
        let table = &mut *table;
        let Some(flight) = table.flights.get_mut(key) else {
            let flight = Flight {
                answer: Arc::default(),
                is_led: true,
                waiting: VecDeque::new(),
            };
            table.flights.insert(key.clone(), flight);
            return Role::Lead;
        };
        if flight.waiting.len() >= most_waiting {
            return Role::Refused;
        }
        // A flight without a leader has somebody in line who was told.
        table.next_ticket += 1;
        let ticket = table.next_ticket;
        flight.waiting.push_back((ticket, waker));
        Role::Follow(Follower {
            ticket,
            answer: Arc::clone(&flight.answer),
        })
    }

    /// Looks for the answer of a follower.
    pub(crate) fn poll(&self, key: &K, follower: &Follower<T>, waker: &Waker) -> Poll<Found<T>> {
        let waker = waker.clone();
        let unused = {
            let mut table = self.table.lock();
            if follower.answer.get().is_some() {
                return Poll::Ready(Found::Answer(Arc::clone(&follower.answer)));
            }
            let flight = table.flights.get_mut(key);
            let flight = flight.expect("a flight with somebody in line is there");
            let at = flight
                .waiting
                .iter()
                .position(|(t, _)| *t == follower.ticket);
            let at = at.expect("who has no answer yet is in line");
            if flight.is_led {
                std::mem::replace(&mut flight.waiting[at].1, waker)
            } else {
                flight.is_led = true;
                let place = flight.waiting.remove(at);
                drop(table);
                drop(place);
                return Poll::Ready(Found::Lead);
            }
        };
        drop(unused);
        Poll::Pending
    }

    /// The leader has an answer: it goes to all who wait, and the next caller of
    /// this key begins anew.
    pub(crate) fn land(&self, key: &K, answer: T) {
        let flight = {
            let mut table = self.table.lock();
            let flight = table.flights.remove(key).expect("it is led from here");
            // Under the lock, so that followers see it with their next look.
            let _ = flight.answer.set(answer);
            flight
        };
        for (_, waker) in flight.waiting {
            waker.wake();
        }
    }

    /// The leader is gone without an answer: the first in line is to lead.
    pub(crate) fn leave(&self, key: &K) {
        let next = {
            let mut table = self.table.lock();
            let flight = table.flights.get_mut(key).expect("it is led from here");
            flight.is_led = false;
            let next = flight.waiting.front().map(|(_, waker)| waker.clone());
            if next.is_none() {
                table.flights.remove(key);
            }
            next
        };
        if let Some(next) = next {
            next.wake();
        }
    }

    /// A follower is gone. If it was to lead, the next one is.
    pub(crate) fn give_up(&self, key: &K, follower: &Follower<T>) {
        let mut table = self.table.lock();
        if follower.answer.get().is_some() {
            return;
        }
        let Some(flight) = table.flights.get_mut(key) else {
            return;
        };
        let at = flight
            .waiting
            .iter()
            .position(|(t, _)| *t == follower.ticket);
        let place = at.and_then(|at| flight.waiting.remove(at));
        let mut next = None;
        if !flight.is_led {
            next = flight.waiting.front().map(|(_, waker)| waker.clone());
            if next.is_none() {
                table.flights.remove(key);
            }
        }
        drop(table);
        drop(place);
        if let Some(next) = next {
            next.wake();
        }
    }
}
