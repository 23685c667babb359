//! The mailbox as the models use it, so that one model serves the queue that
//! ships and the copies that are wrong.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use callboard::mailbox::{Counts, Mailbox, Overflow};
use callboard::model::internals::{Hand, Offer, Parked, Queue, Taken};
use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::harness::Model;
use crate::mutants::queue::{Copy, Slip};

/// A mailbox for numbers, with numbers in its system lane.
pub(crate) trait Post: Send + Sync + 'static {
    type Hand: Grip;

    fn hand(&self) -> Self::Hand;
    fn offer(&self, msg: u32, waker: Option<&Waker>) -> Offer;
    fn poll_parked(&self, ticket: u64, waker: &Waker) -> Parked;
    fn cancel(&self, ticket: u64) -> Option<u32>;
    fn signal(&self, word: u32);
    fn kill(&self);
    fn is_flagged(&self) -> bool;
    fn is_killed(&self) -> bool;
    fn next_signal(&self) -> Option<u32>;
    fn take(&self, hand: &mut Self::Hand, waker: Option<&Waker>) -> Taken;
    fn book(&self, hand: &mut Self::Hand);
    fn suspend(&self, hand: &mut Self::Hand, waker: &Waker);
    fn settle(&self, hand: &mut Self::Hand);
    fn drain(&self);
    fn close(&self) -> Vec<u32>;
    fn counts(&self) -> Counts;
}

/// What the consumer has taken.
pub(crate) trait Grip {
    fn draw(&mut self) -> Option<u32>;
    fn keep(&mut self, msg: u32);
    /// The message in hand is handled; whether it is time to book.
    fn finish(&mut self) -> bool;
}

impl Grip for Hand {
    fn draw(&mut self) -> Option<u32> {
        self.draw()
    }

    fn keep(&mut self, msg: u32) {
        self.keep(msg);
    }

    fn finish(&mut self) -> bool {
        self.finish()
    }
}

impl Post for Queue {
    type Hand = Hand;

    fn hand(&self) -> Hand {
        self.hand()
    }

    fn offer(&self, msg: u32, waker: Option<&Waker>) -> Offer {
        self.offer(msg, waker)
    }

    fn poll_parked(&self, ticket: u64, waker: &Waker) -> Parked {
        self.poll_parked(ticket, waker)
    }

    fn cancel(&self, ticket: u64) -> Option<u32> {
        self.cancel(ticket)
    }

    fn signal(&self, word: u32) {
        self.signal(word);
    }

    fn kill(&self) {
        self.kill();
    }

    fn is_flagged(&self) -> bool {
        self.is_flagged()
    }

    fn is_killed(&self) -> bool {
        self.is_killed()
    }

    fn next_signal(&self) -> Option<u32> {
        self.next_signal()
    }

    fn take(&self, hand: &mut Hand, waker: Option<&Waker>) -> Taken {
        self.take(hand, waker)
    }

    fn book(&self, hand: &mut Hand) {
        self.book(hand);
    }

    fn suspend(&self, hand: &mut Hand, waker: &Waker) {
        self.suspend(hand, waker);
    }

    fn settle(&self, hand: &mut Hand) {
        self.settle(hand);
    }

    fn drain(&self) {
        self.drain();
    }

    fn close(&self) -> Vec<u32> {
        self.close()
    }

    fn counts(&self) -> Counts {
        self.counts()
    }
}

/// A model over the queue that ships, over its faithful copy, and over the
/// copies with a slip, each with what it must die of.
pub(crate) fn family(
    name: &str,
    (capacity, overflow): (u32, Overflow),
    over_queue: fn(Queue),
    over_copy: fn(Copy),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let settings = Mailbox::bounded(capacity as usize).overflow(overflow);
    let mut models = vec![Model::holds(name, move || {
        over_queue(Queue::new(&settings))
    })];
    let copy = |slip| move || over_copy(Copy::new(capacity, overflow, slip));
    models.push(Model::holds(format!("{name}/copy"), copy(Slip::None)));
    for &(slip, cause) in slips {
        models.push(Model::dies_of(
            format!("{name}/{slip:?}"),
            cause,
            copy(slip),
        ));
    }
    models
}

/// Starts a thread that shares the mailbox.
pub(crate) fn with<P: Post, T: 'static>(
    post: &Arc<P>,
    act: impl FnOnce(&P) -> T + 'static,
) -> JoinHandle<T> {
    let post = Arc::clone(post);
    thread::spawn(move || act(&post))
}

