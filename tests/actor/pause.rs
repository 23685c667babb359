use callboard::actor::Lifecycle;
use callboard::prelude::*;

use crate::common::{Msg, deed, hold, idle, pass, poll_once, probe, soon, system};

#[tokio::test(start_paused = true)]
async fn b7_a_paused_actor_handles_nothing_and_its_mailbox_fills() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(2)).await.unwrap();
    actor.pause();
    assert_eq!(actor.state(), Lifecycle::Maintenance);
    actor.tell(Msg::Note(1)).await.unwrap();
    actor.tell(Msg::Note(2)).await.unwrap();
    pass(secs(10)).await;
    assert_eq!(actor.counts().queued, 2);
    assert!(actor.try_tell(Msg::Note(3)).unwrap_err().is_full());
    actor.resume();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 2]);
    assert_eq!(actor.state(), Lifecycle::Ready);
}

#[tokio::test(start_paused = true)]
async fn b7_a_pause_lets_the_message_in_hand_finish_and_keeps_the_order() {
    let system = system();
    let spec = probe("a").mailbox(8);
    let actor = spec.actor_ref();
    let (msg, held) = Msg::hold();
    actor.try_tell(msg).unwrap();
    for n in 1..=3 {
        actor.try_tell(Msg::Note(n)).unwrap();
    }
    system.spawn(spec).await.unwrap();
    soon(held.entered).await.unwrap();
    actor.pause();
    drop(held.release);
    idle().await;
    let counts = actor.counts();
    assert_eq!((counts.handled, counts.queued, counts.in_hand), (1, 3, 0));
    actor.tell(Msg::Note(4)).await.unwrap();
    actor.resume();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn b7_a_paused_actor_can_be_stopped_and_killed() {
    for how in ["stop", "kill"] {
        let system = system();
        let spec = probe("a").restart(Restart::Temporary);
        let actor = system.spawn(spec).await.unwrap();
        actor.pause();
        actor.tell(Msg::Note(1)).await.unwrap();
        match how {
            "stop" => actor.stop(),
            _ => actor.kill(),
        }
        soon(actor.closed()).await;
        assert_eq!(actor.counts().undelivered, 1, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn b7_a_pause_lasts_over_a_restart_and_can_be_ended() {
    for how in ["stop", "kill"] {
        let system = system();
        let actor = system.spawn(probe("a")).await.unwrap();
        actor.pause();
        actor.tell(Msg::Note(1)).await.unwrap();
        match how {
            "stop" => actor.stop(),
            _ => actor.kill(),
        }
        idle().await;
        assert_eq!(actor.incarnation(), 1, "{how}");
        assert_eq!(actor.state(), Lifecycle::Maintenance, "{how}");
        assert_eq!(actor.counts().queued, 1, "{how}");
        actor.resume();
        assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1], "{how}");
        assert_eq!(actor.state(), Lifecycle::Ready, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn b7_a_pause_before_the_start_holds_from_the_start() {
    let system = system();
    let spec = probe("a");
    let actor = spec.actor_ref();
    actor.pause();
    actor.tell(Msg::Note(1)).await.unwrap();
    system.spawn(spec).await.unwrap();
    idle().await;
    assert_eq!(actor.state(), Lifecycle::Maintenance);
    assert_eq!(actor.counts().queued, 1);
    actor.resume();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn b7_an_ask_to_a_paused_actor_runs_out_of_time() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    actor.pause();
    let error = actor.ask(Msg::Seen).deadline(secs(1)).await.unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::Timeout));
}

/// Pauses an actor when it is dropped.
struct Spiteful(ActorRef<Msg>);

impl Drop for Spiteful {
    fn drop(&mut self) {
        self.0.pause();
    }
}

#[tokio::test(start_paused = true)]
async fn b7_a_pause_that_meets_the_end_does_not_hide_it() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    actor.pause();
    let spiteful = Spiteful(actor.clone());
    let msg = deed(move |_, _| {
        let _kept = &spiteful;
        Box::pin(async { Ok(()) })
    });
    actor.tell(msg).await.unwrap();
    actor.kill();
    soon(actor.closed()).await;
    assert_eq!(actor.state(), Lifecycle::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn b7_an_ended_actor_cannot_be_paused() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    actor.stop();
    soon(actor.closed()).await;
    actor.pause();
    assert_eq!(actor.state(), Lifecycle::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn a13_a_paused_actor_is_drained_at_shutdown_and_not_killed() {
    let system = System::new("t");
    let mut probe = callboard::testing::Probe::<u32>::start(&system, "probe")
        .await
        .unwrap();
    let actor = probe.actor();
    actor.pause();
    actor.tell(1).await.unwrap();

    let report = system.shutdown(secs(10)).await.unwrap();
    assert_eq!(report.unfinished, Vec::<String>::new());
    assert_eq!(probe.next().await, 1);
}

/// Refused at the door, which is a full mailbox.
fn is_refused(actor: &ActorRef<Msg>, n: u64) -> bool {
    actor.try_tell(Msg::Note(n)).is_err_and(|e| e.is_full())
}

#[tokio::test(start_paused = true)]
async fn b7_maintenance_has_an_overflow_rule_of_its_own_and_gives_the_old_one_back() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    actor.maintain(Overflow::Reject);
    assert_eq!(actor.state(), Lifecycle::Maintenance);
    actor.tell(Msg::Note(1)).await.unwrap();
    let refused = soon(actor.tell(Msg::Note(2))).await.unwrap_err();
    assert!(matches!(refused, TellError::Full(_)), "nobody waits for it");
    actor.resume();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
    // Block again: a sender waits for room.
    let release = hold(&actor).await;
    let mut waiting = std::pin::pin!(actor.tell(Msg::Note(3)));
    assert!(poll_once(&mut waiting).await.is_pending());
    drop(release);
    soon(waiting).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn b7_each_rule_can_be_that_of_a_maintenance() {
    for (rule, left) in [
        (Overflow::Reject, [1, 2]),
        (Overflow::DropNewest, [1, 2]),
        (Overflow::DropOldest, [2, 3]),
    ] {
        let system = system();
        let actor = system.spawn(probe("a").mailbox(2)).await.unwrap();
        actor.maintain(rule);
        actor.tell(Msg::Note(1)).await.unwrap();
        actor.tell(Msg::Note(2)).await.unwrap();
        assert_eq!(is_refused(&actor, 3), rule == Overflow::Reject, "{rule}");
        let letters = u64::from(rule != Overflow::Reject);
        assert_eq!(system.dead_letters().total, letters, "{rule}");
        actor.resume();
        assert_eq!(actor.ask(Msg::Seen).await.unwrap(), left, "{rule}");
        assert!(actor.counts().is_conserved(), "{rule}");
    }
}

#[tokio::test(start_paused = true)]
async fn b7_a_second_word_changes_the_rule_and_not_what_it_returns_to() {
    let system = system();
    let mailbox = Mailbox::bounded(1).overflow(Overflow::DropNewest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    actor.pause();
    actor.maintain(Overflow::Block);
    actor.maintain(Overflow::Reject);
    actor.pause();
    actor.tell(Msg::Note(1)).await.unwrap();
    assert!(is_refused(&actor, 2));
    actor.resume();
    idle().await;
    let release = hold(&actor).await;
    assert!(!is_refused(&actor, 3), "dropped as newest, as ever");
    drop(release);
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn b7_who_waits_for_room_when_a_maintenance_begins_is_not_overtaken() {
    for (rule, left) in [
        (Overflow::Reject, vec![1, 2]),
        (Overflow::DropNewest, vec![1, 2]),
        (Overflow::DropOldest, vec![3]),
    ] {
        let system = system();
        let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
        actor.pause();
        actor.tell(Msg::Note(1)).await.unwrap();
        let mut waiting = std::pin::pin!(actor.tell(Msg::Note(2)));
        assert!(poll_once(&mut waiting).await.is_pending());
        actor.maintain(rule);
        let _ = actor.try_tell(Msg::Note(3));
        actor.resume();
        soon(waiting).await.unwrap();
        idle().await;
        assert_eq!(actor.ask(Msg::Seen).await.unwrap(), left, "{rule}");
        let dead = system.dead_letters().total;
        let dropped = match rule {
            Overflow::Reject => 0,
            Overflow::DropNewest => 1,
            _ => 2,
        };
        assert_eq!(dead, dropped, "{rule}");
        assert!(actor.counts().is_conserved(), "{rule}");
    }
}

#[tokio::test(start_paused = true)]
async fn b7_in_a_maintenance_what_is_in_hand_is_displaced_by_nobody() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let mut waiting = std::pin::pin!(actor.tell(Msg::Note(1)));
    assert!(poll_once(&mut waiting).await.is_pending());
    actor.maintain(Overflow::DropOldest);
    actor.tell(Msg::Note(2)).await.unwrap();
    drop(release);
    soon(waiting).await.unwrap();
    actor.resume();
    assert_eq!(
        actor.ask(Msg::Seen).await.unwrap(),
        [1],
        "the newcomer went"
    );
    assert_eq!(system.dead_letters().total, 1);
}

#[tokio::test(start_paused = true)]
async fn b7_in_a_maintenance_that_drops_the_oldest_newcomers_overtake_nobody_who_waits() {
    let system = system();
    let spec = probe("a").mailbox(2);
    let actor = spec.actor_ref();
    // Taken in one go: nothing is left in the queue that could be displaced.
    let (msg, held) = Msg::hold();
    actor.try_tell(msg).unwrap();
    actor.try_tell(Msg::Note(1)).unwrap();
    system.spawn(spec).await.unwrap();
    soon(held.entered).await.unwrap();
    let mut second = std::pin::pin!(actor.tell(Msg::Note(2)));
    let mut third = std::pin::pin!(actor.tell(Msg::Note(3)));
    assert!(poll_once(&mut second).await.is_pending());
    assert!(poll_once(&mut third).await.is_pending());
    actor.maintain(Overflow::DropOldest);
    drop(held.release);
    idle().await;
    assert_eq!(actor.counts().queued, 2, "put back, and the second let in");
    actor.try_tell(Msg::Note(4)).unwrap();
    actor.resume();
    soon(third).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 2, 3]);
    assert_eq!(system.dead_letters().total, 1, "the newcomer");
}

#[tokio::test(start_paused = true)]
async fn b7_a_drain_and_an_end_for_good_end_a_maintenance_and_its_rule() {
    let system = system();
    let spec = probe("a").mailbox(1).restart(Restart::Transient);
    let actor = spec.actor_ref();
    let team = Supervisor::new("team")
        .child(spec)
        .start(&system)
        .await
        .unwrap();
    for how in ["drain", "terminate"] {
        actor.maintain(Overflow::Reject);
        match how {
            "drain" => actor.drain(),
            _ => team.terminate_child("a").await.unwrap(),
        }
        soon(actor.closed()).await;
        team.restart_child("a").await.unwrap();
        let release = hold(&actor).await;
        let mut waiting = std::pin::pin!(actor.tell(Msg::Note(1)));
        assert!(poll_once(&mut waiting).await.is_pending(), "{how}");
        drop(release);
        soon(waiting).await.unwrap();
    }
}
