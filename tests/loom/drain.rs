//! L17: draining. The end comes once, after the last message that was admitted.

use std::sync::Arc;

use callboard::mailbox::Overflow::Block;
use callboard::model::internals::{Offer, Taken};

use crate::harness::Model;
use crate::mutants::queue::Slip;
use crate::post::{
    Met, Post, assert_books_closed, assert_each_once, family, handled, receive, send_all, with,
};

pub(crate) fn models() -> Vec<Model> {
    let models = family(
        "l17_the_end_comes_after_the_last_admitted",
        (1, Block),
        drained,
        drained,
        &[
            (Slip::DrainWakesNoConsumer, "deadlock"),
            (Slip::DrainWakesNoSender, "deadlock"),
            (Slip::DrainedTooEarly, "was accepted, and seen"),
            (Slip::DoorIsCheckedEarly, "was accepted, and seen"),
            (Slip::ClosedDoorAccepts, "nobody is admitted"),
        ],
    );
    models.into_iter().map(Model::exhaustive).collect()
}

/// The mailbox is full and a sender comes along.
fn drained<P: Post>(post: P) {
    let post = Arc::new(post);
    assert_eq!(post.offer(1, None), Offer::Accepted);
    let sender = with(&post, |post| send_all(post, &[2]));
    let drainer = with(&post, Post::drain);
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
    let mut sent = sender.join().expect("joins");
    sent.push((1, Ok(())));
    drainer.join().expect("joins");
    assert_each_once(&sent, &seen);
    assert_eq!(
        post.take(&mut hand, None),
        Taken::Drained,
        "nothing comes after the end"
    );
    assert_eq!(
        post.offer(3, None),
        Offer::Closed(3),
        "nobody is admitted after the end"
    );
    assert_eq!(post.close(), [], "nothing was left to report");
    assert_books_closed(&*post);
}
