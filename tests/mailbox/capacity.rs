use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Barrier};
use std::thread;

use callboard::actor::InvalidSpec;
use callboard::mailbox::InvalidMailbox;
use callboard::prelude::*;

use crate::common::{Msg, Script, Trace, deed, hold, idle, poll_once, probe, soon, system};

#[test]
fn mb_01_the_eleventh_of_ten_is_handed_back() {
    // A spec that is not started is a parked receiver.
    let spec = probe("a").mailbox(10);
    let actor = spec.actor_ref();
    for n in 0..10 {
        actor.try_tell(Msg::Note(n)).expect("there is room");
    }
    match actor.try_tell(Msg::Note(10)) {
        Err(TryTellError::Full(Msg::Note(10))) => {}
        other => panic!("the same message comes back as full: {other:?}"),
    }
    let counts = actor.counts();
    assert_eq!((counts.queued, counts.rejected), (10, 1));
    assert!(counts.is_conserved());
}

#[tokio::test(start_paused = true)]
async fn mb_01_a_message_in_hand_takes_room_too() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(2)).await.unwrap();
    let release = hold(&actor).await;
    actor.try_tell(Msg::Note(1)).expect("one of two is in hand");
    assert!(actor.try_tell(Msg::Note(2)).unwrap_err().is_full());
    drop(release);
    idle().await;
    actor.try_tell(Msg::Note(3)).expect("all room is back");
    actor.try_tell(Msg::Note(4)).expect("all room is back");
}