/// A `tell`: waits for room. Refused messages come back.
pub(crate) fn send<P: Post>(post: &P, msg: u32) -> Result<(), u32> {
    let mut ticket = None;
    block_on(poll_fn(move |task| {
        let Some(ticket) = ticket else {
            return match post.offer(msg, Some(task.waker())) {
                Offer::Accepted | Offer::Displaced(_) | Offer::Dropped(_) => Poll::Ready(Ok(())),
                Offer::Full(msg) | Offer::Closed(msg) => Poll::Ready(Err(msg)),
                Offer::Parked(number) => {
                    ticket = Some(number);
                    Poll::Pending
                }
            };
        };
        match post.poll_parked(ticket, task.waker()) {
            Parked::Accepted => Poll::Ready(Ok(())),
            Parked::Closed(msg) => Poll::Ready(Err(msg)),
            Parked::Waiting => Poll::Pending,
        }
    }))
}

/// What a consumer meets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Message(u32),
    Signal(u32),
    Drained,
}

/// Waits for what comes next, as the shell does: the flag, the batch, the queue.
/// A message is in hand until [`handled`].
pub(crate) fn receive<P: Post>(post: &P, hand: &mut P::Hand) -> Met {
    block_on(poll_fn(|task| {
        loop {
            if post.is_flagged()
                && let Some(word) = post.next_signal()
            {
                return Poll::Ready(Met::Signal(word));
            }
            if let Some(msg) = hand.draw() {
                return Poll::Ready(Met::Message(msg));
            }
            match post.take(hand, Some(task.waker())) {
                Taken::Items => {}
                Taken::Signal(word) => return Poll::Ready(Met::Signal(word)),
                Taken::Drained => return Poll::Ready(Met::Drained),
                Taken::Empty => return Poll::Pending,
            }
        }
    }))
}

/// The message in hand is handled.
pub(crate) fn handled<P: Post>(post: &P, hand: &mut P::Hand) {
    if hand.finish() {
        post.book(hand);
    }
}

/// Receives and handles one message; nothing else may come.
pub(crate) fn receive_message<P: Post>(post: &P, hand: &mut P::Hand) -> u32 {
    match receive(post, hand) {
        Met::Message(msg) => {
            handled(post, hand);
            msg
        }
        met => panic!("{met:?} instead of a message"),
    }
}

/// Takes and handles what there is, without waiting.
pub(crate) fn take_rest<P: Post>(post: &P, hand: &mut P::Hand) -> Vec<u32> {
    let mut rest = Vec::new();
    loop {
        while let Some(msg) = hand.draw() {
            rest.push(msg);
            handled(post, hand);
        }
        if post.take(hand, None) != Taken::Items {
            return rest;
        }
    }
}

/// Every message that was sent is among those that were `seen`, once; every one
/// that was refused came back and is not.
pub(crate) fn assert_each_once(outcomes: &[(u32, Result<(), u32>)], seen: &[u32]) {
    let mut accepted = 0;
    for (msg, outcome) in outcomes {
        let times = seen.iter().filter(|one| *one == msg).count();
        match outcome {
            Ok(()) => assert_eq!(times, 1, "{msg} was accepted, and seen so often"),
            Err(back) => {
                assert_eq!(back, msg, "another message came back");
                assert_eq!(times, 0, "{msg} was refused, and seen so often");
            }
        }
        accepted += times;
    }
    assert_eq!(
        accepted,
        seen.len(),
        "somebody else's message among {seen:?}"
    );
}

/// Messages of one sender, which rise, were seen in their order.
pub(crate) fn assert_in_order(seen: &[u32], of: &[u32]) {
    let theirs: Vec<u32> = seen
        .iter()
        .copied()
        .filter(|msg| of.contains(msg))
        .collect();
    assert!(
        theirs.is_sorted(),
        "{theirs:?} is not the order in which they were sent"
    );
}

/// Sends the messages one after the other.
pub(crate) fn send_all<P: Post>(post: &P, msgs: &[u32]) -> Vec<(u32, Result<(), u32>)> {
    msgs.iter().map(|&msg| (msg, send(post, msg))).collect()
}

/// The books balance, with nothing left in the mailbox.
pub(crate) fn assert_books_closed<P: Post>(post: &P) -> Counts {
    let counts = post.counts();
    assert!(counts.is_conserved(), "the books: {counts}");
    assert_eq!(
        counts.queued + counts.in_hand,
        0,
        "something is left: {counts}"
    );
    counts
}
