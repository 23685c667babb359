use callboard::actor::{ConsumerGone, DeadReason, parts};
use callboard::prelude::*;

use crate::common::{Msg, hold, idle, poll_once, probe, soon, system};

#[tokio::test(start_paused = true)]
async fn mb_14_a_stop_dead_letters_what_is_queued() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let release = hold(&actor).await;
    for n in 0..5 {
        actor.tell(Msg::Note(n)).await.unwrap();
    }
    actor.stop();
    drop(release);
    soon(actor.closed()).await;
    let counts = actor.counts();
    assert_eq!(
        (counts.accepted, counts.handled, counts.undelivered),
        (6, 1, 5)
    );
    assert!(counts.is_conserved());
    let letters = system.dead_letters().kept;
    assert!(letters.iter().all(|l| l.reason == DeadReason::Undelivered));
    let numbers: Vec<_> = letters.iter().filter_map(|l| l.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn mb_14_a_drain_handles_what_is_queued_and_refuses_newcomers() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let release = hold(&actor).await;
    for n in 0..5 {
        actor.tell(Msg::Note(n)).await.unwrap();
    }
    actor.drain();
    assert!(actor.is_closed());
    match actor.try_tell(Msg::Note(9)) {
        Err(TryTellError::Closed(Msg::Note(9))) => {}
        other => panic!("handed back as closed: {other:?}"),
    }
    drop(release);
    soon(actor.closed()).await;
    let counts = actor.counts();
    assert_eq!(
        (counts.accepted, counts.handled, counts.undelivered),
        (6, 6, 0)
    );
    assert_eq!(system.dead_letters().total, 0);
}

#[tokio::test(start_paused = true)]
async fn mb_28_waiting_senders_get_their_messages_back_when_the_actor_ends() {
    for how in ["stop", "kill", "drain"] {
        let system = system();
        let spec = probe("a").mailbox(1).restart(Restart::Temporary);
        let actor = system.spawn(spec).await.unwrap();
        let release = hold(&actor).await;
        let mut waiting: Vec<_> = (0..3).map(|n| actor.tell(Msg::Note(n))).collect();
        for sender in &mut waiting {
            assert!(poll_once(sender).await.is_pending());
        }
        let mut ask = actor.ask(Msg::Seen);
        assert!(poll_once(&mut ask).await.is_pending());
        match how {
            "stop" => actor.stop(),
            "kill" => actor.kill(),
            _ => actor.drain(),
        }
        drop(release);
        soon(actor.closed()).await;

        // The place of the message in hand is free when the actor stops, and
        // the first in line gets it: it is accepted, and then undelivered. A
        // drain accepts nothing new.
        let accepted = u64::from(how != "drain");
        let mut outcomes = Vec::new();
        for sender in waiting {
            outcomes.push(match soon(sender).await {
                Err(TellError::Closed(Msg::Note(n))) => Some(n),
                Ok(()) => None,
                other => panic!("{how}: handed back as closed: {other:?}"),
            });
        }
        let first = (how == "drain").then_some(0);
        assert_eq!(outcomes, [first, Some(1), Some(2)], "{how}");
        match soon(ask).await {
            Err(AskError::Closed(Msg::Seen(_))) => {}
            other => panic!("{how}: handed back as closed: {other:?}"),
        }
        let counts = actor.counts();
        assert!(counts.is_conserved());
        assert_eq!(
            (counts.accepted, counts.undelivered),
            (1 + accepted, accepted)
        );
        assert_eq!(
            system.dead_letters().total,
            accepted + u64::from(how == "kill")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn mb_28_a_stream_drains_after_its_last_producer_and_then_ends() {
    let (tx, mut rx) = parts(4);
    tx.send(1).await.unwrap();
    tx.send(2).await.unwrap();
    drop(tx);
    assert_eq!(rx.next().await, Some(1));
    assert_eq!(rx.next().await, Some(2));
    assert_eq!(rx.next().await, None);
    assert_eq!(rx.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn mb_28_a_waiting_part_comes_back_when_the_consumer_goes() {
    let (tx, rx) = parts(1);
    tx.send(1).await.unwrap();
    let waiting = tokio::spawn(async move { tx.send(2).await });
    idle().await;
    drop(rx);
    assert_eq!(soon(waiting).await.unwrap(), Err(ConsumerGone(2)));
}

#[tokio::test(start_paused = true)]
async fn mb_28_what_is_told_to_an_ended_actor_comes_back() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    actor.stop();
    soon(actor.closed()).await;
    match actor.tell(Msg::Note(1)).await {
        Err(TellError::Closed(Msg::Note(1))) => {}
        other => panic!("handed back as closed: {other:?}"),
    }
    match actor.ask(Msg::Seen).await {
        Err(AskError::Closed(Msg::Seen(_))) => {}
        other => panic!("handed back as closed: {other:?}"),
    }
}
