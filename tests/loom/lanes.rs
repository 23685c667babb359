//! L4: the system lane, which no overflow rule touches; kill and suspension.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use callboard::mailbox::Mailbox;
use callboard::mailbox::Overflow::{Block, DropOldest};
use callboard::model::internals::{Offer, Queue, Taken};
use loom::future::block_on;

use crate::harness::Model;
use crate::mutants::queue::Slip;
use crate::post::{
    Grip, Met, Post, assert_books_closed, assert_in_order, family, handled, receive,
    receive_message, send, take_rest, with,
};

const WORD: u32 = 99;

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l4_a_system_message_is_never_lost",
        (1, DropOldest),
        oldest_is_dropped,
        oldest_is_dropped,
        &[
            (Slip::SignalWakesNobody, "deadlock"),
            (Slip::SignalWakesFirst, "deadlock"),
            (Slip::OfferWakesNobody, "deadlock"),
            (Slip::DisplacesFromTheLane, "deadlock"),
            (Slip::DisplacedIsNotBooked, "the books"),
            (Slip::DisplacesNothing, "never more than its capacity"),
        ],
    );
    models.extend(family(
        "l4_kill_wakes_a_suspended_handler",
        (1, Block),
        killed,
        killed,
        &[
            (Slip::KillWakesFirst, "deadlock"),
            (Slip::SuspendRegistersNothing, "deadlock"),
        ],
    ));
    models.push(Model::dies_of(
        "l4_kill_wakes_a_suspended_handler/LooksBeforeItSuspends",
        "deadlock",
        || suspended_until_killed(Queue::new(&Mailbox::bounded(1)), false),
    ));
    models.extend(family(
        "l4_a_suspended_handler_gives_room",
        (2, Block),
        gives_room,
        gives_room,
        &[(Slip::SuspendKeepsRoom, "deadlock")],
    ));
    models
}

/// Two senders displace each other's messages, one of them signals.
fn oldest_is_dropped<P: Post>(post: P) {
    fn offer_all<P: Post>(post: &P, msgs: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let (mut displaced, mut dropped) = (Vec::new(), Vec::new());
        for &msg in msgs {
            match post.offer(msg, None) {
                Offer::Accepted => {}
                Offer::Displaced(old) => displaced.push(old),
                Offer::Dropped(new) => dropped.push(new),
                offer => panic!("{offer:?} where the oldest is dropped"),
            }
        }
        (displaced, dropped)
    }

    let post = Arc::new(post);
    let first = with(&post, |post| offer_all(post, &[10, 11]));
    let second = with(&post, |post| {
        let outcome = offer_all(post, &[20]);
        post.signal(WORD);
        outcome
    });
    let mut hand = post.hand();
    let mut seen = Vec::new();
    // Both sides: one message at least arrives, and the word.
    let mut has_word = false;
    while !has_word || seen.is_empty() {
        match receive(&*post, &mut hand) {
            Met::Message(msg) => {
                handled(&*post, &mut hand);
                seen.push(msg);
            }
            met => {
                assert_eq!(met, Met::Signal(WORD));
                assert!(!has_word, "the word came twice");
                has_word = true;
            }
        }
    }
    let (mut displaced, mut dropped) = first.join().expect("joins");
    let others = second.join().expect("joins");
    displaced.extend(others.0);
    dropped.extend(others.1);
    seen.extend(take_rest(&*post, &mut hand));
    assert_in_order(&seen, &[10, 11]);
    post.book(&mut hand);
    let counts = assert_books_closed(&*post);
    assert_eq!(counts.high_water, 1, "never more than its capacity");
    assert_eq!(counts.handled, seen.len() as u64);
    assert_eq!(counts.displaced, displaced.len() as u64);
    assert_eq!(counts.rejected, dropped.len() as u64);
    let mut all = [seen, displaced, dropped].concat();
    all.sort_unstable();
    assert_eq!(all, [10, 11, 20], "each message has one fate");
}

fn killed<P: Post>(post: P) {
    suspended_until_killed(post, true);
}

/// The handler waits for something that never comes; another sender waits for
/// room. `looks_after`: as the shell does it.
fn suspended_until_killed<P: Post>(post: P, looks_after: bool) {
    let post = Arc::new(post);
    assert_eq!(post.offer(1, None), Offer::Accepted);
    let killer = with(&post, Post::kill);
    let sender = with(&post, |post| send(post, 2));
    let mut hand = post.hand();
    assert_eq!(receive(&*post, &mut hand), Met::Message(1));
    block_on(poll_fn(|task| {
        if post.is_killed() {
            return Poll::Ready(());
        }
        post.suspend(&mut hand, task.waker());
        if looks_after && post.is_killed() {
            return Poll::Ready(());
        }
        Poll::Pending
    }));
    post.settle(&mut hand);

    let mut hand = post.hand();
    assert_eq!(
        receive_message(&*post, &mut hand),
        2,
        "the next life goes on"
    );
    assert_eq!(sender.join().expect("joins"), Ok(()));
    killer.join().expect("joins");
    post.book(&mut hand);
    let counts = assert_books_closed(&*post);
    assert_eq!((counts.handled, counts.failed), (1, 1));
}

/// The handler waits for a sender that waits for room which has been finished
/// and not yet booked.
fn gives_room<P: Post>(post: P) {
    let post = Arc::new(post);
    assert_eq!(post.offer(1, None), Offer::Accepted);
    assert_eq!(post.offer(2, None), Offer::Accepted);
    let mut hand = post.hand();
    assert_eq!(post.take(&mut hand, None), Taken::Items);
    let sender = with(&post, |post| {
        let sent = send(post, 3);
        post.signal(WORD);
        sent
    });
    assert_eq!(hand.draw(), Some(1));
    let _not_booked_yet = hand.finish();
    assert_eq!(hand.draw(), Some(2));
    block_on(poll_fn(|task| {
        post.suspend(&mut hand, task.waker());
        match post.next_signal() {
            Some(_) => Poll::Ready(()),
            None => Poll::Pending,
        }
    }));
    handled(&*post, &mut hand);
    assert_eq!(sender.join().expect("joins"), Ok(()));
    assert_eq!(receive_message(&*post, &mut hand), 3);
    post.book(&mut hand);
    let counts = assert_books_closed(&*post);
    assert_eq!(counts.high_water, 2, "never more than its capacity");
}