#[test]
fn mb_02_of_eight_rivals_for_one_place_one_wins() {
    for _ in 0..200 {
        let spec = probe("a").mailbox(1);
        let actor = spec.actor_ref();
        let start = Arc::new(Barrier::new(9));
        let done = Arc::new(AtomicBool::new(false));
        let watcher = {
            let (actor, start, done) = (actor.clone(), Arc::clone(&start), Arc::clone(&done));
            thread::spawn(move || {
                start.wait();
                while !done.load(SeqCst) {
                    let counts = actor.counts();
                    assert!(counts.queued + counts.in_hand <= 1, "{counts}");
                    assert!(counts.is_conserved(), "{counts}");
                }
            })
        };
        let rivals: Vec<_> = (0..8)
            .map(|n| {
                let (actor, start) = (actor.clone(), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    actor.try_tell(Msg::Note(n)).is_ok()
                })
            })
            .collect();
        let won = rivals.into_iter().map(|r| r.join().unwrap());
        assert_eq!(won.filter(|won| *won).count(), 1);
        done.store(true, SeqCst);
        watcher.join().unwrap();
        assert_eq!(actor.counts().high_water, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn mb_03_a_mailbox_without_capacity_is_refused() {
    assert_eq!(
        Mailbox::bounded(0).validate(),
        Err(InvalidMailbox::NoCapacity)
    );
    let system = system();
    match system.spawn(probe("a").mailbox(0)).await {
        Err(StartError::Invalid(InvalidSpec::Mailbox(InvalidMailbox::NoCapacity))) => {}
        other => panic!("refused at start: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn mb_04_a_sender_waits_for_room_and_order_is_kept() {
    let system = system();
    let spec = probe("a").mailbox(1);
    let actor = spec.actor_ref();
    actor.try_tell(Msg::Note(1)).unwrap();
    let mut second = actor.tell(Msg::Note(2));
    assert!(poll_once(&mut second).await.is_pending());
    let mut third = actor.tell(Msg::Note(3));
    assert!(poll_once(&mut third).await.is_pending());
    assert_eq!(
        actor.counts().queued,
        1,
        "waiting messages are not accepted"
    );

    system.spawn(spec).await.unwrap();
    soon(second).await.unwrap();
    soon(third).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a2_dropping_a_waiting_send_loses_nothing_else_and_leaks_no_place() {
    let system = system();
    let spec = probe("a").mailbox(1);
    let actor = spec.actor_ref();
    actor.try_tell(Msg::Note(1)).unwrap();
    let mut senders: Vec<_> = (2..=6).map(|n| actor.tell(Msg::Note(n))).collect();
    for sender in &mut senders {
        assert!(poll_once(sender).await.is_pending());
    }
    // First, middle and last of the line give up.
    drop(senders.remove(4));
    drop(senders.remove(2));
    drop(senders.remove(0));

    system.spawn(spec).await.unwrap();
    for sender in senders {
        soon(sender).await.unwrap();
    }
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 3, 5]);
    idle().await;
    actor
        .try_tell(Msg::Note(7))
        .expect("the place is free again");
    let counts = actor.counts();
    assert_eq!(counts.accepted, 5, "three notes, an ask, and the last note");
}

#[tokio::test(start_paused = true)]
async fn a2_a_send_that_was_given_room_stays_sent_when_it_is_dropped() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let mut sender = actor.tell(Msg::Note(1));
    assert!(poll_once(&mut sender).await.is_pending());
    drop(release);
    idle().await;
    drop(sender);
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a2_when_the_last_waiting_sender_gives_up_the_way_is_free_again() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let mut only = actor.tell(Msg::Note(1));
    assert!(poll_once(&mut only).await.is_pending());
    drop(only);
    drop(release);
    idle().await;
    actor
        .try_tell(Msg::Note(2))
        .expect("there is room, and no line");
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a2_a_dropped_sender_passes_its_place_on() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let mut first = actor.tell(Msg::Note(1));
    let mut second = actor.tell(Msg::Note(2));
    assert!(poll_once(&mut first).await.is_pending());
    assert!(poll_once(&mut second).await.is_pending());
    drop(first);
    drop(release);
    soon(second).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a2_room_is_given_back_before_a_handler_suspends() {
    // 64 fit; the first one handled frees a place, but 32 of them would be
    // booked at once. The second handler waits for the sender of the 65th.
    let system = system();
    let spec = probe("a").mailbox(64);
    let actor = spec.actor_ref();
    let (sent, is_sent) = tokio::sync::oneshot::channel::<()>();
    actor.try_tell(Msg::Note(0)).unwrap();
    let waits = deed(|me, _| {
        Box::pin(async {
            is_sent.await?;
            me.seen.push(1);
            Ok(())
        })
    });
    actor.try_tell(waits).unwrap();
    for n in 2..64 {
        actor.try_tell(Msg::Note(n)).unwrap();
    }
    let sender = tokio::spawn({
        let actor = actor.clone();
        async move {
            actor.tell(Msg::Note(64)).await.unwrap();
            sent.send(()).unwrap();
        }
    });
    idle().await;
    assert_eq!(actor.counts().queued, 64);
    system.spawn(spec).await.unwrap();
    soon(sender).await.unwrap();
    let seen = actor.ask(Msg::Seen).await.unwrap();
    assert_eq!(seen, (0..=64).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn mb_20_a_full_mailbox_does_not_hold_up_the_start() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("a", &trace)
        .starts([crate::common::Step::After(secs(1))])
        .spec()
        .mailbox(1);
    let actor = spec.actor_ref();
    let mut spawning = pin!(system.spawn(spec));
    assert!(poll_once(&mut spawning).await.is_pending());
    actor.try_tell(Msg::Note(1)).unwrap();
    assert!(actor.try_tell(Msg::Note(2)).unwrap_err().is_full());
    let mut waiting = actor.tell(Msg::Note(3));
    assert!(poll_once(&mut waiting).await.is_pending());

    soon(spawning).await.unwrap();
    soon(waiting).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 3]);
}

#[test]
fn a2_an_unbounded_wish_is_bounded_too() {
    let too_large = usize::MAX;
    assert_eq!(
        Mailbox::bounded(too_large).validate(),
        Err(InvalidMailbox::TooLarge(too_large))
    );
}
