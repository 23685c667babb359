use callboard::actor::Lifecycle;
use callboard::prelude::*;

use crate::common::{Msg, idle, pass, probe, soon, system};

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
