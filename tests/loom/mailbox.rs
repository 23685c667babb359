//! L1: senders that wait for room, and what a crash puts back.

use std::sync::Arc;
use std::task::Waker;

use callboard::mailbox::Overflow::Block;
use callboard::model::internals::Offer;

use crate::harness::Model;
use crate::mutants::queue::Slip;
use crate::post::{
    Grip, Met, Post, assert_books_closed, assert_each_once, assert_in_order, family, receive,
    receive_message, send_all, take_rest, with,
};

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l1_senders_wait_for_room",
        (1, Block),
        senders_wait,
        senders_wait,
        &[
            (Slip::OfferWakesNobody, "deadlock"),
            (Slip::ConsumerRegistersLate, "deadlock"),
            (Slip::TakenCostsNothing, "never more than its capacity"),
            (Slip::RoomIsNotPassedOn, "deadlock"),
            (Slip::MovedSenderSleepsOn, "deadlock"),
            (Slip::MovedMessageIsForgotten, "deadlock"),
        ],
    );
    models.extend(family(
        "l1_one_sender_gives_up",
        (1, Block),
        one_gives_up,
        one_gives_up,
        &[
            (Slip::CancelTakesTheFirst, "another message came back"),
            (Slip::CancelLeavesTheMessage, "was refused, and seen"),
        ],
    ));
    models.extend(family(
        "l1_a_crash_puts_back_in_order",
        (3, Block),
        crash,
        crash,
        &[
            (Slip::PutBackReversed, "is not the order"),
            (Slip::PutBackStaysHeld, "deadlock"),
        ],
    ));
    models
}

/// Two senders with two messages each, room for one.
fn senders_wait<P: Post>(post: P) {
    let post = Arc::new(post);
    let senders = [[10, 11], [20, 21]].map(|msgs| with(&post, move |post| send_all(post, &msgs)));
    let mut hand = post.hand();
    let seen: Vec<u32> = (0..4).map(|_| receive_message(&*post, &mut hand)).collect();
    let sent: Vec<_> = senders
        .into_iter()
        .flat_map(|s| s.join().expect("joins"))
        .collect();
    assert_each_once(&sent, &seen);
    assert!(
        sent.iter().all(|(_, outcome)| outcome.is_ok()),
        "nobody closed it"
    );
    assert_in_order(&seen, &[10, 11]);
    assert_in_order(&seen, &[20, 21]);
    post.book(&mut hand);
    let counts = assert_books_closed(&*post);
    assert_eq!(counts.handled, 4);
    assert_eq!(counts.high_water, 1, "never more than its capacity");
}

/// As above, with a third sender that is polled once and dropped.
fn one_gives_up<P: Post>(post: P) {
    let post = Arc::new(post);
    let patient =
        [vec![10, 11], vec![20]].map(|msgs| with(&post, move |post| send_all(post, &msgs)));
    let fickle = with(&post, |post| poll_once(post, 30));
    let mut hand = post.hand();
    let mut seen = Vec::new();
    while seen.iter().filter(|msg| **msg != 30).count() < 3 {
        seen.push(receive_message(&*post, &mut hand));
    }
    let mut sent: Vec<_> = patient
        .into_iter()
        .flat_map(|s| s.join().expect("joins"))
        .collect();
    sent.push(fickle.join().expect("joins"));
    seen.extend(take_rest(&*post, &mut hand));
    assert_each_once(&sent, &seen);
    assert_in_order(&seen, &[10, 11]);
    post.book(&mut hand);
    let counts = assert_books_closed(&*post);
    assert_eq!(counts.high_water, 1, "never more than its capacity");
}

/// A `tell` that is polled once and then dropped: `Err` if it was withdrawn.
pub(crate) fn poll_once<P: Post>(post: &P, msg: u32) -> (u32, Result<(), u32>) {
    match post.offer(msg, Some(Waker::noop())) {
        Offer::Accepted => (msg, Ok(())),
        Offer::Parked(ticket) => match post.cancel(ticket) {
            None => (msg, Ok(())),
            Some(back) => {
                assert_eq!(back, msg, "another message came back");
                (msg, Err(back))
            }
        },
        offer => panic!("{offer:?} from an open mailbox that blocks"),
    }
}

/// A consumer that fails with a message in hand and others taken; then one that
/// goes on; one copy of the failed message is kept.
fn crash<P: Post>(post: P) {
    let post = Arc::new(post);
    let sender = with(&post, |post| send_all(post, &[1, 2, 3, 4]));
    let mut hand = post.hand();
    let first = receive(&*post, &mut hand);
    assert_eq!(first, Met::Message(1));
    hand.keep(1);
    post.settle(&mut hand);

    let mut hand = post.hand();
    let mut seen = vec![receive_message(&*post, &mut hand)];
    let again = receive(&*post, &mut hand);
    assert_eq!(
        again,
        Met::Message(2),
        "{seen:?} is not the order in which they were sent"
    );
    post.settle(&mut hand);

    let mut hand = post.hand();
    seen.extend((0..2).map(|_| receive_message(&*post, &mut hand)));
    sender.join().expect("joins");
    assert_eq!(
        seen,
        [1, 3, 4],
        "{seen:?} is not the order in which they were sent"
    );
    post.book(&mut hand);
    let counts = assert_books_closed(&*post);
    assert_eq!((counts.handled, counts.failed), (3, 1));
    assert!(counts.high_water <= 3, "never more than its capacity");
}
