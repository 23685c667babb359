//! L7: permits with a line in front of them. No more are out than there are, none
//! is lost with a waiter that goes away, and the line is served in order.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Poll, Waker};

use callboard::model::internals::{Entry, Semaphore};
use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::harness::Model;
use crate::mutants::semaphore::{Copy, Slip};

/// A semaphore, whichever it is.
pub(crate) trait Permits: Send + Sync + 'static {
    fn try_acquire(&self) -> bool;
    fn enter(&self, most: usize, waker: &Waker) -> Entry;
    fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Entry>;
    fn cancel(&self, ticket: u64);
    fn release(&self);
    fn resize(&self, limit: usize);
    fn places(&self) -> (usize, usize);
}

impl Permits for Semaphore {
    fn try_acquire(&self) -> bool {
        self.try_acquire()
    }

    fn enter(&self, most: usize, waker: &Waker) -> Entry {
        self.enter(most, waker)
    }

    fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Entry> {
        self.poll(ticket, waker)
    }

    fn cancel(&self, ticket: u64) {
        self.cancel(ticket);
    }

    fn release(&self) {
        self.release();
    }

    fn resize(&self, limit: usize) {
        self.resize(limit);
    }

    fn places(&self) -> (usize, usize) {
        self.places()
    }
}

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l7_a_waiter_that_goes_away_loses_no_permit",
        1,
        goes_away,
        goes_away,
        &[
            (Slip::CancelKeepsTheGrant, "deadlock"),
            (Slip::CancelStaysInLine, "deadlock"),
            (Slip::ReleaseServesNobody, "deadlock"),
            (Slip::GrantWakesNobody, "deadlock"),
            (Slip::EnterLooksAndThenWaits, "deadlock"),
            (Slip::PollLooksAndThenWaits, "deadlock"),
            (Slip::GrantIsNotCounted, "more are out than there are"),
        ],
    );
    models.extend(family(
        "l7_shrunk_and_grown_while_they_come_and_go",
        2,
        resized,
        resized,
        &[
            (Slip::ShrinkForgetsThoseOut, "more are out than there are"),
            (Slip::ShrinkIsNotHeeded, "more are out than there are"),
            (Slip::GrowServesNobody, "deadlock"),
        ],
    ));
    models.extend(family(
        "l7_the_line_is_served_in_order",
        1,
        in_order,
        in_order,
        &[
            (Slip::ReleaseLetsAnyoneIn, "overtook"),
            (Slip::LastGoesFirst, "overtook"),
        ],
    ));
    models
}

fn family(
    name: &str,
    limit: usize,
    over_semaphore: fn(Semaphore),
    over_copy: fn(Copy),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let mut models = vec![
        Model::holds(name, move || over_semaphore(Semaphore::new(limit))),
        Model::holds(format!("{name}/copy"), move || {
            over_copy(Copy::new(limit, Slip::None))
        }),
    ];
    for &(slip, cause) in slips {
        let body = move || over_copy(Copy::new(limit, slip));
        models.push(Model::dies_of(format!("{name}/{slip:?}"), cause, body));
    }
    models
}

/// Permits, with a count of those out that they know nothing of.
struct Stage<P> {
    permits: P,
    out: AtomicUsize,
}

impl<P: Permits> Stage<P> {
    fn new(permits: P) -> Arc<Self> {
        Arc::new(Self {
            permits,
            out: AtomicUsize::new(0),
        })
    }

    fn with<T: 'static>(self: &Arc<Self>, act: impl FnOnce(&Self) -> T + 'static) -> JoinHandle<T> {
        let stage = Arc::clone(self);
        thread::spawn(move || act(&stage))
    }

    /// Waits for a permit; at most so many may then be out.
    fn acquire(&self, most_out: usize) {
        let mut ticket = None;
        let entry = block_on(poll_fn(|task| match ticket {
            Some(ticket) => self.permits.poll(ticket, task.waker()),
            None => match self.permits.enter(9, task.waker()) {
                Entry::Waits(place) => {
                    ticket = Some(place);
                    Poll::Pending
                }
                entry => Poll::Ready(entry),
            },
        }));
        assert_eq!(entry, Entry::Held);
        let out = self.out.fetch_add(1, Relaxed) + 1;
        assert!(out <= most_out, "more are out than there are");
    }

    fn release(&self) {
        self.out.fetch_sub(1, Relaxed);
        self.permits.release();
    }

    fn assert_all_are_back(&self) {
        assert_eq!(self.permits.places(), (0, 0), "every permit is back");
    }
}

/// Two come and go, one enters the line and leaves it, granted or not.
fn goes_away<P: Permits>(permits: P) {
    let stage = Stage::new(permits);
    let threads = [(); 2].map(|()| {
        stage.with(|stage| {
            stage.acquire(1);
            // Something that others can come between.
            thread::yield_now();
            stage.release();
        })
    });
    match stage.permits.enter(9, Waker::noop()) {
        Entry::Held => stage.permits.release(),
        Entry::Waits(ticket) => stage.permits.cancel(ticket),
        Entry::Full => panic!("nine may wait"),
    }
    for thread in threads {
        thread.join().expect("joins");
    }
    stage.assert_all_are_back();
}

/// Of two permits one is taken away and then given back, while both are out and
/// two wait for them.
fn resized<P: Permits>(permits: P) {
    let stage = Stage::new(permits);
    stage.acquire(2);
    stage.acquire(2);
    let threads = [(); 2].map(|()| {
        stage.with(|stage| {
            stage.acquire(2);
            thread::yield_now();
            stage.release();
        })
    });
    stage.permits.resize(1);
    stage.release();
    // One of two is back, and there is one: nobody may have it.
    assert!(!stage.permits.try_acquire(), "more are out than there are");
    assert_eq!(stage.out.load(Relaxed), 1, "more are out than there are");
    stage.permits.resize(2);
    // Growing serves the line; nothing else would, for this one stays out
    // until one of them has been.
    for thread in threads {
        thread.join().expect("joins");
    }
    stage.release();
    stage.assert_all_are_back();
}

/// Two wait. A permit comes back while a newcomer tries.
fn in_order<P: Permits>(permits: P) {
    let stage = Stage::new(permits);
    assert!(stage.permits.try_acquire());
    let [first, second] = [(); 2].map(|()| match stage.permits.enter(9, Waker::noop()) {
        Entry::Waits(ticket) => ticket,
        entry => panic!("{entry:?}"),
    });
    let releaser = stage.with(|stage| stage.permits.release());
    let newcomer = stage.with(|stage| stage.permits.try_acquire());
    let is_second = stage.permits.poll(second, Waker::noop()).is_ready();
    assert!(!is_second, "the second overtook the first");
    releaser.join().expect("joins");
    assert!(!newcomer.join().expect("joins"), "a newcomer overtook");
    let served = stage.permits.poll(first, Waker::noop());
    assert_eq!(served, Poll::Ready(Entry::Held), "somebody overtook");
    stage.permits.release();
    let served = stage.permits.poll(second, Waker::noop());
    assert_eq!(served, Poll::Ready(Entry::Held), "somebody overtook");
    stage.permits.release();
    stage.assert_all_are_back();
}
