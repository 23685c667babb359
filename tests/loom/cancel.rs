//! L2: a waiting sender that goes away.

use std::sync::Arc;

use callboard::mailbox::Overflow::Block;
use callboard::model::internals::Offer;

use crate::harness::Model;
use crate::mailbox::poll_once;
use crate::mutants::queue::Slip;
use crate::post::{
    Post, assert_books_closed, assert_each_once, family, receive_message, send_all, take_rest, with,
};

pub(crate) fn models() -> Vec<Model> {
    let models = family(
        "l2_a_withdrawn_message_is_never_seen",
        (1, Block),
        withdrawn,
        withdrawn,
        &[
            (Slip::CancelTakesTheFirst, "another message came back"),
            (Slip::CancelLeavesTheMessage, "was refused, and seen"),
            (Slip::CancelTakesBackTheAccepted, "was accepted, and seen"),
            (Slip::RoomIsNotPassedOn, "deadlock"),
        ],
    );
    models.into_iter().map(Model::exhaustive).collect()
}

/// The mailbox is full. One sender is polled once and dropped, one waits.
fn withdrawn<P: Post>(post: P) {
    let post = Arc::new(post);
    assert_eq!(post.offer(1, None), Offer::Accepted);
    let fickle = with(&post, |post| poll_once(post, 2));
    let patient = with(&post, |post| send_all(post, &[3]));
    let mut hand = post.hand();
    let mut seen = Vec::new();
    while !seen.contains(&3) {
        seen.push(receive_message(&*post, &mut hand));
    }
    let mut sent = patient.join().expect("joins");
    sent.push(fickle.join().expect("joins"));
    sent.push((1, Ok(())));
    seen.extend(take_rest(&*post, &mut hand));
    assert_eq!(
        seen[0], 1,
        "nobody overtakes the message that was there first"
    );
    assert_each_once(&sent, &seen);
    post.book(&mut hand);
    assert_books_closed(&*post);
}
