use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::DeadReason;
use callboard::prelude::*;

use crate::common::{Msg, Trace, hold, idle, poll_once, probe, quiet, soon, system};

#[tokio::test(start_paused = true)]
async fn a5_a_restarted_actor_goes_on_with_its_queue_in_order() {
    for how in ["panic", "fail", "kill"] {
        let system = system();
        let actor = system.spawn(probe("a").mailbox(8)).await.unwrap();
        let release = hold(&actor).await;
        if how != "kill" {
            let crash = if how == "panic" {
                Msg::panic()
            } else {
                Msg::fail()
            };
            actor.tell(crash).await.unwrap();
        }
        for n in 0..5 {
            actor.tell(Msg::Note(n)).await.unwrap();
        }
        if how == "kill" {
            actor.kill();
        }
        drop(release);
        // The same reference, asked behind the queue.
        let seen = actor.ask(Msg::Seen).await.unwrap();
        assert_eq!(seen, [0, 1, 2, 3, 4], "{how}");
        assert_eq!((actor.incarnation(), actor.restarts()), (1, 1), "{how}");

        let letters = system.dead_letters().kept;
        assert_eq!(letters.len(), 1, "{how}: only the one in hand is lost");
        let seq = if how == "kill" { 0 } else { 1 };
        assert_eq!(letters[0].seq, Some(seq), "{how}");
        assert!(
            matches!(&letters[0].reason, DeadReason::Crashed(_)),
            "{how}"
        );
        let counts = actor.counts();
        assert_eq!(counts.failed, 1, "{how}");
        assert!(counts.is_conserved(), "{how}: {counts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a5_messages_taken_in_one_batch_survive_the_crash_of_one_of_them() {
    // All are queued before the start, so that one lock takes them all.
    let system = system();
    let spec = probe("a").mailbox(64);
    let actor = spec.actor_ref();
    for n in 0..40 {
        actor.try_tell(Msg::Note(n)).unwrap();
    }
    actor.try_tell(Msg::panic()).unwrap();
    for n in 40..60 {
        actor.try_tell(Msg::Note(n)).unwrap();
    }
    system.spawn(spec).await.unwrap();
    let seen = actor.ask(Msg::Seen).await.unwrap();
    assert_eq!(seen, (40..60).collect::<Vec<_>>());
    idle().await;
    let counts = actor.counts();
    assert_eq!((counts.handled, counts.failed, counts.queued), (61, 1, 0));
    assert_eq!(system.dead_letters().kept[0].seq, Some(40));
}

#[tokio::test(start_paused = true)]
async fn a5_senders_that_wait_survive_the_crash() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(2)).await.unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::panic()).await.unwrap();
    let mut waiting: Vec<_> = (0..3).map(|n| actor.tell(Msg::Note(n))).collect();
    for sender in &mut waiting {
        assert!(poll_once(sender).await.is_pending());
    }
    drop(release);
    for sender in waiting {
        soon(sender).await.unwrap();
    }
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0, 1, 2]);
}

#[derive(Clone)]
enum Cmd {
    /// Panics this often, then notes.
    Frail(u64, Arc<AtomicU32>),
    Asked(Reply<u64>, Arc<AtomicU32>),
    Waits,
}

struct Frail(Trace);

fn stumble(left: &AtomicU32) {
    if left.load(SeqCst) > 0 {
        left.fetch_sub(1, SeqCst);
        panic!("scripted stumble");
    }
}

impl Actor for Frail {
    type Msg = Cmd;

