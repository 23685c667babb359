//! A copy of the calls that several share, with slips.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::OnceLock;
use std::task::{Poll, Waker};

use callboard::model::layers::Found;
use loom::sync::Mutex;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// The leader goes without a word.
    LeaveWakesNobody,
    /// The answer reaches the first in line only.
    LandWakesTheFirstOnly,
    /// The call stays listed when it is over.
    LandKeepsTheFlight,
    /// Whoever takes the lead does not say so.
    NobodyMarksTheLead,
    /// Nobody looks whether there is a call.
    EachJoinLeads,
    /// Whoever was to lead goes without a word.
    GiveUpPassesNothingOn,
}

struct Flight {
    answer: Arc<OnceLock<u32>>,
    is_led: bool,
    waiting: VecDeque<(u64, Waker)>,
}

#[derive(Default)]
struct Table {
    flight: Option<Flight>,
    next_ticket: u64,
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy {
    slip: Slip,
    table: Mutex<Table>,
}

pub(crate) struct CopiedPlace {
    ticket: u64,
    answer: Arc<OnceLock<u32>>,
}

impl Copy {
    pub(crate) fn new(slip: Slip) -> Self {
        Self {
            slip,
            table: Mutex::new(Table::default()),
        }
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn table(&self) -> loom::sync::MutexGuard<'_, Table> {
        self.table.lock().expect("a panic ends the process")
    }

    pub(crate) fn join(&self, waker: &Waker) -> Option<CopiedPlace> {
        let mut table = self.table();
        let table = &mut *table;
        let Some(flight) = &mut table.flight else {
            table.flight = Some(Flight {
                answer: Arc::default(),
                is_led: true,
                waiting: VecDeque::new(),
            });
            return None;
        };
        if self.is(Slip::EachJoinLeads) {
            return None;
        }
        table.next_ticket += 1;
        let ticket = table.next_ticket;
        flight.waiting.push_back((ticket, waker.clone()));
        Some(CopiedPlace {
            ticket,
            answer: Arc::clone(&flight.answer),
        })
    }

    pub(crate) fn poll(&self, place: &CopiedPlace, waker: &Waker) -> Poll<Found> {
        let mut table = self.table();
        if let Some(answer) = place.answer.get() {
            return Poll::Ready(Found::Answer(*answer));
        }
        let flight = table.flight.as_mut().expect("it is there");
        let at = flight.waiting.iter().position(|(t, _)| *t == place.ticket);
        let at = at.expect("it is in line");
        if flight.is_led {
            flight.waiting[at].1 = waker.clone();
            return Poll::Pending;
        }
        flight.is_led = !self.is(Slip::NobodyMarksTheLead);
        flight.waiting.remove(at);
        Poll::Ready(Found::Lead)
    }

    pub(crate) fn land(&self, answer: u32) {
        let mut wakers = Vec::new();
        {
            let mut table = self.table();
            let Some(flight) = &mut table.flight else {
                return;
            };
            let _ = flight.answer.set(answer);
            wakers.extend(flight.waiting.drain(..).map(|(_, waker)| waker));
            if !self.is(Slip::LandKeepsTheFlight) {
                table.flight = None;
            }
        }
        if self.is(Slip::LandWakesTheFirstOnly) {
            wakers.truncate(1);
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn leave(&self) {
        let next = {
            let mut table = self.table();
            let Some(flight) = &mut table.flight else {
                return;
            };
            flight.is_led = false;
            let next = flight.waiting.front().map(|(_, waker)| waker.clone());
            if next.is_none() {
                table.flight = None;
            }
            next
        };
        if let Some(next) = next
            && !self.is(Slip::LeaveWakesNobody)
        {
            next.wake();
        }
    }

    pub(crate) fn give_up(&self, place: &CopiedPlace) {
        let mut next = None;
        {
            let mut table = self.table();
            if place.answer.get().is_some() {
                return;
            }
            let Some(flight) = &mut table.flight else {
                return;
            };
            let at = flight.waiting.iter().position(|(t, _)| *t == place.ticket);
            at.and_then(|at| flight.waiting.remove(at));
            if !flight.is_led && !self.is(Slip::GiveUpPassesNothingOn) {
                next = flight.waiting.front().map(|(_, waker)| waker.clone());
                if next.is_none() {
                    table.flight = None;
                }
            }
        }
        if let Some(next) = next {
            next.wake();
        }
    }
}
