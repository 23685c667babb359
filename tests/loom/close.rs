//! L3: closing and stopping, while somebody sends and somebody receives.

use std::sync::Arc;

use callboard::mailbox::Overflow::Block;
use callboard::model::internals::{Offer, Taken};

use crate::harness::Model;
use crate::mutants::queue::Slip;
use crate::post::{
    Met, Post, assert_books_closed, assert_each_once, family, handled, receive, send_all, with,
};

const STOP: u32 = callboard::model::internals::PLAIN_WORD;

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l3_closing_loses_nothing",
        (1, Block),
        closed,
        closed,
        &[
            (Slip::CloseWakesNoSender, "deadlock"),
            (Slip::CloseWakesNoConsumer, "deadlock"),
            (Slip::CloseForgetsTheWaiting, "was accepted, and seen"),
            (Slip::CloseForgetsTheAccepted, "was accepted, and seen"),
            (Slip::ClosedDoorAccepts, "a closed door"),
            (Slip::DoorIsCheckedEarly, "the end is the end"),
        ],
    );
    models.extend(family(
        "l3_stopping_loses_nothing",
        (1, Block),
        stopped,
        stopped,
        &[
            (Slip::CloseWakesNoSender, "deadlock"),
            (Slip::SignalWakesNobody, "deadlock"),
            (Slip::SignalWakesFirst, "deadlock"),
        ],
    ));
    models
}

/// Closed from outside: the consumer sees the end once, and it stays the end.
fn closed<P: Post>(post: P) {
    let post = Arc::new(post);
    let sender = with(&post, |post| send_all(post, &[1, 2]));
    let closer = with(&post, Post::close);
    let mut hand = post.hand();
    let mut seen = Vec::new();
    loop {
        match receive(&*post, &mut hand) {
            Met::Message(msg) => {
                handled(&*post, &mut hand);
                seen.push(msg);
            }
            met => {
                assert_eq!(met, Met::Drained);
                break;
            }
        }
    }
    let sent = sender.join().expect("joins");
    let undelivered = closer.join().expect("joins");
    assert_eq!(post.offer(3, None), Offer::Closed(3), "a closed door");
    assert_eq!(
        post.take(&mut hand, None),
        Taken::Drained,
        "the end is the end"
    );
    let reported = undelivered.len() as u64;
    seen.extend(undelivered);
    assert_each_once(&sent, &seen);
    let counts = assert_books_closed(&*post);
    assert_eq!(
        counts.undelivered, reported,
        "what is reported is what is booked"
    );
}

/// Stopped by a word: the consumer ends, puts back, closes.
fn stopped<P: Post>(post: P) {
    let post = Arc::new(post);
    let sender = with(&post, |post| send_all(post, &[1, 2, 3]));
    let stopper = with(&post, |post| post.signal(STOP));
    let mut hand = post.hand();
    let mut seen = Vec::new();
    while let Met::Message(msg) = receive(&*post, &mut hand) {
        handled(&*post, &mut hand);
        seen.push(msg);
    }
    post.settle(&mut hand);
    seen.extend(post.close());
    let sent = sender.join().expect("joins");
    stopper.join().expect("joins");
    assert_each_once(&sent, &seen);
    assert_books_closed(&*post);
}