    async fn handle(&mut self, msg: Cmd, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Cmd::Frail(n, left) => {
                self.0.note(format!("try {n}"));
                stumble(&left);
                self.0.note(format!("done {n}"));
            }
            Cmd::Asked(reply_to, left) => {
                stumble(&left);
                reply_to.send(7);
            }
            Cmd::Waits => {
                self.0.note("waits");
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }
}

fn frail(trace: &Trace) -> ChildSpec<Frail> {
    quiet();
    let trace = trace.clone();
    ChildSpec::new("frail", move || Frail(trace.clone()))
}

fn times(n: u32) -> Arc<AtomicU32> {
    Arc::new(AtomicU32::new(n))
}

fn mailboxes() -> [Mailbox; 3] {
    [
        Mailbox::bounded(8),
        Mailbox::bounded(8).overflow(Overflow::DropOldest),
        Mailbox::bounded(8).prioritised(),
    ]
}

#[tokio::test(start_paused = true)]
async fn a5_a_message_that_crashes_is_tried_again_before_its_followers() {
    for mailbox in mailboxes() {
        let system = system();
        let trace = Trace::default();
        let spec = frail(&trace)
            .mailbox(mailbox)
            .on_crash(Redeliver { at_most: 2 });
        let actor = spec.actor_ref();
        actor.try_tell(Cmd::Frail(1, times(2))).unwrap();
        actor.try_tell(Cmd::Frail(2, times(0))).unwrap();
        system.spawn(spec).await.unwrap();
        idle().await;
        assert_eq!(
            trace.take(),
            ["try 1", "try 1", "try 1", "done 1", "try 2", "done 2"]
        );
        let counts = actor.counts();
        assert_eq!((counts.handled, counts.failed), (2, 0), "{counts}");
        assert_eq!(counts.accepted, 2);
        assert_eq!(system.dead_letters().total, 0);
        assert_eq!(actor.restarts(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a5_a_message_that_crashes_on_every_try_is_poison() {
    for mailbox in mailboxes() {
        let system = system();
        let trace = Trace::default();
        let spec = frail(&trace)
            .mailbox(mailbox)
            .on_crash(Redeliver { at_most: 2 });
        let actor = spec.actor_ref();
        actor.try_tell(Cmd::Frail(1, times(100))).unwrap();
        actor.try_tell(Cmd::Frail(2, times(1))).unwrap();
        system.spawn(spec).await.unwrap();
        idle().await;
        assert_eq!(
            trace.take(),
            ["try 1", "try 1", "try 1", "try 2", "try 2", "done 2"],
            "each message has its own tries"
        );
        let counts = actor.counts();
        assert_eq!((counts.handled, counts.failed), (1, 1), "counted once");
        let letters = system.dead_letters().kept;
        assert_eq!(letters.len(), 1);
        assert!(matches!(&letters[0].reason, DeadReason::Poison(_)));
        assert_eq!(letters[0].seq, Some(0));
    }
}

#[tokio::test(start_paused = true)]
async fn a5_a_question_is_tried_again_and_its_asker_never_notices() {
    let system = system();
    let spec = frail(&Trace::default()).on_crash(Redeliver { at_most: 1 });
    let actor = system.spawn(spec).await.unwrap();
    let answer = actor.ask(|reply_to| Cmd::Asked(reply_to, times(1))).await;
    assert_eq!(answer.unwrap(), 7);
    assert_eq!(actor.restarts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a5_a_poisonous_question_fails_as_crashed_at_once() {
    let system = system();
    let spec = frail(&Trace::default()).on_crash(Redeliver { at_most: 1 });
    let actor = system.spawn(spec).await.unwrap();
    let began = system.now();
    let error = actor
        .ask(|reply_to| Cmd::Asked(reply_to, times(9)))
        .await
        .unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::Crashed));
    assert_eq!(system.now(), began);
}

#[tokio::test(start_paused = true)]
async fn a5_a_message_put_back_is_undelivered_when_nobody_comes_back_for_it() {
    let system = system();
    let spec = frail(&Trace::default())
        .on_crash(Redeliver { at_most: 5 })
        .restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    actor.tell(Cmd::Waits).await.unwrap();
    idle().await;
    actor.kill();
    soon(actor.closed()).await;
    let counts = actor.counts();
    assert_eq!((counts.failed, counts.undelivered), (0, 1));
    assert!(counts.is_conserved());
    assert_eq!(
        system.dead_letters().kept[0].reason,
        DeadReason::Undelivered
    );
}

/// A message whose destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("scripted bomb");
        }
    }
}

struct Bunker;

impl Actor for Bunker {
    type Msg = Bomb;

    async fn handle(&mut self, msg: Bomb, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        std::mem::forget(msg);
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a5_messages_that_panic_when_dropped_do_not_keep_their_actor_from_ending() {
    let system = system();
    for is_detached in [false, true] {
        let spec = ChildSpec::new("bunker", || Bunker).restart(Restart::Temporary);
        let actor = match is_detached {
            true => system.spawn_detached(spec).unwrap(),
            false => system.spawn(spec).await.unwrap(),
        };
        for _ in 0..3 {
            actor.tell(Bomb).await.unwrap_or_else(std::mem::forget);
        }
        idle().await;
        actor.kill();
        soon(actor.closed()).await;
        assert_eq!(actor.counts().undelivered, 2);
        assert!(actor.counts().is_conserved());
    }
    idle().await;
    let undelivered = |l: &&callboard::actor::DeadLetter| l.reason == DeadReason::Undelivered;
    let letters = system.dead_letters().kept;
    assert_eq!(letters.iter().filter(undelivered).count(), 4);
    assert_eq!(system.tree().children.len(), 0);
}
